//! Carries out what an operator asks of a running host.

use std::path::Path;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::app::config::Config;
use crate::app::deploy::Deployment;
use crate::app::deploy::applied::Swapped;
use crate::app::engine::signers;
use crate::app::live::control::{Answer, Ask};
use crate::app::live::messages::Message;
use crate::chain_read::ChainFault;
use crate::diagnostic::Diagnostic;
use crate::entry::Entry;
use crate::operator::{Act, Deed};
use crate::text::clean_json;

/// Longest text of an act, bytes.
const WORDS_BYTES: usize = 16 * 1_024;

/// How long a contract's answer about a signature is waited for.
const ASKED_WITHIN: Duration = Duration::from_secs(10);

/// Does what is asked, and says what came of it.
pub(super) async fn carry_out(
    deployment: &mut Deployment<Message>,
    messages: &mpsc::Sender<Message>,
    config: &Path,
    ask: Ask,
) -> Answer {
    match try_to(deployment, messages, config, ask).await {
        Ok(answer) => answer,
        Err(error) => Answer::Refused { why: vec![format!("{error:#}")] },
    }
}

async fn try_to(
    deployment: &mut Deployment<Message>,
    messages: &mpsc::Sender<Message>,
    config: &Path,
    ask: Ask,
) -> anyhow::Result<Answer> {
    let send = async |message| messages.send(message).await.map_err(|_| anyhow::anyhow!("the loop has ended"));
    match ask {
        Ask::Status => {
            let (reply, status) = oneshot::channel();
            send(Message::Status(reply)).await?;
            Ok(Answer::Status { detectors: status.await? })
        }
        Ask::Swap { detector, component, force } => {
            let bytes = tokio::fs::read(&component)
                .await
                .map_err(|error| anyhow::anyhow!("`{}` can't be read: {error}", component.display()))?;
            let config = match Config::load(config) {
                Ok(config) => config,
                Err(diagnostics) => return Ok(refused(&diagnostics)),
            };
            Ok(answer(deployment.swap(&config, &detector, bytes, force).await?))
        }
        Ask::RollBack { detector, to } => {
            let config = match Config::load(config) {
                Ok(config) => config,
                Err(diagnostics) => return Ok(refused(&diagnostics)),
            };
            Ok(answer(deployment.roll_back(&config, &detector, to).await?))
        }
        Ask::Retry { detector } => {
            expect_running(deployment, &detector)?;
            let (reply, count) = oneshot::channel();
            send(Message::Retry { detector, reply }).await?;
            Ok(Answer::Count { inputs: count.await? })
        }
        Ask::Act { mut act } => {
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
                let why = "what was signed has marks that hide or turn text, or is too long; sign it again without"
                    .to_owned();
                return Ok(Answer::Refused { why: vec![why] });
            }
            act = clean;
            if let Some(proof) = &mut act.signed {
                // What a contract says is the host's to ask, whatever came along.
                proof.contract = None;
                let (reply, asked) = oneshot::channel();
                send(Message::WhatToAsk { act: act.clone(), reply }).await?;
                if let (Some((at, read)), Some(proof)) = (asked.await?, &mut act.signed) {
                    let reader = deployment.reader();
                    let answer =
                        tokio::task::spawn_blocking(move || reader.read_within(at, &read, ASKED_WITHIN)).await?;
                    let answer = answer.unwrap_or_else(|| Err(no_answer()));
                    proof.contract = Some(signers::word(at, &answer));
                }
            }
            let (reply, followed) = oneshot::channel();
            send(Message::Act { act, reply }).await?;
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
        // It takes its time, and is carried out beside all else.
        Ask::CallOut { .. } => anyhow::bail!("a callout is no request of the deployment; please report it"),
        Ask::Waive { detector, by } => {
            expect_running(deployment, &detector)?;
            let (reply, count) = oneshot::channel();
            send(Message::Waive { detector, by, reply }).await?;
            Ok(Answer::Count { inputs: count.await? })
        }
    }
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
