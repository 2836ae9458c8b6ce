//! Watchfire: streams chain and feed data to sandboxed WebAssembly detectors, collects their findings, and
//! decides by the protocol's response plan. ARCHITECTURE.md has the map.

// Floor 0: the nouns. No I/O, no tokio.
pub mod block;
pub mod chain_read;
pub mod column;
pub mod entry;
pub mod event;
pub mod failure_kind;
pub mod http;
pub mod note;
pub mod secret;
pub mod signature;
pub mod subscription;
pub mod text;
pub mod toml_file;
pub mod whole_file;

// The plan, and the desk that decides by it.
pub use watchfire_response::{
    brief, decision, defaults, desk, diagnostic, digest, drill, due, effect, fact, finding, incident, operator,
    outcome, plan, proof, protocol, record, staged, timeline, triage,
};

// Floor 1: pure logic.
pub mod narrow;
pub mod score;

// Floor 2: edges. They meet only in `app`.
pub mod deliver;
pub mod journal;
pub mod plugin;
pub mod share;
pub mod source;
pub mod stream;

// Floor 3.
pub mod app;
pub mod cli;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
