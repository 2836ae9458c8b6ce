//! Recordings: blocks in JSON-RPC shape with what else came in, one JSON object after another, gzipped or not.

mod answers;
mod line;
mod objects;
mod read;
mod write;

pub use answers::{KeptAnswers, Strangers, file_beside};
pub use read::{Item, Recording, RecordingError};
pub use write::{Writer, answer_line, block_line};
