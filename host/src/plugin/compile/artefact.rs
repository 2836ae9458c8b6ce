//! Machine code that the host may run, and the one place where it is let in.

use wasmtime::Engine;
use wasmtime::component::Component;

/// What a component was compiled to. Running it is running machine code, so one comes only from a compiler that this
/// host started, or from a file that carries this host's own MAC.
pub(super) struct Artefact(Vec<u8>);

impl Artefact {
    /// Takes machine code for trusted. The caller knows where every byte of it comes from.
    pub(super) fn vouched_for(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Lets it in. Refused where another wasmtime, or one of other settings, made it.
    #[allow(unsafe_code)]
    pub(super) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` asks for bytes that `precompile_component` gave, unchanged. An `Artefact` is made in
        // three places, and holds for each: by the engine in this process; by the host's own binary in a process that
        // this one started, over a pipe that nobody else holds; or read once into memory that is ours, out of a file
        // whose MAC under a key that only this user can read was checked over those very bytes.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}
