//! Where a guest spends its time: its stack, looked at every so often while it runs.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use wasmtime::{GuestProfiler, Store, UpdateDeadline};

use crate::plugin::boundary::guest::Guest;
use crate::plugin::compile::runtime::Component;

/// Takes samples of one detector's instances, in its batches only.
#[derive(Clone)]
pub struct Sampler {
    profiler: Arc<Mutex<GuestProfiler>>,
    interval: Duration,
}

impl Sampler {
    pub(in crate::plugin) fn new(name: &str, component: &Component, interval: Duration) -> anyhow::Result<Self> {
        let engine = component.engine();
        let convert = |error: wasmtime::Error| anyhow::anyhow!("{error:#}");
        let profiler =
            GuestProfiler::new_component(engine, name, interval, component.compiled().clone(), []).map_err(convert)?;
        let profiler = Arc::new(Mutex::new(profiler));
        let (weak, engine): (Weak<_>, _) = (Arc::downgrade(&profiler), engine.weak());
        // Guests look at the epoch where functions and rounds of loops begin: that is when a sample can be taken.
        std::thread::Builder::new().name("samples".into()).spawn(move || {
            while weak.strong_count() > 0
                && let Some(engine) = engine.upgrade()
            {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(interval);
            }
        })?;
        Ok(Self { profiler, interval })
    }

    /// Has an instance sampled, whose batches must begin with a deadline of [`Sampler::DEADLINE_TICKS`].
    pub(in crate::plugin) fn watch(&self, store: &mut Store<Guest>) {
        let Self { profiler, interval } = self.clone();
        store.epoch_deadline_callback(move |context| {
            profiler.lock().unwrap_or_else(PoisonError::into_inner).sample(&context, interval);
            // The epoch comes round for each sample, so a batch's time is kept by the clock.
            context.data().expect_time()?;
            Ok(UpdateDeadline::Continue(Self::DEADLINE_TICKS))
        });
    }

    /// The next sample comes with the next tick.
    pub(in crate::plugin) const DEADLINE_TICKS: u64 = 1;

    /// Returns what was seen, in the processed profile format of the Firefox Profiler.
    ///
    /// # Errors
    ///
    /// If the detector is not gone yet.
    pub fn finish(self) -> anyhow::Result<Vec<u8>> {
        let profiler = Arc::try_unwrap(self.profiler).map_err(|_| anyhow::anyhow!("the detector is still at work"))?;
        let mut json = Vec::new();
        let profiler = profiler.into_inner().unwrap_or_else(PoisonError::into_inner);
        profiler.finish(&mut json).map_err(|error| anyhow::anyhow!("{error:#}"))?;
        Ok(json)
    }
}
