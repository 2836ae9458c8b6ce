//! What this process takes up, as Linux tells it.

use std::fs;

fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() << 10
}

/// Milliseconds of processor time that it and the processes that it waited for have taken, in steps of a tick (proc(5)).
pub fn cpu_ms() -> u64 {
    const TICK_MS: u64 = 10;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let times = after_name.split_whitespace().skip(11).take(4);
    times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * TICK_MS
}

/// Bytes of memory that it takes now.
pub fn memory_now() -> u64 {
    status("VmRSS:")
}

/// The most that it took since that was set back.
pub fn memory_peak() -> u64 {
    status("VmHWM:")
}

pub fn reset_memory_peak() {
    // Where that can't be, the peak is that of all before, and the bound on it still holds or not.
    let _ = fs::write("/proc/self/clear_refs", "5");
}
