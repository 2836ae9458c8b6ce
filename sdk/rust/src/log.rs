//! Lines for the operator's log, at the author's service; the host limits their number and length.

#[cfg(target_arch = "wasm32")]
use crate::bindings::watchfire::detector::log as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::log as host;

/// For the author.
pub fn debug(message: &str) {
    host::write(host::Level::Debug, message);
}

/// For the curious operator.
pub fn info(message: &str) {
    host::write(host::Level::Info, message);
}

/// Something is not as it should be.
pub fn warn(message: &str) {
    host::write(host::Level::Warn, message);
}

/// Something failed.
pub fn error(message: &str) {
    host::write(host::Level::Error, message);
}
