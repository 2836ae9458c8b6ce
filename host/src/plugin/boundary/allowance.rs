//! How much memory, tables and instances a guest may have, all of it together: wasmtime's own limiter counts each memory
//! by itself, and a component may have many.

use wasmtime::ResourceLimiter;

use crate::plugin::limits::Limits;

/// What a guest has taken, and what it asked for in vain.
#[derive(Debug)]
pub(in crate::plugin) struct Allowance {
    memory_bytes: usize,
    memory_bytes_at_most: usize,
    table_elements: usize,
    table_elements_at_most: usize,
    instances_at_most: usize,
    denied: Option<String>,
}

impl Allowance {
    pub(in crate::plugin) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_at_most: limits.memory_bytes,
            table_elements: 0,
            table_elements_at_most: limits.table_elements,
            instances_at_most: limits.instances,
            denied: None,
        }
    }

    /// All of its memories together, bytes.
    pub(in crate::plugin) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// What was asked for in vain since this was asked last, in words.
    pub(in crate::plugin) fn take_denied(&mut self) -> Option<String> {
        self.denied.take()
    }
}

impl ResourceLimiter for Allowance {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory_bytes.saturating_sub(current).saturating_add(desired);
        if total > self.memory_bytes_at_most {
            self.denied = Some(format!(
                "it asked for {total} bytes of memory in all, `limits.memory_bytes` is {}",
                self.memory_bytes_at_most
            ));
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_sub(current).saturating_add(desired);
        if total > self.table_elements_at_most {
            self.denied = Some(format!(
                "it asked for {total} table elements in all, `limits.table_elements` is {}",
                self.table_elements_at_most
            ));
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances_at_most
    }

    fn tables(&self) -> usize {
        self.instances_at_most
    }

    fn memories(&self) -> usize {
        self.instances_at_most
    }
}
