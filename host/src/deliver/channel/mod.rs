//! Channels: how an effect reaches a person or a machine by the service that they use. One small trait, a file for each
//! service, and a template for each that a team can replace.
//!
//! A [`Letter`] is what is to be said at one address. Its [`View`] is what a template sees of it, already free of control
//! characters, mentions and links that nobody meant. Each service makes its own format of that and keeps to its own limits.

mod address;
mod brief;
mod config;
mod fit;
mod http;
mod letter;
mod make;
mod route;
mod shape;
mod template;
mod view;

mod alertmanager;
mod discord;
mod email;
mod gsm;
mod inbound;
mod matrix;
mod ntfy;
mod pagerduty;
mod slack;
mod syslog;
mod telegram;
mod twilio;
mod webhook;

use futures::future::BoxFuture;

pub use brief::{Brief, Contact};
pub use config::{ChannelConfig, Kind};
pub use letter::{Intent, Letter};
pub use make::{Made, make};
pub use route::{After, Course, Stop, stops};
pub use view::View;

use crate::deliver::webhook::Undelivered;

/// What a service said when it accepted a letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// What the service calls the message, for editing it later; empty if it has no name.
    pub receipt: String,
}

/// A service that carries letters.
pub trait Service: Send + Sync {
    /// Sends a letter. The same letter sent twice is one message wherever the service can tell.
    ///
    /// # Errors
    ///
    /// If the service can't be reached, or does not accept it: whether it may later, and when.
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>>;
}
