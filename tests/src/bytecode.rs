//! Creation code of contracts that make blocks hard to read.

/// Emits a thousand logs while it is created.
pub const LOGS: &str = "0x6103e85b600160006000a1600190038060035700";
/// Creates itself from within itself for as long as the gas lasts.
pub const NEST: &str = "0x3860006000393860006000f000";
