//! Progress of backfills: a bar for each chain on a terminal, a log line every few seconds elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::source::evm::follow::Progress;

/// Chains by name, with the progress of each.
pub type Chains = BTreeMap<String, watch::Receiver<Progress>>;

/// A backlog of fewer blocks than this is not worth showing.
const WORTH_SHOWING: u64 = 16;

/// Shows progress for as long as it is held.
pub struct Shown(JoinHandle<()>);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Shows the progress of all chains.
pub fn show(chains: watch::Receiver<Chains>) -> Shown {
    let on_terminal = std::io::stderr().is_terminal();
    Shown(tokio::spawn(async move {
        let mut bars = on_terminal.then(Bars::default);
        let mut logged = Logged::default();
        loop {
            tokio::time::sleep(Duration::from_millis(if on_terminal { 100 } else { 1_000 })).await;
            let all: Vec<(String, Progress)> =
                chains.borrow().iter().map(|(name, progress)| (name.clone(), progress.borrow().clone())).collect();
            for (name, progress) in all {
                match &mut bars {
                    Some(bars) => bars.show(&name, &progress),
                    None => logged.log(&name, &progress),
                }
            }
        }
    }))
}

fn behind(progress: &Progress) -> u64 {
    progress.head.saturating_sub(progress.cursor)
}

#[derive(Default)]
struct Bars {
    all: MultiProgress,
    by_name: BTreeMap<String, (ProgressBar, u64)>,
}

impl Bars {
    fn show(&mut self, name: &str, progress: &Progress) {
        if behind(progress) == 0 {
            if let Some((bar, _)) = self.by_name.remove(name) {
                bar.finish_and_clear();
            }
            return;
        }
        if !self.by_name.contains_key(name) {
            if behind(progress) < WORTH_SHOWING {
                return;
            }
            let style = "{prefix:.bold} catching up {bar:30} {pos}/{len} blocks, {per_sec}, {eta} left";
            let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = self.all.add(ProgressBar::new(0).with_style(style).with_prefix(name.to_owned()));
            self.by_name.insert(name.to_owned(), (bar, progress.cursor));
        }
        if let Some((bar, from)) = self.by_name.get(name) {
            bar.set_length(progress.head.saturating_sub(*from));
            bar.set_position(progress.cursor.saturating_sub(*from));
        }
    }
}

#[derive(Default)]
struct Logged(BTreeMap<String, (Instant, u64)>);

impl Logged {
    fn log(&mut self, name: &str, progress: &Progress) {
        if behind(progress) < WORTH_SHOWING {
            self.0.remove(name);
            return;
        }
        let now = Instant::now();
        let Some((at, cursor)) = self.0.get(name).copied() else {
            self.0.insert(name.to_owned(), (now, progress.cursor));
            return;
        };
        let elapsed = now.duration_since(at);
        if elapsed >= Duration::from_secs(5) {
            let rate = progress.cursor.saturating_sub(cursor) as f64 / elapsed.as_secs_f64();
            let left_s = if rate > 0.0 { behind(progress) as f64 / rate } else { f64::INFINITY };
            tracing::info!(
                chain = name,
                block = progress.cursor,
                head = progress.head,
                "catching up: {rate:.0} blocks/s, {left_s:.0} s left"
            );
            self.0.insert(name.to_owned(), (now, progress.cursor));
        }
    }
}
