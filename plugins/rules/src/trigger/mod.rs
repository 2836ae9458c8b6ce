//! What makes candidates: one kind of row of a batch each, with the names that its rules can use.

pub mod call;
pub mod common;
pub mod event;
pub mod index;
pub mod level;
pub mod rows;
pub mod silence;
pub mod words;
