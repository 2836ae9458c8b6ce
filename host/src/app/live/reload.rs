//! Takes up a config that changed while the host runs.

use std::path::Path;

use crate::app::config::Config;
use crate::app::deploy::Deployment;
use crate::app::deploy::applied::Applied;
use crate::app::deploy::gathered::Gathered;
use crate::app::deploy::weakened;
use crate::app::live::answers::{Doors, Open};
use crate::app::live::file_watcher::{Following, Watcher};
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::messages::Message;
use crate::app::live::reading::Reading;
use crate::app::live::sources::Sources;
use crate::app::plan::carried::cut_off;
use crate::diagnostic::Diagnostic;
use crate::event::{Coverage, Event};
use crate::note::{Note, Watched};
use crate::source::Delivery;

/// A changed config as it was read, compared with the one before it.
pub(super) struct Changed {
    gathered: Gathered,
    /// What is less or other than it was, by files' own word of who changed them.
    found: Vec<Coverage>,
    /// Whom it would cut off.
    cut_off: Vec<Diagnostic>,
    doors: anyhow::Result<Option<Open>>,
    following: Following,
}

/// Begins to read a config that changed, with all that it names.
pub(super) fn begin(current: &Config) -> anyhow::Result<Reading<Result<Changed, Vec<Diagnostic>>>> {
    let before = current.clone();
    Reading::begin(&current.file, move || read(&before.file, &before))
}

fn read(file: &Path, before: &Config) -> Result<Changed, Vec<Diagnostic>> {
    let config = Config::load(file)?;
    let following = Following::of(file, &config);
    let (found, cut_off) = (weakened::of_config(before, &config), cut_off(before, &config));
    let doors = config.doors();
    Ok(Changed { gathered: Gathered::of(config), found, cut_off, doors, following })
}

/// Takes up a config: plans and detectors before the sources, so that no block comes before whoever is to see it.
pub(super) async fn apply(
    deployment: &mut Deployment<Message>,
    sources: &mut Sources,
    gathered: Gathered,
) -> anyhow::Result<Applied> {
    let config = gathered.config.clone();
    let mut applied = deployment.apply(gathered, wall_clock_ms()).await?;
    sources.apply(&config, &mut applied).await?;
    Ok(applied)
}

/// Takes up a config that was read. Returns it; `None` if it is wrong, which was reported.
pub(super) async fn take_up(
    changed: Result<Changed, Vec<Diagnostic>>,
    (deployment, sources): (&mut Deployment<Message>, &mut Sources),
    watcher: &Watcher,
    doors: &Doors,
    current: &mut Config,
) -> anyhow::Result<Option<Config>> {
    let refuse = |found: &Diagnostic| tracing::error!("config change refused, the old one stays in force: {found}");
    let changed = match changed {
        Ok(changed) => changed,
        Err(diagnostics) => {
            diagnostics.iter().for_each(refuse);
            return Ok(None);
        }
    };
    // Whom it would cut off is still reached by what runs, and hears nothing of it on the night.
    if !changed.cut_off.is_empty() {
        changed.cut_off.iter().for_each(refuse);
        return Ok(None);
    }
    let config = changed.gathered.config.clone();
    let (of_detectors, others): (Vec<Coverage>, Vec<Coverage>) =
        changed.found.into_iter().partition(|found| found.subject.starts_with("detector/"));
    // Before it is taken up, so that it goes out by the channels that were there.
    report(deployment, others).await?;
    let applied = apply(deployment, sources, changed.gathered).await?;
    let is_refused = |found: &Coverage| {
        let id = found.subject.trim_start_matches("detector/").split('@').next().unwrap_or_default();
        let key = format!("detector.{id}");
        applied.diagnostics.iter().any(|one| one.is_error() && one.key.starts_with(&key))
    };
    report(deployment, of_detectors.into_iter().filter(|found| !is_refused(found))).await?;
    for found in &applied.diagnostics {
        if found.is_error() {
            refuse(found);
        } else {
            tracing::warn!("{found}");
        }
    }
    for change in &applied.changes {
        tracing::info!("taken up: {change}");
    }
    doors.replace(changed.doors?);
    watcher.follow(changed.following);
    // What was refused is compared again next time; what is found again is the same finding.
    if !applied.diagnostics.iter().any(Diagnostic::is_error) {
        note_watched(deployment, &config, Some(&weakened::watched(current))).await?;
        *current = config.clone();
    }
    Ok(Some(config))
}

/// Gives the loop what was found of people's hands on the watch.
pub(super) async fn report(
    deployment: &Deployment<Message>,
    found: impl IntoIterator<Item = Coverage>,
) -> anyhow::Result<()> {
    for coverage in found {
        tracing::warn!("{}", coverage.message);
        deployment.input(Message::Input(Delivery::now(Event::Coverage { coverage }))).await?;
    }
    Ok(())
}

/// Notes what is watched from here on, unless it is as it was.
pub(super) async fn note_watched(
    deployment: &Deployment<Message>,
    config: &Config,
    before: Option<&Watched>,
) -> anyhow::Result<()> {
    let watched = weakened::watched(config);
    if before == Some(&watched) {
        return Ok(());
    }
    let event = Event::Noted { note: Note::Watched(watched) };
    deployment.input(Message::Input(Delivery::now(event))).await
}
