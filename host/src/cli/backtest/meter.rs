//! Progress of a backtest: a bar on a terminal, a line now and then elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::block::Verification;
use crate::source::recording::Recording;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Counts what was read and shown.
pub(super) struct Meter {
    bar: ProgressBar,
    started: Instant,
    blocks: AtomicU64,
    read: AtomicU64,
    total: u64,
    /// When a line was written last; `None` on a terminal.
    lines: Option<Mutex<Instant>>,
}

impl Meter {
    pub(super) fn new(recordings: &[PathBuf]) -> anyhow::Result<Self> {
        let mut total = 0;
        for path in recordings {
            let levels = BTreeMap::from([(0, Verification::None)]);
            let opened = Recording::open(path, &levels)?;
            total += opened.progress().1;
        }
        let style = "backtest {bar:30} {percent}%, {msg}, {eta} left";
        let bar = ProgressBar::new(total).with_style(ProgressStyle::with_template(style)?);
        let started = Instant::now();
        let lines = (!std::io::stderr().is_terminal()).then(|| Mutex::new(started));
        Ok(Self { bar, started, blocks: AtomicU64::new(0), read: AtomicU64::new(0), total, lines })
    }

    pub(super) fn read(&self, units: u64) {
        self.read.fetch_add(units, Ordering::Relaxed);
        self.bar.inc(units);
    }

    pub(super) fn block(&self) {
        let blocks = self.blocks.fetch_add(1, Ordering::Relaxed) + 1;
        let elapsed = self.started.elapsed();
        let rate = blocks as f64 / elapsed.as_secs_f64().max(1e-3);
        match &self.lines {
            None => self.bar.set_message(format!("{blocks} blocks, {rate:.0} a second")),
            // Whoever finds another at it leaves it to them.
            Some(lines) => {
                if let Ok(mut last) = lines.try_lock()
                    && last.elapsed() >= LINE_EVERY
                {
                    *last = Instant::now();
                    let share = self.read.load(Ordering::Relaxed) as f64 / self.total.max(1) as f64;
                    let left_s = elapsed.as_secs_f64() * (1.0 / share.clamp(1e-6, 1.0) - 1.0);
                    let percent = 100.0 * share;
                    tracing::info!("{percent:.0} %, {blocks} blocks, {rate:.0} blocks/s, {left_s:.0} s left");
                }
            }
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
