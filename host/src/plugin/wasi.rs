//! WASI for guests whose language's runtime brings it along: nothing granted, the block's time for a clock, and
//! randomness that the block seeds, so that a replay gives the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng, TryRng};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::guest::Guest;
use crate::digest::Hasher;

/// A guest's WASI, and what sets its time and its seed.
pub(super) struct Wasi {
    ctx: WasiCtx,
    time: Time,
    random: Seeded,
}

#[derive(Clone, Default)]
struct Time(Arc<AtomicU64>);

#[derive(Clone)]
struct Seeded(Arc<Mutex<StdRng>>);

impl Wasi {
    pub(super) fn new() -> Self {
        let time = Time::default();
        let random = Seeded(Arc::new(Mutex::new(StdRng::from_seed([0; 32]))));
        let mut builder = WasiCtxBuilder::new();
        builder
            .wall_clock(time.clone())
            .monotonic_clock(time.clone())
            .secure_random(random.clone())
            .insecure_random(random.clone())
            .insecure_random_seed(0)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        Self { ctx: builder.build(), time, random }
    }

    /// Sets the clocks to chain time, and the randomness to what detector and input give.
    pub(super) fn begin(&mut self, detector: &str, input: &[u8], timestamp_s: u64) {
        self.time.0.store(timestamp_s, Ordering::Relaxed);
        let seed = Hasher::new("randomness").text(detector).bytes(input).finish();
        *self.random.0.lock().unwrap_or_else(PoisonError::into_inner) = StdRng::from_seed(seed.0);
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.get_or_insert_with(Wasi::new);
        let table: &mut ResourceTable = &mut self.table;
        WasiCtxView { ctx: &mut wasi.ctx, table }
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
