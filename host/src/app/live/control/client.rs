//! The other end: what the command line asks of a running host.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::app::live::control::{Answer, Ask, socket_of};

/// A swap compiles, and tries the new version on the last inputs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Asks the host that writes a journal.
///
/// # Errors
///
/// If no host answers at its socket, or its answer is of another version.
pub async fn ask(journal: &Path, ask: &Ask) -> anyhow::Result<Answer> {
    let path = socket_of(journal);
    let client = crate::http::client_builder().unix_socket(path.as_path()).timeout(patience(ask)).build()?;
    let answer = client.post("http://watchfire/").json(ask).send().await.with_context(|| {
        format!("no host answers at `{}`; is one running on this journal, as the same user?", path.display())
    })?;
    let status = answer.status();
    let body = answer.text().await?;
    serde_json::from_str(&body).with_context(|| format!("the host answers {status}: {body}"))
}

/// People who are called out have their own time.
fn patience(ask: &Ask) -> Duration {
    match ask {
        Ask::CallOut { wait_s, .. } => PATIENCE.saturating_add(Duration::from_secs(*wait_s)),
        _ => PATIENCE,
    }
}
