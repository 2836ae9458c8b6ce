//! The boundary of the sandbox: the interface's bindings, and each function that a guest can call.

pub(super) mod allowance;
pub(super) mod batch;
pub(super) mod bindings;
pub(super) mod chain;
pub(super) mod claim;
mod columns;
pub(super) mod guest;
mod host_calls;
pub(super) mod manifest;
mod named_kinds;
mod rows;
pub(super) mod state;
pub(super) mod subscribe;
pub(super) mod time;
pub(super) mod wasi;
pub(super) mod world;
