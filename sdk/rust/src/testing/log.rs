//! What stands in for the operator's log.

use std::cell::RefCell;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the author.
    Debug,
    /// For the curious operator.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

thread_local! {
    static LINES: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

/// Forgets all lines.
pub fn clear() {
    LINES.with_borrow_mut(Vec::clear);
}

/// The lines so far.
pub fn lines() -> Vec<(Level, String)> {
    LINES.with_borrow(Vec::clone)
}

pub(crate) fn write(level: Level, message: &str) {
    LINES.with_borrow_mut(|lines| lines.push((level, message.to_owned())));
}
