//! What a detector may use up. Whatever goes past a limit ends that batch for that detector only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of one detector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest size of the component, bytes.
    pub component_bytes: usize,
    /// Most processor time that compiling it may take, milliseconds.
    pub compile_deadline_ms: u64,
    /// Most memory that compiling it may take, bytes.
    pub compile_memory_bytes: u64,
    /// Largest size of its memories, all together, bytes.
    pub memory_bytes: usize,
    /// Most elements of its tables, all together.
    pub table_elements: usize,
    /// Most core instances, memories and tables that it is made of, each.
    pub instances: usize,
    /// Largest stack, bytes.
    pub stack_bytes: usize,
    /// Longest that it may take over one batch, milliseconds.
    pub batch_deadline_ms: u64,
    /// Longest that it may take to describe itself or to start, milliseconds.
    pub start_deadline_ms: u64,
    /// Most WebAssembly instructions, roughly, on one batch: a deadline that is the same on every machine. Counting
    /// makes a detector 5 to 40 percent slower. Not counted where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_per_batch: Option<u64>,
    /// The same on describing itself, and on one start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_per_start: Option<u64>,
    /// How many batches may wait for it before that is reported as a gap in the watch.
    pub batches_behind: u64,
    /// Most reads of the chain on one batch.
    pub chain_reads_per_batch: u32,
    /// Largest sum of what these reads ask and answer on one batch, bytes.
    pub chain_read_bytes: usize,
    /// Largest size of its state, keys and values together, bytes.
    pub state_bytes: usize,
    /// Most writes to its state on one batch.
    pub state_writes_per_batch: u32,
    /// Largest sum of what these write on one batch, keys and values together, bytes.
    pub state_write_bytes_per_batch: usize,
    /// Most findings on one batch.
    pub findings_per_batch: usize,
    /// Largest size of one finding, all its text together, bytes.
    pub finding_bytes: usize,
    /// Largest size of all findings of one batch together, bytes.
    pub findings_bytes_per_batch: usize,
    /// Most log lines on one batch; what is past that is dropped and counted.
    pub log_lines_per_batch: u32,
    /// Longest log line, bytes; what is past that is cut.
    pub log_line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes: 32 << 20,
            compile_deadline_ms: 120_000,
            compile_memory_bytes: 2 << 30,
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            instances: 64,
            stack_bytes: 512 << 10,
            batch_deadline_ms: 1_000,
            start_deadline_ms: 5_000,
            fuel_per_batch: None,
            fuel_per_start: None,
            batches_behind: 16,
            chain_reads_per_batch: 64,
            chain_read_bytes: 1 << 20,
            state_bytes: 16 << 20,
            state_writes_per_batch: 10_000,
            state_write_bytes_per_batch: 4 << 20,
            findings_per_batch: 100,
            finding_bytes: 16 << 10,
            findings_bytes_per_batch: 1 << 20,
            log_lines_per_batch: 100,
            log_line_bytes: 1 << 10,
        }
    }
}

/// A guest runs on a thread of 2 MiB, and what the host does for it takes the rest.
const STACK_BYTES_AT_MOST: usize = 1 << 20;
const STACK_BYTES_AT_LEAST: usize = 16 << 10;

/// Most handles that a guest holds at once. It is lent one batch; what else there is comes of WASI.
pub(super) const HANDLES_AT_MOST: usize = 1_024;

/// Below this the compiler itself does not start.
const COMPILE_MEMORY_AT_LEAST: u64 = 64 << 20;

/// What an engine fixes for all guests on it: components are compiled for one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EngineSettings {
    /// Stack of each guest, bytes.
    pub stack_bytes: usize,
    /// Whether fuel is counted.
    pub counts_fuel: bool,
}

/// One limit, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Its key in the config.
    pub key: &'static str,
    /// Its value, with its unit: `64 MiB`, `1,000 ms`.
    pub value: String,
    /// What happens to whatever goes past it.
    pub past: &'static str,
}

impl Limits {
    /// Returns the part of the limits that an engine fixes.
    pub fn engine(&self) -> EngineSettings {
        EngineSettings {
            stack_bytes: self.stack_bytes,
            counts_fuel: self.fuel_per_batch.or(self.fuel_per_start).is_some(),
        }
    }

    /// Returns each limit that can't be, by its key, with what is wrong.
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        let mut mistakes = Vec::new();
        let mut expect = |key: &'static str, holds: bool, message: &str| {
            if !holds {
                mistakes.push((key, message.to_owned()));
            }
        };
        let stack = STACK_BYTES_AT_LEAST..=STACK_BYTES_AT_MOST;
        expect("stack_bytes", stack.contains(&self.stack_bytes), "a stack has 16384 to 1048576 bytes");
        let memory = format!("the compiler needs {COMPILE_MEMORY_AT_LEAST} bytes at least");
        expect("compile_memory_bytes", self.compile_memory_bytes >= COMPILE_MEMORY_AT_LEAST, &memory);
        for (key, fuel) in [("fuel_per_batch", self.fuel_per_batch), ("fuel_per_start", self.fuel_per_start)] {
            expect(key, fuel != Some(0), "without fuel it can do nothing; leave it out");
        }
        for (key, value) in [
            ("compile_deadline_ms", self.compile_deadline_ms),
            ("batch_deadline_ms", self.batch_deadline_ms),
            ("start_deadline_ms", self.start_deadline_ms),
        ] {
            expect(key, (1..=86_400_000).contains(&value), "a deadline has 1 to 86400000 milliseconds");
        }
        mistakes
    }

    /// Returns the defaults with these values in their place, by key.
    ///
    /// # Errors
    ///
    /// If a key is no limit, or a limit can't have this value.
    pub fn stated(values: &BTreeMap<String, u64>) -> Result<Self, String> {
        let limits: Self = serde_json::from_value(serde_json::json!(values)).map_err(|error| error.to_string())?;
        match limits.mistakes().first() {
            Some((key, why)) => Err(format!("`{key}`: {why}")),
            None => Ok(limits),
        }
    }

    /// Returns the limits whose values are others than `before` has: key, value before, value here, both in words.
    pub fn beside(&self, before: &Self) -> Vec<(&'static str, String, String)> {
        let rows = before.table().into_iter().zip(self.table());
        let changed = rows.filter(|(was, is)| was.value != is.value);
        changed.map(|(was, is)| (is.key, was.value, is.value)).collect()
    }

    /// Returns the most bytes that a guest hands over in one call: the host copies them before anybody can count what they mean.
    pub(super) fn transfer_bytes(&self) -> usize {
        self.findings_bytes_per_batch.saturating_mul(2).max(4 << 20)
    }

    /// Returns every limit in words, in the order of a detector's life.
    pub fn table(&self) -> Vec<Limit> {
        let row = |key, value: String, past| Limit { key, value, past };
        let each = |count: u64| thousands(count);
        let fuel = |fuel: Option<u64>| fuel.map_or_else(|| "not counted".to_owned(), thousands);
        vec![
            row("component_bytes", bytes(self.component_bytes as u64), "not admitted"),
            row("compile_deadline_ms", milliseconds(self.compile_deadline_ms), "compiling is ended; not admitted"),
            row("compile_memory_bytes", bytes(self.compile_memory_bytes), "compiling is ended; not admitted"),
            row("memory_bytes", bytes(self.memory_bytes as u64), "gets no more; the batch fails where it can't go on"),
            row(
                "table_elements",
                each(self.table_elements as u64),
                "gets no more; the batch fails where it can't go on",
            ),
            row("instances", each(self.instances as u64), "not admitted"),
            row("stack_bytes", bytes(self.stack_bytes as u64), "the batch fails"),
            row("batch_deadline_ms", milliseconds(self.batch_deadline_ms), "the batch fails"),
            row("start_deadline_ms", milliseconds(self.start_deadline_ms), "not admitted, or the batch fails"),
            row("batches_behind", each(self.batches_behind), "reported as a gap in the watch"),
            row("fuel_per_batch", fuel(self.fuel_per_batch), "the batch fails, on a replay too"),
            row("fuel_per_start", fuel(self.fuel_per_start), "not admitted, or the batch fails, on a replay too"),
            row("chain_reads_per_batch", each(self.chain_reads_per_batch.into()), "answered `budget`"),
            row("chain_read_bytes", bytes(self.chain_read_bytes as u64), "answered `budget`"),
            row("state_bytes", bytes(self.state_bytes as u64), "the write is refused"),
            row("state_writes_per_batch", each(self.state_writes_per_batch.into()), "the write is refused"),
            row("state_write_bytes_per_batch", bytes(self.state_write_bytes_per_batch as u64), "the write is refused"),
            row("findings_per_batch", each(self.findings_per_batch as u64), "the batch fails"),
            row("finding_bytes", bytes(self.finding_bytes as u64), "the batch fails"),
            row("findings_bytes_per_batch", bytes(self.findings_bytes_per_batch as u64), "the batch fails"),
            row("log_lines_per_batch", each(self.log_lines_per_batch.into()), "dropped and counted"),
            row("log_line_bytes", bytes(self.log_line_bytes as u64), "cut"),
        ]
    }
}

fn milliseconds(count: u64) -> String {
    format!("{} ms", thousands(count))
}

/// In the largest binary unit that divides it.
fn bytes(count: u64) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if count >= size && count.is_multiple_of(size) {
            return format!("{} {unit}", thousands(count / size));
        }
    }
    format!("{} bytes", thousands(count))
}

fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_shown_with_its_unit() {
        let limits = Limits {
            fuel_per_batch: Some(12_345_678),
            fuel_per_start: Some(1),
            log_line_bytes: 1_500,
            ..Limits::default()
        };
        let keys = serde_json::to_value(&limits).unwrap();
        let table = limits.table();
        let shown = |key: &str| table.iter().find(|limit| limit.key == key).map(|limit| limit.value.as_str());
        for key in keys.as_object().unwrap().keys() {
            assert!(shown(key).is_some(), "`{key}` is not shown");
        }
        assert_eq!(table.len(), keys.as_object().unwrap().len());
        assert_eq!(shown("memory_bytes"), Some("64 MiB"));
        assert_eq!(shown("batch_deadline_ms"), Some("1,000 ms"));
        assert_eq!(shown("fuel_per_batch"), Some("12,345,678"));
        assert_eq!(shown("log_line_bytes"), Some("1,500 bytes"));
    }

    #[test]
    fn limits_that_cannot_be_are_reported_by_key() {
        let wrong = Limits {
            stack_bytes: 8 << 20,
            start_deadline_ms: 0,
            fuel_per_batch: Some(0),
            fuel_per_start: Some(0),
            ..Limits::default()
        };
        let keys: Vec<_> = wrong.mistakes().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["stack_bytes", "fuel_per_batch", "fuel_per_start", "start_deadline_ms"]);
        assert_eq!(Limits::default().mistakes(), []);
    }

    #[test]
    fn stated_limits_are_the_defaults_but_for_what_they_say() {
        let stated = |key: &str, value| Limits::stated(&BTreeMap::from([(key.to_owned(), value)]));
        let limits = stated("batch_deadline_ms", 2_000).unwrap();
        let differs = limits.beside(&Limits::default());
        assert_eq!(differs, [("batch_deadline_ms", "1,000 ms".to_owned(), "2,000 ms".to_owned())]);
        assert!(stated("deadline", 1).unwrap_err().contains("unknown field `deadline`"));
        assert!(stated("batch_deadline_ms", 0).unwrap_err().contains("`batch_deadline_ms`: a deadline has"));
    }
}
