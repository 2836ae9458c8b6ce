//! What all detectors may use up together, beside what the machine has: each keeps its limits, and the watch falls behind all the same.

use std::collections::BTreeMap;

use crate::app::config::Config;
use crate::app::deploy::load::warning;
use crate::block::ChainId;
use crate::diagnostic::Diagnostic;
use crate::source::evm::family::Family;

/// Ethereum's mainnet and its public test networks.
const ETHEREUM: [ChainId; 3] = [1, 11_155_111, 560_048];

/// What this machine has.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Threads that run at once.
    pub cores: usize,
    /// Memory, bytes; `None` if the system doesn't say.
    pub memory_bytes: Option<u64>,
}

impl Machine {
    /// Asks the system.
    pub fn this() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let said = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let total =
            said.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
        Self { cores, memory_bytes: total.map(|kib: u64| kib.saturating_mul(1_024)) }
    }
}

/// Returns a warning for each thing of which all detectors of a config may together use more than there is.
pub fn past_the_machine(config: &Config, machine: Machine) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut deadlines: BTreeMap<ChainId, (u64, usize)> = BTreeMap::new();
    for detector in config.detectors.values() {
        for chain in config.chain_ids(detector) {
            let (sum_ms, count) = deadlines.entry(chain).or_default();
            *sum_ms = sum_ms.saturating_add(detector.limits.batch_deadline_ms);
            *count += 1;
        }
    }
    for (name, chain) in &config.chains {
        let (Some(block_ms), Some((sum_ms, count))) = (block_ms(chain.id), deadlines.get(&chain.id)) else { continue };
        let has_ms = block_ms.saturating_mul(machine.cores as u64);
        if *sum_ms > has_ms {
            let message = format!(
                "its {count} detectors may take {sum_ms} ms of the processor for each block, and the {} cores here have {has_ms} ms \
                 until the next: hostile ones would hold all others up",
                machine.cores
            );
            let help = "lower `batch_deadline_ms` in [detector.….limits] to a few times what `plugin status` shows";
            found.push(warning(config, &["chain", name], message, help));
        }
    }
    let memory: u64 = config.detectors.values().fold(0, |sum, one| sum.saturating_add(one.limits.memory_bytes as u64));
    if let Some(has) = machine.memory_bytes.filter(|has| memory > *has) {
        let message = format!(
            "detectors may keep {} MiB of memory together, and this machine has {} MiB",
            memory >> 20,
            has >> 20
        );
        let help = "lower `memory_bytes` in [detector.….limits]";
        found.push(warning(config, &["detector"], message, help));
    }
    found
}

/// How long a block of a chain takes, milliseconds, where that is known.
fn block_ms(chain: ChainId) -> Option<u64> {
    match Family::of_chain(chain) {
        Family::Ethereum if ETHEREUM.contains(&chain) => Some(12_000),
        Family::OpStack | Family::Polygon | Family::Avalanche => Some(2_000),
        Family::Arbitrum => Some(250),
        Family::Bsc => Some(750),
        Family::Gnosis => Some(5_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A config of so many detectors, each with a deadline, on a chain.
    fn check(chain: ChainId, detectors: usize, deadline_ms: u64, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("d.wasm"), b"").unwrap();
        let mut text = format!("[chain.one]\nid = {chain}\nendpoints = [\"http://x\"]\n");
        for at in 0..detectors {
            text.push_str(&format!(
                "[detector.d{at}]\ncomponent = \"d.wasm\"\n[detector.d{at}.limits]\nbatch_deadline_ms = {deadline_ms}\n"
            ));
        }
        let file = folder.path().join("watchfire.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(&file).unwrap();
        let machine = Machine { cores: 2, memory_bytes: Some(1 << 30) };
        let found: Vec<String> = past_the_machine(&config, machine).iter().map(|found| found.message.clone()).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(expected).all(|(found, expected)| found.contains(expected)), "{found:?}");
    }

    #[test]
    fn limits_are_multiplied_and_held_against_the_machine() {
        check(1, 10, 1_000, &[]);
        check(1, 16, 2_000, &["16 detectors may take 32000 ms"]);
        check(42_161, 1, 1_000, &["1 detectors may take 1000 ms"]);
        check(42_161, 2, 100, &[]);
        check(31_337, 16, 1_000, &[]);
        check(31_337, 17, 1_000, &["keep 1088 MiB of memory together, and this machine has 1024 MiB"]);
    }
}
