//! The compiler's own process: it limits itself, reads a component from standard input, and writes machine code to
//! standard output.

use std::io::{Read, Write};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use wasmtime::Engine;

use crate::plugin::compile::engine::config;
use crate::plugin::limits::EngineSettings;

/// What a host asks of a compiler's process; JSON text on its command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) stack_bytes: usize,
    pub(super) counts_fuel: bool,
    pub(super) names_lines: bool,
    /// Most memory that it may take, bytes.
    pub(super) memory_bytes: u64,
    /// Most processor time that it may take, seconds: for when nobody is left to end it.
    pub(super) cpu_s: u64,
    /// The process that asks. In a container it is the first one.
    pub(super) host: u32,
}

/// Compiles what comes in by standard input, as a host's `request` says.
///
/// # Errors
///
/// If the request or the component is none, or this process can't limit itself.
pub fn compile_from_stdin(request: &str) -> anyhow::Result<()> {
    let request: Request = serde_json::from_str(request)?;
    limit(request)?;
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    let settings = EngineSettings { stack_bytes: request.stack_bytes, counts_fuel: request.counts_fuel };
    let convert = |error: wasmtime::Error| anyhow::anyhow!("{:#}", error.root_cause());
    let engine = Engine::new(&config(settings, request.names_lines)).map_err(convert)?;
    let artefact = engine.precompile_component(&bytes).map_err(convert)?;
    let mut out = std::io::stdout().lock();
    out.write_all(&artefact)?;
    out.flush()?;
    Ok(())
}

/// Takes from this process what a compiler does not need. Each can only be lowered.
fn limit(request: Request) -> std::io::Result<()> {
    // What it writes to, rather than what it maps: allocators reserve far more than they use.
    lower(Resource::Data, request.memory_bytes)?;
    lower(Resource::Cpu, request.cpu_s)?;
    lower(Resource::Core, 0)?;
    lower(Resource::Fsize, 0)?;
    lower(Resource::Nofile, 64)?;
    // Whatever is being watched goes first.
    let _ = rustix::process::nice(10);
    #[cfg(target_os = "linux")]
    confine(request.host)?;
    Ok(())
}

/// Takes what only Linux lets a process give up: it ends with its host, gains no privileges, opens no file, and reaches no other
/// process, program or network.
#[cfg(target_os = "linux")]
fn confine(host: u32) -> std::io::Result<()> {
    use landlock::{ABI, Access, AccessFs, Ruleset, RulesetAttr};
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before that was asked for: then somebody else has this process.
    if getppid().is_none_or(|parent| parent.as_raw_nonzero().get().cast_unsigned() != host) {
        return Err(std::io::Error::other("the host has ended"));
    }
    rustix::thread::set_no_new_privs(true)?;
    // By what the kernel knows of it; one that knows none of it leaves the limits above.
    let files = Ruleset::default().handle_access(AccessFs::from_all(ABI::V3)).and_then(|rules| rules.create());
    files.and_then(|rules| rules.restrict_self()).map(drop).map_err(std::io::Error::other)?;
    // As with files: a kernel that filters no calls leaves the limits above.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    let _ = crate::plugin::compile::calls::refuse();
    Ok(())
}

fn lower(resource: Resource, to: u64) -> std::io::Result<()> {
    let to = getrlimit(resource).maximum.map_or(to, |most| most.min(to));
    Ok(setrlimit(resource, Rlimit { current: Some(to), maximum: Some(to) })?)
}
