//! A loop that is turned by hand.

use std::collections::BTreeSet;
use std::path::Path;

use alloy::primitives::B256;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;
use crate::app::engine::answers::Answers;
use crate::event::Stamped;
use crate::incident::IncidentId;
use crate::journal::{Channel, Filter, Hears, Journal, Urgency};
use crate::plan::Plan;
use crate::plugin::Fleet;

const PLAN: &str = r#"
[protocol]
incidents_per_hour = 1000000

[person.ana]
name = "Ana"
channels = { urgent = ["phone:+351 555 010 101"] }

[role.guardian]
kind = "decision-owner"
members = ["ana"]

[authority.desk]
kind = "off-chain"
role = "guardian"

[intervention.warn]
summary = "Ask exchanges to hold what comes from there"
kind = "off-chain"
authority = "desk"
owner = "guardian"
automation = "off"
reaction_s = 600
cost = { trust = 1, why = "an accusation, taken back if wrong", inside_boundary = true }

[signal.blind]
summary = "The watch has a gap"
match = [{ detector = "watchfire/coverage" }]
group_by = ["subject"]
window_s = 600
interventions = ["warn"]
"#;

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// A loop with what must outlive it.
struct Turned {
    turning: Loop,
    messages: mpsc::Sender<Message>,
    folder: TempDir,
    _runtime: Runtime,
}

fn opened(path: &Path) -> Engine {
    let journal = Journal::open(path).unwrap();
    let mut engine = Engine::new(journal, Fleet::new(), Arc::new(Answers::default())).unwrap();
    engine.set_channels(vec![Channel { name: "ops".into(), schemes: None, hears: Hears::All }]);
    engine
}

/// A loop over a journal in which so many notices wait for `ops`.
fn with_notices(count: usize) -> Turned {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = opened(&folder.path().join("journal.db"));
    let files = vec![("plan.toml".to_owned(), PLAN.to_owned())];
    let hash = Plan::load(&files).unwrap().hash();
    let mut take = |event| engine.take(Stamped { at_ms: wall_clock_ms(), event }, &Given::default()).unwrap();
    take(Event::Plan { protocol: Default::default(), hash, files, defaults: Default::default() });
    for at in 0..count {
        let (kind, subject, message) = ("feed-silent".to_owned(), format!("feed/{at}"), "it says nothing".to_owned());
        take(Event::Coverage {
            coverage: Coverage { chain: None, kind, subject, severity: Severity::High, message, over: false },
        });
    }
    engine.commit().unwrap();
    let runtime = Runtime::new().unwrap();
    let (messages, inbox) = mpsc::channel(16);
    let wiring = Wiring {
        output: Output::silent(),
        record: None,
        must_record: false,
        newest_ms: engine.newest_ms(),
        messages: inbox,
        back: messages.clone(),
        needs: watch::channel(BTreeMap::new()).0,
        patience: Duration::from_millis(4),
        failing: mpsc::unbounded_channel().0,
        ran: Default::default(),
        stop_after_blocks: None,
        pulse: Arc::new(Pulse::new(PATIENCE)),
        absence: None,
    };
    let turning = Loop::new(engine, wiring, runtime.handle().clone()).unwrap();
    Turned { turning, messages, folder, _runtime: runtime }
}

/// What waits for `ops`, by key.
fn waiting(engine: &Engine) -> Vec<(B256, IncidentId)> {
    let due = engine.outbox_due("ops", Urgency::Routine, wall_clock_ms() + 1, 10_000, &BTreeSet::new()).unwrap();
    due.into_iter().map(|one| (one.key, one.effect.effect.incident())).collect()
}

impl Turned {
    /// The receiver accepts all that waits.
    fn accept_all(&self) -> usize {
        let waiting = waiting(&self.turning.engine);
        for (key, incident) in &waiting {
            let (channel, keys) = ("ops".to_owned(), vec![*key]);
            let (incident, folded, posted) = (*incident, Vec::new(), Vec::new());
            self.turning.back.send(Attempt { channel, incident, keys, folded, posted, result: Ok(()) }).unwrap();
        }
        waiting.len()
    }

    /// How many deliveries are durable inputs, as another process reads the journal.
    fn durable(&self) -> usize {
        let journal = Journal::open_existing_read_only(&self.folder.path().join("journal.db")).unwrap();
        let mut rows = journal.entries(&Filter { kinds: vec!["input".into()], ..Filter::default() }).unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().unwrap() {
            let is_one = matches!(row.entry, Entry::Input(Stamped { event: Event::Delivered { .. }, .. }));
            count += usize::from(is_one);
        }
        count
    }
}

#[test]
fn what_came_of_deliveries_shares_a_commit_and_waits_for_no_block() {
    let mut one = with_notices(100);
    let sent = one.accept_all();
    assert!(sent >= 100, "{sent}");
    let before = one.turning.engine.newest_seq();
    one.turning.hear().unwrap();
    assert_eq!(one.turning.engine.newest_seq(), before + sent as u64, "all of them at once");
    assert!(one.turning.engine.has_uncommitted() && !one.turning.is_awaited, "nobody waits for each");
    assert_eq!(one.durable(), 0);
    // Nothing else comes, and they are committed all the same.
    let until = Instant::now() + PATIENCE;
    while one.turning.engine.has_uncommitted() && Instant::now() < until {
        assert!(one.turning.turn().unwrap());
    }
    assert_eq!(one.durable(), sent);
    assert!(waiting(&one.turning.engine).is_empty());
}

#[test]
fn what_ended_waits_behind_one_message_at_most() {
    let mut one = with_notices(20);
    for _ in 0..3 {
        one.messages.try_send(Message::CameBack).map_err(|_| "the loop takes messages").unwrap();
    }
    one.accept_all();
    // A turn may go to the upkeep instead.
    let until = Instant::now() + PATIENCE;
    while one.turning.messages.len() == 3 && !one.turning.answers.is_empty() && Instant::now() < until {
        assert!(one.turning.turn().unwrap());
    }
    assert!(one.turning.answers.is_empty());
    assert!(one.turning.messages.len() >= 2, "it was one turn");
}

#[test]
fn what_was_not_committed_is_delivered_again_by_the_same_key() {
    let mut one = with_notices(30);
    let before = waiting(&one.turning.engine);
    one.accept_all();
    one.turning.hear().unwrap();
    assert!(waiting(&one.turning.engine).is_empty());
    // It is killed before the commit.
    let Turned { turning, folder, .. } = one;
    drop(turning);
    let again = opened(&folder.path().join("journal.db"));
    assert_eq!(waiting(&again), before);
}
