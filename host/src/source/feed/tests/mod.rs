//! Feeds against real peers: servers in this process, and files.

mod jsonl;
mod live;
mod webhook;

use std::path::Path;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::{FeedConfig, FeedResume, FeedTask};
use crate::event::{Event, Observation};
use crate::source::Delivery;

/// A feed that runs, and what it says.
struct Running {
    deliveries: mpsc::Receiver<Delivery>,
    stop: watch::Sender<bool>,
    task: JoinHandle<anyhow::Result<()>>,
    /// What was observed, to resume after.
    observed: Vec<Observation>,
}

fn start(config: &str, folder: &Path, recent: Vec<Observation>) -> Running {
    let config: FeedConfig = toml::from_str(config).unwrap();
    let (out, deliveries) = mpsc::channel(64);
    let task = FeedTask::new("test".into(), config, folder, FeedResume { recent }, out).unwrap();
    let (stop, stopped) = watch::channel(false);
    Running { deliveries, stop, task: tokio::spawn(task.run(stopped)), observed: Vec::new() }
}

impl Running {
    /// What it says next: a value, or a fault of the coverage as `kind: message`.
    async fn next(&mut self) -> String {
        self.next_with().await.0
    }

    async fn next_with(&mut self) -> (String, Option<oneshot::Sender<()>>) {
        let waited = tokio::time::timeout(Duration::from_secs(20), self.deliveries.recv()).await;
        let Delivery { event, done, .. } = waited.expect("nothing came in 20 s").expect("the feed ended");
        let told = match event {
            Event::Observed { observation } => {
                let told = observation.value.text();
                self.observed.push(observation);
                told
            }
            Event::Coverage { coverage } => {
                let over = if coverage.over { " is over" } else { "" };
                format!("{}{over}: {}", coverage.kind, coverage.message)
            }
            other => panic!("{other:?}"),
        };
        (told, done)
    }

    /// That it says nothing for a while.
    async fn nothing(&mut self) {
        let waited = tokio::time::timeout(Duration::from_millis(600), self.deliveries.recv()).await;
        assert!(waited.is_err(), "{waited:?}");
    }

    /// Ends it; what it observed.
    async fn end(self) -> Vec<Observation> {
        self.stop.send_replace(true);
        tokio::time::timeout(Duration::from_secs(5), self.task).await.expect("it does not end").unwrap().unwrap();
        self.observed
    }
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let check = |config: &str, expected: &str| {
        let config: FeedConfig = toml::from_str(config).unwrap();
        let (out, _deliveries) = mpsc::channel(1);
        let task = FeedTask::new("test".into(), config, Path::new("."), FeedResume::default(), out);
        assert_eq!(task.err().unwrap().to_string(), expected);
    };
    check(
        "kind = \"http\"\nurl = \"http://localhost\"\nfile = \"x\"",
        "file: a feed of another kind has a `file`; take it out, or change `kind`",
    );
    check(
        "kind = \"http\"\nurl = \"http://localhost\"\ntype = \"certificate\"",
        "url: only a server of https:// shows a certificate",
    );
    check(
        "kind = \"jsonl\"\nfile = \"x\"\ntype = \"digest\"",
        "type: `digest` and `certificate` are of an `http` feed's whole answer, in which nothing is looked up",
    );
    check("kind = \"jsonl\"", "file: `file` is missing; name the file to follow");
    check(
        "kind = \"jsonl\"\nfile = \"x\"\npointer = \"price\"",
        "pointer: a JSON pointer starts with `/`, as `/data/price`",
    );
}
