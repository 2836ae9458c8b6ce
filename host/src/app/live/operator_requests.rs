//! Carries out what an operator asks of a running host.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::app::config::Config;
use crate::app::deploy::Deployment;
use crate::app::deploy::applied::Swapped;
use crate::app::engine::signers;
use crate::app::live::calendar::Calendar;
use crate::app::live::control::{Answer, Ask, Control, Order};
use crate::app::live::messages::Message;
use crate::app::live::reading::{HANGS_AFTER, Reading};
use crate::chain_read::{ChainFault, ChainReader};
use crate::diagnostic::Diagnostic;
use crate::entry::Entry;
use crate::operator::{Act, Deed};
use crate::text::clean_json;
use crate::whole_file;

/// Longest text of an act, bytes.
const WORDS_BYTES: usize = 16 * 1_024;

/// How long a contract's answer about a signature is waited for.
const ASKED_WITHIN: Duration = Duration::from_secs(10);

/// Takes what operators ask. What changes detectors goes to the deployment, one after another; an act of a person waits neither for
/// that nor for a change of the config.
pub(super) struct Operators {
    pub(super) messages: mpsc::Sender<Message>,
    /// Who asks contracts whether they signed.
    pub(super) reader: Arc<dyn ChainReader>,
    pub(super) calendar: Calendar,
    /// What the deployment carries out.
    pub(super) orders: mpsc::Sender<Order>,
}

impl Operators {
    /// Takes what comes by the control socket, for as long as this is awaited.
    pub(super) async fn serve(self, mut control: Control) {
        loop {
            let (ask, reply) = control.next().await;
            match ask {
                Ask::CallOut { .. } => self.calendar.call_by_hand(ask, reply),
                Ask::Status | Ask::Act { .. } => {
                    let (messages, reader) = (self.messages.clone(), self.reader.clone());
                    tokio::spawn(async move {
                        let answer = match ask {
                            Ask::Act { act } => take_act(&messages, reader, act).await,
                            _ => status(&messages).await,
                        };
                        // Whoever asked may have gone.
                        let _ = reply.send(answer.unwrap_or_else(in_words));
                    });
                }
                // If the deployment is gone, the host is ending, and so hears whoever asked.
                other => {
                    if let Err(TrySendError::Full((_, reply))) = self.orders.try_send((other, reply)) {
                        let why = "a change is being taken up, and many wait for it: ask again".to_owned();
                        let _ = reply.send(Answer::Refused { why: vec![why] });
                    }
                }
            }
        }
    }
}

/// Does what is asked of the deployment, and says what came of it.
pub(super) async fn carry_out(
    deployment: &mut Deployment<Message>,
    messages: &mpsc::Sender<Message>,
    config: &Path,
    ask: Ask,
) -> Answer {
    try_to(deployment, messages, config, ask).await.unwrap_or_else(in_words)
}

fn in_words(error: anyhow::Error) -> Answer {
    Answer::Refused { why: vec![format!("{error:#}")] }
}

async fn send(messages: &mpsc::Sender<Message>, message: Message) -> anyhow::Result<()> {
    messages.send(message).await.map_err(|_| anyhow::anyhow!("the loop has ended"))
}

async fn status(messages: &mpsc::Sender<Message>) -> anyhow::Result<Answer> {
    let (reply, status) = oneshot::channel();
    send(messages, Message::Status(reply)).await?;
    Ok(Answer::Status { detectors: status.await? })
}

async fn take_act(
    messages: &mpsc::Sender<Message>,
    reader: Arc<dyn ChainReader>,
    mut act: Act,
) -> anyhow::Result<Answer> {
    if let Some(incident) = act.incident.filter(|incident| *incident > i64::MAX as u64) {
        return Ok(Answer::Refused { why: vec![format!("there is no incident {incident}")] });
    }
    // People paste what strangers wrote. What was signed is taken as it is, or not at all.
    let mut clean: Act = serde_json::from_value(clean_json(serde_json::to_value(&act)?, WORDS_BYTES))?;
    // A title is a line, wherever it is shown.
    if let Deed::Open { title, .. } | Deed::Drill { title, .. } = &mut clean.deed {
        *title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if act.signed.is_some() && clean != act {
        let why = "what was signed has marks that hide or turn text, or is too long; sign it again without".to_owned();
        return Ok(Answer::Refused { why: vec![why] });
    }
    act = clean;
    if let Some(proof) = &mut act.signed {
        // What a contract says is the host's to ask, whatever came along.
        proof.contract = None;
        let (reply, asked) = oneshot::channel();
        send(messages, Message::WhatToAsk { act: act.clone(), reply }).await?;
        if let (Some((at, read)), Some(proof)) = (asked.await?, &mut act.signed) {
            let answer = tokio::task::spawn_blocking(move || reader.read_within(at, &read, ASKED_WITHIN)).await?;
            let answer = answer.unwrap_or_else(|| Err(no_answer()));
            proof.contract = Some(signers::word(at, &answer));
        }
    }
    let (reply, followed) = oneshot::channel();
    send(messages, Message::Act { act, reply }).await?;
    let followed = followed.await?;
    let refused = followed.iter().find_map(|entry| match entry {
        Entry::Refused { why, .. } => Some(why.clone()),
        _ => None,
    });
    Ok(match refused {
        Some(why) => Answer::Refused { why },
        None => Answer::Acted { followed },
    })
}

async fn try_to(
    deployment: &mut Deployment<Message>,
    messages: &mpsc::Sender<Message>,
    config: &Path,
    ask: Ask,
) -> anyhow::Result<Answer> {
    match ask {
        Ask::Swap { detector, component, force } => {
            let config = match load(config).await? {
                Ok(config) => config,
                Err(diagnostics) => return Ok(refused(&diagnostics)),
            };
            let file = component.clone();
            let reading = Reading::begin(&component, move || whole_file::read(&file, whole_file::COMPONENT_BYTES))?;
            let bytes = reading.within(HANGS_AFTER).await?;
            let bytes = bytes.map_err(|error| anyhow::anyhow!("`{}` can't be read: {error}", component.display()))?;
            Ok(answer(deployment.swap(&config, &detector, bytes, force).await?))
        }
        Ask::RollBack { detector, to } => {
            let config = match load(config).await? {
                Ok(config) => config,
                Err(diagnostics) => return Ok(refused(&diagnostics)),
            };
            Ok(answer(deployment.roll_back(&config, &detector, to).await?))
        }
        Ask::Retry { detector } => {
            expect_running(deployment, &detector)?;
            let (reply, count) = oneshot::channel();
            send(messages, Message::Retry { detector, reply }).await?;
            Ok(Answer::Count { inputs: count.await? })
        }
        Ask::Waive { detector, by } => {
            expect_running(deployment, &detector)?;
            let (reply, count) = oneshot::channel();
            send(messages, Message::Waive { detector, by, reply }).await?;
            Ok(Answer::Count { inputs: count.await? })
        }
        Ask::Status | Ask::Act { .. } | Ask::CallOut { .. } => {
            anyhow::bail!("that is no request of the deployment; please report it")
        }
    }
}

async fn load(config: &Path) -> anyhow::Result<Result<Config, Vec<Diagnostic>>> {
    let file = config.to_owned();
    Reading::begin(config, move || Config::load(&file))?.within(HANGS_AFTER).await
}

fn no_answer() -> ChainFault {
    let message = format!("no node answered within {} s", ASKED_WITHIN.as_secs());
    ChainFault { code: "unavailable".into(), message, data: Default::default() }
}

fn expect_running(deployment: &Deployment<Message>, detector: &str) -> anyhow::Result<()> {
    let running: Vec<&str> = deployment.ids().collect();
    anyhow::ensure!(running.contains(&detector), "no detector `{detector}` runs; there are {}", running.join(", "));
    Ok(())
}

fn answer(swapped: Result<Swapped, Vec<Diagnostic>>) -> Answer {
    match swapped {
        Ok(swapped) => Answer::Swapped(swapped),
        Err(diagnostics) => refused(&diagnostics),
    }
}

fn refused(diagnostics: &[Diagnostic]) -> Answer {
    Answer::Refused { why: diagnostics.iter().map(ToString::to_string).collect() }
}
