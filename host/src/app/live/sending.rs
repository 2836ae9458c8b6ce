//! One attempt to deliver a job: a letter to each of its addresses.

use crate::app::live::deliveries::Attempt;
use crate::app::live::jobs::Job;
use crate::deliver::answer::{Asks, Claim};
use crate::deliver::channel::{Letter, Made};
use crate::deliver::webhook::Undelivered;
use crate::journal::Posted;

/// Sends a job's letters one after the other. What stands at an address afterwards is returned even if another one failed, so
/// that a further attempt goes only where it must.
pub(super) async fn send(made: &Made, asks: Option<&Asks>, channel: String, job: Job, now_ms: u64) -> Attempt {
    let (more, keys, incident) = (job.more(), job.keys(), job.brief.incident);
    let mut posted = Vec::new();
    let mut failed: Option<Undelivered> = None;
    for stop in job.stops {
        let mut letter = Letter {
            ordered: job.lead.effect.clone(),
            intent: stop.intent,
            address: stop.address,
            brief: job.brief.clone(),
            more,
            earlier: stop.earlier,
            is_test: false,
            answer_url: None,
            answer_token: None,
            now_ms,
        };
        if let Some(asks) = asks {
            ask(made, asks, &channel, &mut letter);
        }
        match made.service.send(&letter).await {
            Ok(sent) if letter.address.is_empty() => drop(sent),
            Ok(sent) => posted.push(Posted { address: letter.address, key: job.lead.key, receipt: sent.receipt }),
            // One that may still arrive keeps the effect waiting.
            Err(error) if failed.as_ref().is_none_or(|failed| failed.is_final) => failed = Some(error),
            Err(_) => {}
        }
    }
    let result = failed.map_or(Ok(()), Err);
    Attempt { channel, incident, keys, folded: job.folded, posted, result }
}

/// Puts into a letter what its reader answers by: a button if the service says who presses, a link if the plan knows who reads.
pub(super) fn ask(made: &Made, asks: &Asks, channel: &str, letter: &mut Letter) {
    // By the order's time, so that a further attempt has the same link.
    let until_s = (letter.ordered.at_ms / 1_000).saturating_add(asks.valid_s);
    let claim = |person: &str| Claim { incident: letter.brief.incident, person: person.to_owned(), until_s };
    if made.takes_presses {
        letter.answer_token = Some(asks.pass.make(&claim("")));
    }
    let Some(person) = letter.person().map(str::to_owned).filter(|person| letter.brief.people.contains_key(person))
    else {
        return;
    };
    let token = asks.pass.make(&claim(&person));
    letter.answer_url = Some(match made.speaks {
        true => format!("{}/answer/{channel}?token={token}", asks.public_url),
        false => format!("{}/a/{token}", asks.public_url),
    });
}
