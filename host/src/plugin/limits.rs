//! What a detector may use up. Whatever goes past a limit ends that batch for that detector only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of one detector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest size of the component, bytes.
    pub component_bytes: usize,
    /// Largest size of its memories, bytes each.
    pub memory_bytes: usize,
    /// Most elements of its tables, each.
    pub table_elements: usize,
    /// Most core instances that it is made of.
    pub instances: usize,
    /// Longest that it may take over one batch, milliseconds.
    pub batch_deadline_ms: u64,
    /// Longest that it may take to describe itself or to start, milliseconds.
    pub start_deadline_ms: u64,
    /// How many batches may wait for it before that is told as a gap in the watch.
    pub batches_behind: u64,
    /// Most reads of the chain on one batch.
    pub chain_reads_per_batch: u32,
    /// Largest sum of what these reads answer, bytes.
    pub chain_read_bytes: usize,
    /// Largest size of its state, keys and values together, bytes.
    pub state_bytes: usize,
    /// Most writes to its state on one batch.
    pub state_writes_per_batch: u32,
    /// Most findings on one batch.
    pub findings_per_batch: usize,
    /// Largest size of one finding, all its text together, bytes.
    pub finding_bytes: usize,
    /// Most log lines on one batch; what is past that is dropped and counted.
    pub log_lines_per_batch: u32,
    /// Longest log line, bytes; what is past that is cut.
    pub log_line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes: 32 << 20,
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            instances: 32,
            batch_deadline_ms: 1_000,
            start_deadline_ms: 5_000,
            batches_behind: 16,
            chain_reads_per_batch: 64,
            chain_read_bytes: 1 << 20,
            state_bytes: 16 << 20,
            state_writes_per_batch: 10_000,
            findings_per_batch: 100,
            finding_bytes: 16 << 10,
            log_lines_per_batch: 100,
            log_line_bytes: 1 << 10,
        }
    }
}
