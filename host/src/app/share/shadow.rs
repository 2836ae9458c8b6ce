//! New versions that run beside the old one for a stated time: when it is over, they take its place, unless they failed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::app::config::Sharing;
use crate::app::past::shadow::compare;
use crate::share::lock::Locked;

/// How often it is looked whether one's time has come.
const EVERY: Duration = Duration::from_secs(2);

/// How long one that has seen nothing yet waits before its journal is read again.
const AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// Shadows whose time is over by the lock, and that have not run for so long: until when they wait.
type Waiting = BTreeMap<String, Timestamp>;

/// Lets shadows take over when their time has come, for as long as the host runs. The host takes up what is written then, as
/// it does whatever changes in its config.
pub async fn watch(config: PathBuf) {
    let mut looks = tokio::time::interval(EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut waiting = Waiting::new();
    loop {
        looks.tick().await;
        let (file, mut waits) = (config.clone(), std::mem::take(&mut waiting));
        let looked = tokio::task::spawn_blocking(move || {
            let done = take_over(&file, Timestamp::now(), &mut waits);
            (done, waits)
        });
        let done = looked.await.map(|(done, waits)| {
            waiting = waits;
            done
        });
        match done {
            Ok(Ok(lines)) => lines.iter().for_each(|line| tracing::info!("{line}")),
            Ok(Err(error)) => tracing::error!("a shadow can't take over: {error:#}"),
            Err(error) => tracing::error!("a shadow can't take over: {error}"),
        }
    }
}

/// Puts each shadow whose time has come in the place of the detector that it stands beside; takes out one that failed on a
/// batch. Only time in which the host ran with it counts, and it must have seen something. Returns what was done, a line each.
fn take_over(file: &Path, now: Timestamp, waiting: &mut Waiting) -> anyhow::Result<Vec<String>> {
    // A config that is wrong is reported by who takes it up.
    let Ok(mut sharing) = Sharing::of(file) else { return Ok(Vec::new()) };
    let is_due =
        |at: &Option<String>| at.as_ref().and_then(|at| at.parse::<Timestamp>().ok()).is_some_and(|at| at <= now);
    let due = sharing.lock.detector.iter().filter(|(_, locked)| is_due(&locked.takes_over_at));
    let waits = |id: &str| waiting.get(id).is_some_and(|until| *until > now);
    let due = due.filter(|(id, _)| sharing.detectors.contains_key(*id) && !waits(id));
    let due: Vec<(String, Locked)> = due.map(|(id, locked)| (id.clone(), locked.clone())).collect();
    let mut done = Vec::new();
    for (id, locked) in due {
        let compared = compare(&sharing.journal, &id)?;
        let has_run = now.saturating_add(lacking(&locked, compared.ran_ms).unwrap_or_default())?;
        if has_run > now || compared.inputs == 0 {
            let until = if compared.inputs == 0 { has_run.max(now.saturating_add(AGAIN)?) } else { has_run };
            if waiting.insert(id.clone(), until).is_none() {
                let inputs = compared.inputs;
                done.push(format!(
                    "shadow {id}: it has seen {inputs} inputs so far, and takes over at {has_run} at the earliest"
                ));
            }
            continue;
        }
        waiting.remove(&id);
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

/// Returns how long a shadow has yet to run. `None` if it has run for the stated time, or the lock states none.
fn lacking(locked: &Locked, ran_ms: u64) -> Option<SignedDuration> {
    let taken: Timestamp = locked.pin.taken_at.parse().ok()?;
    let over: Timestamp = locked.takes_over_at.as_ref()?.parse().ok()?;
    let ran = SignedDuration::from_millis(i64::try_from(ran_ms).ok()?);
    over.duration_since(taken).checked_sub(ran).filter(SignedDuration::is_positive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::lock::sample;

    #[test]
    fn only_the_time_counts_in_which_the_host_ran() {
        let mut locked =
            Locked { pin: sample::pin(), before: None, takes_over_at: Some("2026-12-01T11:00:00Z".into()) };
        locked.pin.taken_at = "2026-12-01T10:00:00Z".into();
        assert_eq!(lacking(&locked, 0), Some(SignedDuration::from_mins(60)));
        assert_eq!(lacking(&locked, 45 * 60_000), Some(SignedDuration::from_mins(15)));
        assert_eq!(lacking(&locked, 60 * 60_000), None);
        assert_eq!(lacking(&Locked { takes_over_at: None, ..locked }, 0), None);
    }
}
