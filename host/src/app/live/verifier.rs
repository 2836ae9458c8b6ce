//! Verifies the journal again and again while the host runs: whoever changes what happened is found by the next look.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::app::live::messages::Message;
use crate::app::past::proofs::proofs_of;
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::journal::{Journal, JournalError};
use crate::source::Delivery;

/// How long after the start it is verified first, at most: what was missed goes before.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// Begins to verify a journal: soon, and then every so often.
pub fn start(journal: PathBuf, every: Duration, messages: mpsc::Sender<Message>) {
    tokio::spawn(async move {
        let mut broken = false;
        tokio::time::sleep(every.min(FIRST_AFTER)).await;
        while !messages.is_closed() {
            let path = journal.clone();
            let found = tokio::task::spawn_blocking(move || look(&path)).await;
            let news = match found {
                Ok(Ok(None)) if broken => Some(coverage("the journal's chain of hashes holds again".to_owned(), true)),
                Ok(Ok(None)) => None,
                Ok(Ok(Some(what))) if !broken => Some(coverage(what, false)),
                Ok(Ok(Some(_))) => None,
                Ok(Err(error)) => {
                    tracing::warn!("the journal can't be verified now: {error:#}");
                    None
                }
                Err(error) => {
                    tracing::error!("the journal's check ended: {error}");
                    None
                }
            };
            if let Some(coverage) = news {
                broken = !coverage.over;
                if broken {
                    tracing::error!("{}", coverage.message);
                }
                if messages.send(Message::Input(Delivery::now(Event::Coverage { coverage }))).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(every).await;
        }
    });
}

/// Returns what is wrong with a journal; `None` if it holds.
fn look(path: &std::path::Path) -> anyhow::Result<Option<String>> {
    match Journal::open_existing_read_only(path)?.verify(None, |_, _| {}) {
        Ok(_) => {}
        Err(JournalError::Broken(broken)) => {
            return Ok(Some(format!(
                "the journal was changed from outside: {broken}. Keep this file and its backups as evidence, and see who could \
                 write to it"
            )));
        }
        Err(other) => return Err(other.into()),
    }
    let (_, found, broken) = proofs_of(path)?;
    let wrong = found.values().flat_map(|found| &found.wrong).next();
    Ok(broken.into_iter().next().or_else(|| wrong.map(|line| format!("a proof does not hold: {}", line.text))))
}

fn coverage(message: String, over: bool) -> Coverage {
    let (kind, subject) = ("journal-broken".to_owned(), "host/journal".to_owned());
    Coverage { chain: None, kind, subject, severity: Severity::Critical, message, over }
}
