//! What is delivered to a receiver that keeps pace, a webhook of this machine: by itself, and while blocks flow.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use watchfire::app::engine::{Engine, Given};
use watchfire::app::live::main_loop::wall_clock_ms;
use watchfire::app::live::messages::Message;
use watchfire::entry::Entry;
use watchfire::event::{Coverage, Event, Stamped};
use watchfire::finding::Severity;
use watchfire::journal::Journal;
use watchfire::source::Delivery;

use crate::pages::{pager, posts_to, receiver, run};
use crate::plans::with_team;
use crate::report::{Aim, Report};
use crate::{Bench, Nobody};

/// Each gap is an incident, and orders a notice and a proposal.
const PLAN: &str = r#"
[protocol]
incidents_per_hour = 1000000
conditions_per_hour = 1000000

[signal.blind]
summary = "The watch has a gap"
match = [{ detector = "watchfire/coverage" }]
group_by = ["subject"]
window_s = 600
interventions = ["warn"]
"#;

/// Rules that each block is shown to.
const RULES: usize = 10;
/// How long the next delivery may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let count = if bench.rounds == 1 { 200 } else { 4_000 };
    report
        .section(&format!("notices and proposals of {count} incidents, to a webhook of this machine that keeps pace"));
    let (alone, _) = deliver(bench, count, false)?;
    report.row("deliveries", alone, "in a s", Some(Aim::AtLeast(2_000.0)));
    let (beside, blocks) = deliver(bench, count, true)?;
    report.row(&format!("the same while blocks flow, under {RULES} rules"), beside, "in a s", None);
    report.row("blocks beside them", blocks, "in a s", None);
    Ok(())
}

/// Returns how many arrived in a second, of the notices and proposals of so many incidents, and how many blocks were taken in
/// beside them.
fn deliver(bench: &Bench, count: usize, with_blocks: bool) -> anyhow::Result<(f64, f64)> {
    let (port, arrived) = receiver()?;
    let folder = tempfile::tempdir()?;
    let fleet = bench.fleet((0..RULES).map(|at| bench.blocks.narrow(at)))?;
    let mut engine = Engine::new(Journal::open(&folder.path().join("bench.db"))?, fleet, Arc::new(Nobody))?;
    engine.set_channels(vec![pager()]);
    let mut take = |event| engine.take(Stamped { at_ms: wall_clock_ms(), event }, &Given::default());
    take(with_team(PLAN)?.1)?;
    for at in 0..count {
        let (kind, subject, message) = ("feed-silent".to_owned(), format!("feed/{at}"), "it says nothing".to_owned());
        take(Event::Coverage {
            coverage: Coverage { kind, subject, chain: None, severity: Severity::High, message, over: false },
        })?;
    }
    let all = engine.commit()?.iter().filter(|(_, entry)| matches!(entry, Entry::Effect(_))).count();

    let runtime = tokio::runtime::Runtime::new()?;
    let (messages, looping) = run(engine, &runtime)?;
    let (is_over, taken) = (Arc::new(AtomicBool::new(!with_blocks)), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    messages.blocking_send(posts_to(port)?).map_err(|_| anyhow::anyhow!("the loop has ended"))?;
    let flowing = {
        let (messages, is_over, taken) = (messages.clone(), is_over.clone(), taken.clone());
        let blocks: Vec<_> = bench.loops.iter().flatten().cloned().collect();
        std::thread::spawn(move || {
            let mut under_way = VecDeque::new();
            for block in blocks {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let (done, is_done) = tokio::sync::oneshot::channel();
                let delivery = Delivery { done: Some(done), ..Delivery::now(Event::Committed { block }) };
                if messages.blocking_send(Message::Input(delivery)).is_err() {
                    break;
                }
                under_way.push_back(is_done);
                // As a source in a backlog: the next ones are there before this one is durable.
                if under_way.len() >= 16 && under_way.pop_front().is_some_and(|first| first.blocking_recv().is_ok()) {
                    taken.fetch_add(1, Ordering::SeqCst);
                }
            }
            is_over.store(true, Ordering::SeqCst);
        })
    };
    let mut came = 0;
    // Without blocks left the rest would say nothing of both together.
    while came < all && !(with_blocks && is_over.load(Ordering::SeqCst)) {
        arrived.recv_timeout(PATIENCE).context("something was not posted")?;
        came += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    let blocks = taken.load(Ordering::SeqCst) as f64;
    is_over.store(true, Ordering::SeqCst);
    flowing.join().map_err(|_| anyhow::anyhow!("the blocks' thread panicked"))?;
    messages.blocking_send(Message::Stop).map_err(|_| anyhow::anyhow!("the loop has ended"))?;
    looping.join().map_err(|_| anyhow::anyhow!("the loop panicked"))??;
    Ok((came as f64 / seconds, blocks / seconds))
}
