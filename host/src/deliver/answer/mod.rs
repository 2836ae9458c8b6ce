//! Answers: somebody says by a channel that they have an incident. Each service proves in its own way that it is the sender;
//! what is read here is who, which incident, and by which delivery, and nothing else can be said this way.
//!
//! Nothing here reads a clock: the moment comes in. Who a person is, and whether an answer came before, is the journal's.

mod config;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod pagerduty;
mod slack;
mod telegram;
mod token;
mod twilio;

use crate::deliver::channel::Kind;
use crate::incident::IncidentId;
use crate::secret::Secret;

pub use config::{AnswersConfig, Asks};
pub use token::{Claim, Pass};

/// Most that a sender's clock may be off, and a delivery be late, seconds. Slack and the signed webhooks have five minutes.
const MAX_SKEW_S: u64 = 300;

/// An answer whose sender was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who answers.
    pub from: Answerer,
    /// About which incident.
    pub about: About,
    /// Tells the delivery from every other, so that it counts once: `slack/1700000000.ab12`.
    pub id: String,
    /// What it does at the service, whoever answers.
    pub there: There,
}

/// What an answer does at the service that it was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Nothing,
    /// It pages nobody any more: the alert is acknowledged.
    Acknowledged,
    /// It pages nobody any more: the alert is resolved. That is no answer, since the record alone says when it is over.
    Resolved,
}

/// Who answers, as far as the service knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// The person whom a link was made for, by the plan's id.
    Person(String),
    /// The account or number that the service names, as the plan writes it: `slack:U123`.
    Address(String),
}

/// Which incident is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The one of this number.
    Incident(IncidentId),
    /// The one with this mark, by which the service knows it.
    Mark(String),
    /// The only one that the person was paged for there.
    OnlyOne,
}

/// What a service posts, and where.
#[derive(Clone, Copy)]
pub struct Posted<'a> {
    /// The URL that it was told to post to: some services sign it.
    pub url: &'a str,
    /// Looks up a header by its name in lower case.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    /// The body as it came.
    pub body: &'a [u8],
    /// When it came, by the wall clock, seconds since the Unix epoch.
    pub now_s: u64,
}

/// What was found in a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An answer; the service is told what came of it in its own form.
    Answer(Answer, Reply),
    /// Something else that is rightly signed: there is nothing to do, and this is said in reply.
    Nothing(String),
}

/// In which form a service hears what came of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It need not hear.
    Empty,
    /// It need not hear what was taken. What was not is posted to this URL, for the eyes of whoever pressed.
    Refusal(String),
    /// As JSON of a Telegram bot that answers the press of this name.
    Callback(String),
    /// As TwiML that is sent as a text.
    Text,
    /// As TwiML that is spoken.
    Speech,
}

/// Who is let in at a channel's door.
#[derive(Clone)]
pub struct Door {
    /// The service.
    pub kind: Kind,
    /// What its signatures are checked with.
    pub secret: Secret,
    /// What the host's own buttons and links are checked with.
    pub pass: Pass,
}

impl Door {
    /// Checks a post and reads what it says.
    ///
    /// # Errors
    ///
    /// If it is not of the service, is old, or can't be read: what is wrong, in words that say nothing of the secret.
    pub fn open(&self, posted: &Posted<'_>) -> Result<Found, String> {
        match self.kind {
            Kind::Slack => slack::open(self, posted),
            Kind::Pagerduty => pagerduty::open(self, posted),
            Kind::Telegram => telegram::open(self, posted),
            Kind::TwilioSms | Kind::TwilioVoice => twilio::open(self, posted),
            other => Err(format!("a channel of kind `{}` takes no answers", other.name())),
        }
    }
}

/// Reads a form as it is posted: names and values, in the order in which they came.
fn form(body: &[u8]) -> Vec<(String, String)> {
    let mut url = match reqwest::Url::parse("form:") {
        Ok(url) => url,
        Err(_) => return Vec::new(),
    };
    url.set_query(Some(&String::from_utf8_lossy(body)));
    url.query_pairs().into_owned().collect()
}

fn fresh(at_s: u64, now_s: u64, most_s: u64) -> Result<(), String> {
    let off_s = at_s.abs_diff(now_s);
    if off_s <= most_s { Ok(()) } else { Err(format!("it is {off_s} s off, and {most_s} s are allowed")) }
}

#[cfg(test)]
mod tests;
