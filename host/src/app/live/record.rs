//! `watchfire record`: chains and feeds to a recording, with no detector and no decision.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use crate::app::config::Config;
use crate::app::deploy::Deployment;
use crate::app::deploy::gathered::Gathered;
use crate::app::engine::Engine;
use crate::app::live::main_loop::{Loop, Wiring};
use crate::app::live::messages::Message;
use crate::app::live::output::{Format, Output};
use crate::app::live::process;
use crate::app::live::progress;
use crate::app::live::pulse::Pulse;
use crate::app::live::reload::apply;
use crate::app::live::run::{Ended, Interrupts};
use crate::app::live::sources::{Readers, Sources};
use crate::journal::Journal;
use crate::plugin::{Compiler, Fleet, Runtime};
use crate::source::evm::config::Start;
use crate::subscription::Needs;

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct Options {
    /// The config's file; its chains and feeds are recorded, its detectors and plan are not used.
    pub config: PathBuf,
    /// The recording.
    pub out: PathBuf,
    /// After how many blocks it ends by itself.
    pub blocks: Option<u64>,
    /// What is fetched beyond blocks and receipts.
    pub needs: Needs,
    /// Where to start, instead of where the config says.
    pub from: Option<u64>,
}

/// Records until it has enough, or is interrupted.
pub async fn record(options: Options) -> anyhow::Result<Ended> {
    process::begin();
    let mut interrupts = Interrupts::new()?;
    let mut config = match Config::load_for_sources(&options.config) {
        Ok(config) => config,
        Err(diagnostics) => return Ok(Ended::Refused(diagnostics)),
    };
    for chain in config.chains.values_mut() {
        if let Some(from) = options.from {
            chain.start = Start::Number(from);
        }
    }
    let runtime = Arc::new(Runtime::new(Compiler::in_process())?);
    let readers = Readers::default();
    let engine = Engine::new(Journal::in_memory()?, Fleet::new(), Arc::new(readers.clone()))?;
    let (messages, inbox) = mpsc::channel(256);
    let all: BTreeMap<_, _> = config.chains.values().map(|chain| (chain.id, options.needs)).collect();
    let (needs, needed) = watch::channel(all);
    let wiring = Wiring {
        output: Output::stdout(Format::Pretty, config.chain_names(), true),
        record: Some(options.out.clone()),
        must_record: true,
        newest_ms: 0,
        messages: inbox,
        back: messages.clone(),
        needs,
        patience: std::time::Duration::ZERO,
        failing: mpsc::unbounded_channel().0,
        ran: Default::default(),
        stop_after_blocks: options.blocks,
        pulse: Arc::new(Pulse::new(std::time::Duration::from_secs(config.loop_stall_after_s))),
        absence: None,
    };
    let main_loop = Loop::new(engine, wiring, Handle::current())?;
    let mut looping = tokio::task::spawn_blocking(move || main_loop.run());
    let mut sources = Sources::new(messages.clone(), needed, readers.clone(), true);
    let shown = progress::show(sources.progress());
    let mut deployment = Deployment::new(runtime, messages.clone(), Arc::new(readers), Default::default());
    apply(&mut deployment, &mut sources, Gathered::of(config)).await?;
    let ended = tokio::select! {
        () = interrupts.next() => None,
        ended = &mut looping => Some(ended),
    };
    drop(shown);
    if ended.is_none() {
        sources.stop().await;
        // The loop may have ended meanwhile, which is returned just below.
        let _ = messages.send(Message::Stop).await;
    }
    let ended = match ended {
        Some(ended) => ended,
        None => looping.await,
    };
    ended.context("the loop ended by a panic; please report it")??;
    tracing::info!("recorded to {}", options.out.display());
    Ok(Ended::Stopped)
}
