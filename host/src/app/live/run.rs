//! `watchfire run`: trace, config, build, announce, run, drain.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::app::config::Config;
use crate::app::deploy::Deployment;
use crate::app::deploy::applied::{Applied, Earlier, Failing};
use crate::app::deploy::gathered::Gathered;
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::deploy::weakened;
use crate::app::engine::{Engine, Given};
use crate::app::live::absence::Absence;
use crate::app::live::advisories::Advisories;
use crate::app::live::answers::{self, Doors};
use crate::app::live::calendar::Calendar;
use crate::app::live::callouts::Callouts;
use crate::app::live::control::Control;
use crate::app::live::file_watcher::{Following, Watcher};
use crate::app::live::main_loop::{Loop, Wiring, wall_clock_ms};
use crate::app::live::messages::Message;
use crate::app::live::operator_requests::Operators;
use crate::app::live::output::{Format, Output};
use crate::app::live::pulse::Pulse;
use crate::app::live::reading::{HANGS_AFTER, Hangs, Reading};
use crate::app::live::sources::{Readers, Sources};
use crate::app::live::{heartbeat, metrics, operator_requests, process, progress, reading, reload, verifier};
use crate::app::plan::carried::unreached;
use crate::app::share::{back, shadow};
use crate::block::BlockRef;
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Stamped};
use crate::journal::Journal;
use crate::note::{Note, Watched};
use crate::plugin::Fleet;

/// How many messages may wait for the loop. Most are blocks, and a large one takes megabytes.
const WAITING: usize = 256;

/// How many orders of operators may wait for a change that is being taken up.
const ORDERS: usize = 16;

/// How often it is looked whether files can be read.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether what is kept of indexes is too old by now.
const AGES_EVERY: Duration = Duration::from_hours(1);

/// How long is waited for the loop's own account of why it ended.
const LOOP_ENDS_WITHIN: Duration = Duration::from_secs(1);

/// What a run is asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The config's file.
    pub config: PathBuf,
    /// The shape of what is printed.
    pub format: Format,
    /// Where the run is recorded, if it is.
    pub record: Option<PathBuf>,
    /// Whether each block is printed.
    pub blocks: bool,
    /// Makes the sandbox.
    pub sandboxes: Sandboxes,
}

/// How a run came to its end.
#[derive(Debug)]
pub enum Ended {
    /// It was asked to stop, and drained.
    Stopped,
    /// It never started: this is wrong.
    Refused(Vec<Diagnostic>),
}

/// Runs until it is interrupted.
pub async fn run(options: Options) -> anyhow::Result<Ended> {
    process::begin();
    let mut interrupts = Interrupts::new()?;
    let file = options.config.clone();
    let reading = Reading::begin(&options.config, move || Config::load(&file))?;
    let read = tokio::select! {
        read = reading.patiently() => read?,
        () = interrupts.next() => return Ok(Ended::Stopped),
    };
    let config = match read {
        Ok(config) => config,
        Err(diagnostics) => return Ok(Ended::Refused(diagnostics)),
    };
    let journal = Journal::open(&config.journal)?;
    process::expect_private(&config.journal);
    let newest_ms = journal.newest_ms();
    let earlier = Earlier::of(&journal)?;
    let started_ms = newest_ms.max(wall_clock_ms());
    let is_followed = |head: &BlockRef| config.chains.values().any(|chain| chain.id == head.chain);
    let heads: Vec<BlockRef> = journal.heads()?.into_iter().filter(is_followed).collect();
    let absence = Absence::before(started_ms, newest_ms, &heads);
    let watched_before = last_watched(&journal)?;
    let control = Control::beside(&config.journal);

    let runtime = Arc::new(options.sandboxes.runtime(&config.cache, &config.folder())?);
    let readers = Readers::default();
    let mut engine = Engine::new(journal, Fleet::new(), Arc::new(readers.clone()))?;
    name_open(&engine);
    // What follows from a start is to be delivered too.
    engine.set_channels(config.channels());
    engine.start_sources_afresh(started_ms)?;
    let absence = report_absence(&mut engine, absence, started_ms)?;
    let (messages, inbox) = mpsc::channel(WAITING);
    let pulse = Arc::new(Pulse::new(Duration::from_secs(config.loop_stall_after_s)));
    if let Some(listen) = config.metrics_listen {
        metrics::serve(listen, messages.clone(), pulse.clone(), readers.clone()).await?;
    }
    let (doors, callouts) = (Doors::default(), Callouts::default());
    doors.replace(config.doors()?);
    if let Some(given) = &config.answers {
        answers::serve(given.listen, doors.clone(), messages.clone(), callouts.clone()).await?;
    }
    if let Some(given) = &config.heartbeat {
        heartbeat::start(given.heart(&config.folder())?, pulse.clone(), messages.clone());
    }
    let (failing, mut failed) = mpsc::unbounded_channel();
    let (needs, needed) = watch::channel(Default::default());
    let wiring = Wiring {
        output: Output::stdout(options.format, config.chain_names(), options.blocks),
        record: options.record.clone(),
        must_record: false,
        newest_ms,
        messages: inbox,
        back: messages.clone(),
        needs,
        patience: Duration::from_millis(config.patience_ms),
        failing,
        ran: earlier.ran.clone(),
        stop_after_blocks: None,
        pulse: pulse.clone(),
        absence,
    };
    let main_loop = Loop::new(engine, wiring, Handle::current())?;
    pulse.watch(messages.clone()).context("the watchdog of the main loop")?;
    let mut looping = tokio::task::spawn_blocking(move || main_loop.run());

    let mut sources = Sources::new(messages.clone(), needed, readers.clone(), options.record.is_some());
    let shown = progress::show(sources.progress());
    let mut deployment = Deployment::new(runtime, messages.clone(), Arc::new(readers), earlier);
    let (file, first) = (options.config.clone(), config.clone());
    // Looked at before it is read: what changes meanwhile is found.
    let gathering = move || (Following::of(&file, &first), Gathered::of(first));
    let reading = Reading::begin(&options.config, gathering)?;
    let (following, gathered) = tokio::select! {
        read = reading.patiently() => read?,
        () = interrupts.next() => {
            // The loop may have ended by an error, which is returned just below.
            let _ = messages.send(Message::Stop).await;
            looping.await.context("the loop ended by a panic; please report it")??;
            return Ok(Ended::Stopped);
        }
    };
    let mut watcher = Watcher::new(&options.config, following)?;
    let mut advisories = Advisories::default();
    let applied = match reload::apply(&mut deployment, &mut sources, gathered).await {
        Ok(applied) => applied,
        Err(error) => return Err(reason(error, looping).await),
    };
    let refused = applied.diagnostics.iter().any(Diagnostic::is_error);
    let mut current = config.clone();
    let calendar = Calendar { config: options.config.clone(), messages: messages.clone(), callouts };
    if !refused {
        announce(&config, &applied);
        let unreached = unreached(&config);
        unreached.iter().for_each(|found| tracing::warn!("{found}"));
        if let Some(before) = &watched_before {
            let found = weakened::of_config_since(before, &config).into_iter();
            reload::report(&deployment, found.map(|found| weakened::naming(found, &unreached))).await?;
        }
        reload::note_watched(&deployment, &config, watched_before.as_ref()).await?;
        if let Err(error) = advisories.report(&config, deployment.versions(), &messages).await {
            return Err(reason(error, looping).await);
        }
        back::begin(&options.config, deployment.gone_back(&config));
        let takeovers = tokio::spawn(shadow::watch(options.config.clone()));
        let every = Duration::from_secs(config.verify_every_s);
        calendar.start();
        if !every.is_zero() {
            verifier::start(config.journal.clone(), every, messages.clone());
        }
        let (orders, mut ordered) = mpsc::channel(ORDERS);
        let operators = Operators { messages: messages.clone(), reader: deployment.reader(), calendar, orders };
        let serving = tokio::spawn(operators.serve(control));
        let (mut reading, mut hangs) = (None, Hangs::default());
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ages = tokio::time::interval(AGES_EVERY);
        ages.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = interrupts.next() => break,
                ended = &mut looping => return ended.context("the loop ended by a panic; please report it")?.map(|()| Ended::Stopped),
                () = watcher.changed(), if reading.is_none() => match reload::begin(&current) {
                    Ok(begun) => reading = Some(begun),
                    Err(error) => tracing::error!("the config's change is not taken up: {error:#}. Save it again"),
                },
                read = reading::done(&mut reading) => {
                    reading = None;
                    let reloaded = match read {
                        Ok(read) => reload::take_up(read, (&mut deployment, &mut sources), &watcher, &doors, &mut current).await,
                        Err(error) => Err(error),
                    };
                    let reported = match reloaded {
                        Ok(Some(config)) => {
                            back::begin(&options.config, deployment.gone_back(&config));
                            advisories.report(&config, deployment.versions(), &messages).await
                        }
                        other => other.map(drop),
                    };
                    if let Err(error) = reported {
                        if messages.is_closed() {
                            return Err(reason(error, looping).await);
                        }
                        // What was taken up before it failed runs, and so does the rest of the old.
                        tracing::error!("the config's change was taken up in part only: {error:#}. Mend it, and save it again");
                    }
                }
                _ = looks.tick() => {
                    let stands = reading.as_ref().map(Reading::stands).into_iter().chain(watcher.stands());
                    if let Err(error) = reload::report(&deployment, hangs.look(stands)).await {
                        return Err(reason(error, looping).await);
                    }
                }
                _ = ages.tick() => {
                    if let Err(error) = advisories.report(&current, deployment.versions(), &messages).await {
                        if messages.is_closed() {
                            return Err(reason(error, looping).await);
                        }
                        tracing::error!("what is known against detectors can't be looked up: {error:#}");
                    }
                }
                Some((ask, reply)) = ordered.recv() => {
                    let answer = operator_requests::carry_out(&mut deployment, &messages, &options.config, ask).await;
                    // Whoever asked may have gone.
                    let _ = reply.send(answer);
                }
                Some(failing) = failed.recv() => {
                    if let Err(error) = reject(&mut deployment, &current, failing).await {
                        if messages.is_closed() {
                            return Err(reason(error, looping).await);
                        }
                        tracing::error!("a version that fails could not be taken back: {error:#}");
                    }
                }
            }
        }
        serving.abort();
        takeovers.abort();
        tracing::info!("stopping: sources first, then what is under way; interrupt again to end at once");
    }
    sources.stop().await;
    drop(shown);
    // The loop may have ended by an error, which is returned just below.
    let _ = messages.send(Message::Stop).await;
    tokio::select! {
        ended = looping => ended.context("the loop ended by a panic; please report it")??,
        () = interrupts.next() => anyhow::bail!("interrupted before the journal was drained; nothing that it holds is lost"),
    }
    if refused { Ok(Ended::Refused(applied.diagnostics)) } else { Ok(Ended::Stopped) }
}

/// Why something could not be done: what ended the loop, where it has ended, tells more than that it has.
async fn reason(error: anyhow::Error, looping: JoinHandle<anyhow::Result<()>>) -> anyhow::Error {
    match tokio::time::timeout(LOOP_ENDS_WITHIN, looping).await {
        Ok(Ok(Err(ended))) => ended,
        _ => error,
    }
}

/// Takes a version back that fails soon after it was swapped in: by the config as it is now, or by the one in force where that
/// is wrong.
async fn reject(deployment: &mut Deployment<Message>, current: &Config, failing: Failing) -> anyhow::Result<()> {
    let file = current.file.clone();
    let of_thread = file.clone();
    let read = Reading::begin(&file, move || Config::load(&of_thread))?.within(HANGS_AFTER).await?;
    let config = read.unwrap_or_else(|_| current.clone());
    let rejected = deployment.reject(&config, failing).await;
    back::begin(&file, deployment.gone_back(&config));
    rejected
}

/// Returns what the last run watched, by its own note; `None` if it wrote none.
fn last_watched(journal: &Journal) -> anyhow::Result<Option<Watched>> {
    let of_watched = |(_, note)| if let Note::Watched(watched) = note { Some(watched) } else { None };
    Ok(journal.notes(0)?.into_iter().rev().find_map(of_watched))
}

/// Says which incidents are open since before the start, and what automation is stopped.
fn name_open(engine: &Engine) {
    for incident in engine.desks().incidents() {
        let (id, title) = (incident.id, &incident.title);
        tracing::warn!(severity = %incident.severity, state = %incident.state, "incident {id} is open: {title}");
    }
    for (_, by, _, why) in engine.desks().halts() {
        tracing::warn!("all automation is stopped by {by}: {why}");
    }
}

/// Reports that nobody watched before the start. Returns the absence if it is still to be caught up with.
fn report_absence(engine: &mut Engine, absence: Option<Absence>, at_ms: u64) -> anyhow::Result<Option<Absence>> {
    let Some(absence) = absence else { return Ok(None) };
    let over = absence.over();
    for coverage in std::iter::once(absence.begun()).chain(over.clone()) {
        tracing::warn!("{}", coverage.message);
        engine.take(Stamped { at_ms, event: Event::Coverage { coverage } }, &Given::default())?;
    }
    Ok(Some(absence).filter(|_| over.is_none()))
}

fn announce(config: &Config, applied: &Applied) {
    for found in &applied.diagnostics {
        tracing::warn!("{found}");
    }
    for change in &applied.changes {
        tracing::info!("{change}");
    }
    tracing::info!(
        journal = %config.journal.display(),
        chains = config.chains.len(),
        feeds = config.feeds.len(),
        detectors = config.detectors.len(),
        plans = config.protocols.len() + usize::from(config.plan.is_some()),
        "watching"
    );
}

/// SIGINT and SIGTERM, held from the start so that neither ends the host before it can drain.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From here on the signals come here.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
