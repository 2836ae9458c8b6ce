//! New versions that run beside the old one for a stated time: when it is over, they take its place, unless they failed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::app::config::Sharing;
use crate::app::past::shadow::compare;

/// How often it is looked whether one's time has come.
const EVERY: Duration = Duration::from_secs(2);

/// Lets shadows take over when their time has come, for as long as the host runs. The host takes up what is written then, as
/// it does whatever changes in its config.
pub async fn watch(config: PathBuf) {
    let mut looks = tokio::time::interval(EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let file = config.clone();
        match tokio::task::spawn_blocking(move || take_over(&file, Timestamp::now())).await {
            Ok(Ok(lines)) => lines.iter().for_each(|line| tracing::info!("{line}")),
            Ok(Err(error)) => tracing::error!("a shadow can't take over: {error:#}"),
            Err(error) => tracing::error!("a shadow can't take over: {error}"),
        }
    }
}

/// Puts each shadow whose time has come in the place of the detector that it stands beside; takes out one that failed on a
/// batch. Returns what was done, a line each.
fn take_over(file: &Path, now: Timestamp) -> anyhow::Result<Vec<String>> {
    // A config that is wrong is reported by who takes it up.
    let Ok(mut sharing) = Sharing::of(file) else { return Ok(Vec::new()) };
    let is_due =
        |at: &Option<String>| at.as_ref().and_then(|at| at.parse::<Timestamp>().ok()).is_some_and(|at| at <= now);
    let due = sharing.lock.detector.iter().filter(|(_, locked)| is_due(&locked.takes_over_at));
    let due: Vec<String> = due.map(|(id, _)| id.clone()).filter(|id| sharing.detectors.contains_key(id)).collect();
    let mut done = Vec::new();
    for id in due {
        let compared = compare(&sharing.journal, &id)?;
        let failed = compared.failures.len();
        sharing.end_shadow(&id, failed == 0)?;
        let (inputs, of) = (compared.inputs, &compared.beside);
        done.push(match compared.failures.first() {
            None => format!(
                "shadow {id}: its time is over, it takes the place of {of}; over {inputs} inputs both made {} findings, {} it \
                 alone, {} the other alone",
                compared.both,
                compared.only_shadow.len(),
                compared.only_beside.len()
            ),
            Some(first) => format!("shadow {id}: its time is over, and it failed on {failed} of {inputs} inputs, so that {of} stays: {first}"),
        });
    }
    Ok(done)
}
