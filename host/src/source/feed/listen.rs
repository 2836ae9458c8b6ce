//! The first word of a feed, for whoever sets a watch up: whether it is there, and whether its pointers hold.

use std::path::Path;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::{FeedConfig, FeedKind, FeedResume, FeedTask};
use crate::event::{Event, Observation};

/// How many messages of a feed may wait.
const WAITING: usize = 8;

/// Returns the first value of a feed; `None` for one that is spoken to and can't be asked. `folder` is what relative paths of
/// the config start from.
///
/// # Errors
///
/// If nothing came within that time, or what came makes no sense: what is wrong, in a clause.
pub async fn first_word(
    name: &str,
    config: &FeedConfig,
    folder: &Path,
    within: Duration,
) -> Result<Option<Observation>, String> {
    if config.kind == FeedKind::Webhook {
        return Ok(None);
    }
    if let Some(file) = config.file.as_ref().map(|file| folder.join(file)) {
        std::fs::metadata(&file).map_err(|error| format!("`{}`: {error}", file.display()))?;
    }
    let (out, mut words) = mpsc::channel(WAITING);
    let task = FeedTask::new(name.to_owned(), config.clone(), folder, FeedResume::default(), out);
    let mut task = task.map_err(|error| error.to_string())?;
    task.outlet.report_at_once();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(task.run(stopped));
    let until = Instant::now() + within;
    let said = loop {
        match timeout_at(until, words.recv()).await {
            Err(_) => break Err(format!("no value came within {} s", within.as_secs())),
            Ok(None) => break Err("it ended before it said anything".to_owned()),
            Ok(Some(delivery)) => match delivery.event {
                Event::Observed { observation } => break Ok(Some(observation)),
                Event::Coverage { coverage } if !coverage.over => break Err(coverage.message),
                _ => {}
            },
        }
    };
    // It has nothing more to say to anybody.
    let _ = stop.send(true);
    running.abort();
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(text: &str, pointer: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        if !text.is_empty() {
            std::fs::write(folder.path().join("prices.jsonl"), format!("{text}\n")).unwrap();
        }
        let config = format!("kind = \"jsonl\"\nfile = \"prices.jsonl\"\npointer = \"{pointer}\"");
        let config: FeedConfig = toml::from_str(&config).unwrap();
        let word = first_word("eth", &config, folder.path(), Duration::from_secs(90)).await?;
        Ok(word.map(|word| word.value.text()).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_feed_says_its_first_value_or_what_is_wrong() {
        assert_eq!(said(r#"{"price": 2000}"#, "/price").await.as_deref(), Ok("2000"));
        let wrong = said(r#"{"price": 2000}"#, "/prize").await.unwrap_err();
        assert!(wrong.contains("`prize` is not there"), "{wrong}");
        assert!(said("", "/price").await.unwrap_err().contains("No such file"));
    }

    #[tokio::test]
    async fn a_feed_that_nobody_serves_is_reported_at_once() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!("kind = \"http\"\nurl = \"http://127.0.0.1:{port}/\"");
        let config: FeedConfig = toml::from_str(&config).unwrap();
        let wrong = first_word("eth", &config, Path::new("."), Duration::from_secs(90)).await.unwrap_err();
        assert!(wrong.contains("could not be reached"), "{wrong}");
    }
}
