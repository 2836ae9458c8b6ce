//! Hostile guests: whatever they try, the host lives, says what happened, and the detectors beside them find what they
//! always find.

#![allow(clippy::unwrap_used)]

mod before;
mod caching;
mod compiling;
mod corpus;
mod deployed;
mod kit;
mod limits;
mod measure;
mod owning;
mod trial;
