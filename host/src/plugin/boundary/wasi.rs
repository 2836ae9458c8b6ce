//! WASI for guests whose language's runtime brings it along: nothing granted, the block's time for a clock, and
//! randomness that the block seeds, so that a replay gives the same.
//!
//! Nothing in it waits: a deadline ends a guest's own code, not a host that sleeps on its behalf. Whatever a guest would
//! wait for is there at once, for its clock stands still as long as it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng, TryRng};
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::digest::Hasher;

/// Packages of WASI 0.2 that are there.
const PACKAGES: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
/// The interface of waiting, as wasmtime-wasi names it; guests of other 0.2 versions are linked to the same.
const POLL: &str = "wasi:io/poll@0.2.12";
/// Most random bytes at once.
const RANDOM_BYTES_AT_MOST: u64 = 64 << 10;

/// Whether an import is one of WASI's that the host has.
pub(in crate::plugin) fn is_known(import: &str) -> bool {
    PACKAGES.iter().any(|package| import.starts_with(package))
}

/// All of WASI that a guest can import.
pub(in crate::plugin) fn add_to_linker<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    let mut poll = linker.instance(POLL)?;
    poll.func_wrap("poll", |_, (all,): (Vec<Resource<DynPollable>>,)| {
        if all.is_empty() {
            return Err(wasmtime::Error::msg("it polls nothing"));
        }
        Ok(((0..all.len() as u32).collect::<Vec<u32>>(),))
    })?;
    poll.func_wrap("[method]pollable.block", |_, _: (Resource<DynPollable>,)| Ok(()))?;
    poll.func_wrap("[method]pollable.ready", |_, _: (Resource<DynPollable>,)| Ok((true,)))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// A guest's WASI, and what sets its time and its seed.
pub(in crate::plugin) struct Wasi {
    ctx: WasiCtx,
    time: Time,
    random: Seeded,
}

#[derive(Clone, Default)]
struct Time(Arc<AtomicU64>);

#[derive(Clone)]
struct Seeded(Arc<Mutex<StdRng>>);

impl Wasi {
    pub(in crate::plugin) fn new() -> Self {
        let time = Time::default();
        let random = Seeded(Arc::new(Mutex::new(StdRng::from_seed([0; 32]))));
        let mut builder = WasiCtxBuilder::new();
        builder
            .wall_clock(time.clone())
            .monotonic_clock(time.clone())
            .secure_random(random.clone())
            .insecure_random(random.clone())
            .insecure_random_seed(0)
            .max_random_size(RANDOM_BYTES_AT_MOST)
            .stdout(Mute)
            .stderr(Mute)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        Self { ctx: builder.build(), time, random }
    }

    /// Returns what wasmtime-wasi works on: this, and the table of its guest's handles.
    pub(super) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiCtxView<'a> {
        WasiCtxView { ctx: &mut self.ctx, table }
    }

    /// Sets the clocks to chain time, and the randomness to what detector and input give.
    pub(in crate::plugin) fn begin(&mut self, detector: &str, input: &[u8], timestamp_s: u64) {
        self.time.0.store(timestamp_s, Ordering::Relaxed);
        let seed = Hasher::new("randomness").text(detector).bytes(input).finish();
        *self.random.0.lock().unwrap_or_else(PoisonError::into_inner) = StdRng::from_seed(seed.0);
    }
}

/// Output that goes nowhere, a little at a time: a guest that writes gives the host its turn.
#[derive(Clone, Copy)]
struct Mute;

/// Most bytes of one write.
const WRITE_BYTES_AT_MOST: usize = 4 << 10;

impl IsTerminal for Mute {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Mute {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(*self)
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Mute {
    async fn ready(&mut self) {}
}

impl OutputStream for Mute {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE_BYTES_AT_MOST {
            let message = format!("it wrote {} bytes where `check-write` allows {WRITE_BYTES_AT_MOST}", bytes.len());
            return Err(StreamError::trap(&message));
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_AT_MOST)
    }
}

impl HostWallClock for Time {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

impl HostMonotonicClock for Time {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed).saturating_mul(1_000_000_000)
    }
}

impl TryRng for Seeded {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
        Ok(())
    }
}
