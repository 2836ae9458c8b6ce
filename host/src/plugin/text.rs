//! Text from guests: bounded, and free of what a terminal, a log or a page would take for a command.

pub(super) use crate::text::{line, lines};
