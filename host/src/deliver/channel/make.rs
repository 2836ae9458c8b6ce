//! From a channel's config to its service.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::deliver::channel::alertmanager::{self, Alertmanager};
use crate::deliver::channel::config::{ChannelConfig, Kind, Mistake};
use crate::deliver::channel::discord::{self, Discord};
use crate::deliver::channel::email::{self, Account, Email};
use crate::deliver::channel::inbound::{self, Inbound, Shape};
use crate::deliver::channel::matrix::{self, Matrix};
use crate::deliver::channel::ntfy::{self, Ntfy};
use crate::deliver::channel::pagerduty::{self, Pagerduty};
use crate::deliver::channel::route::After;
use crate::deliver::channel::shape;
use crate::deliver::channel::slack::{self, Access, Slack};
use crate::deliver::channel::syslog::{self, Syslog};
use crate::deliver::channel::telegram::{self, Telegram};
use crate::deliver::channel::template::{Escape, Template};
use crate::deliver::channel::twilio::{self, Means, Twilio};
use crate::deliver::channel::{Service, http};
use crate::deliver::webhook::Webhook;
use crate::secret::Secret;

/// A channel with its secrets fetched and its template read.
#[derive(Clone)]
pub struct Made {
    /// The service.
    pub service: Arc<dyn Service>,
    /// The section that it stands in: `webhook` or `channel`.
    pub section: &'static str,
    /// Schemes that it carries; all if `None`.
    pub schemes: Option<BTreeSet<String>>,
    /// The address that hears of every incident.
    pub room: Option<String>,
    /// What it can do about what was posted before.
    pub after: After,
    /// Whether a program reads every effect there, each by itself.
    pub takes_all: bool,
    /// For how long messages of the same or a lower severity wait after one, milliseconds; 0 if each goes by itself.
    pub throttle_ms: u64,
    /// Whether the service says who pressed a button.
    pub takes_presses: bool,
    /// Whether it reads out what is said, and is answered by a key.
    pub speaks: bool,
    /// How often what stands is sent again, milliseconds; `None` if the service keeps it.
    pub again_ms: Option<u64>,
}

impl Made {
    /// Wraps a webhook of `[webhook.NAME]`.
    pub fn of_webhook(webhook: Webhook, schemes: Option<BTreeSet<String>>) -> Self {
        let (service, section) = (Arc::new(webhook), "webhook");
        Self {
            service,
            section,
            schemes,
            room: None,
            after: After::Says,
            takes_all: true,
            throttle_ms: 0,
            takes_presses: false,
            speaks: false,
            again_ms: None,
        }
    }
}

/// Makes a channel of its config.
///
/// # Errors
///
/// The key that is wrong, and what is wrong with it.
pub fn make(config: &ChannelConfig, folder: &Path) -> Result<Made, Mistake> {
    config.check()?;
    let (service, after) = Parts { config, folder }.service()?;
    // A service that puts alerts together by their key does so itself, and better; a log is read by programs.
    let is_read = match config.kind {
        Kind::Slack | Kind::Discord | Kind::Telegram | Kind::Email | Kind::TwilioSms | Kind::TwilioVoice => true,
        Kind::Ntfy | Kind::Matrix => true,
        Kind::Pagerduty | Kind::Alertmanager | Kind::GrafanaOncall | Kind::IncidentIo | Kind::Syslog => false,
        Kind::Webhook => false,
    };
    Ok(Made {
        service,
        section: "channel",
        schemes: config.schemes().map(|all| all.into_iter().collect()),
        room: config.room(),
        after,
        takes_all: config.kind.takes_all(),
        throttle_ms: if is_read { config.throttle_s.saturating_mul(1_000) } else { 0 },
        takes_presses: matches!(config.kind, Kind::Slack | Kind::Telegram) && config.answer_secret.is_some(),
        speaks: config.kind == Kind::TwilioVoice,
        again_ms: (config.kind == Kind::Alertmanager).then_some(alertmanager::AGAIN_MS),
    })
}

/// What a service is made of.
struct Parts<'a> {
    config: &'a ChannelConfig,
    folder: &'a Path,
}

impl Parts<'_> {
    fn client(&self) -> Result<reqwest::Client, Mistake> {
        http::client(self.config.timeout_ms).map_err(|message| ("kind".to_owned(), message))
    }

    fn template(&self, built_in: &'static str, escape: Escape) -> Result<Template, Mistake> {
        let file = self.config.template.as_ref().map(|file| self.folder.join(file));
        let made = Template::new(built_in, file.as_deref(), escape);
        made.map_err(|error| ("template".to_owned(), error.to_string()))
    }

    fn url(&self, own: &str) -> Result<Secret, Mistake> {
        self.config.base_url(self.folder, own)
    }

    fn own_url(&self, what: &str) -> Result<Secret, Mistake> {
        self.config.own_url(self.folder, what)
    }

    fn token(&self, what: &str) -> Result<Secret, Mistake> {
        let token = self.config.needed("token", self.folder, what)?;
        shape::check_token(self.config, token.expose())?;
        Ok(token)
    }

    fn text(&self, key: &str, value: &Option<String>, what: &str) -> Result<String, Mistake> {
        value.clone().ok_or_else(|| (key.to_owned(), format!("`{key}` is missing; {what}")))
    }

    fn service(&self) -> Result<(Arc<dyn Service>, After), Mistake> {
        let (config, folder) = (self.config, self.folder);
        let record_url = config.record_url.clone();
        Ok(match config.kind {
            Kind::Pagerduty => {
                let routing_key = self.token("it is the routing key of an Events API v2 integration")?;
                let (url, template) = (self.url(pagerduty::URL)?, self.template(pagerduty::TEMPLATE, Escape::Plain)?);
                let service = Pagerduty { client: self.client()?, url, routing_key, template, record_url };
                (Arc::new(service), After::Edits)
            }
            Kind::Slack => {
                let (access, after) = match config.optional("token", folder)? {
                    Some(token) => (Access::Bot { url: self.url(slack::URL)?, token }, After::Edits),
                    None => {
                        let url = self.own_url("name an incoming webhook by `url`, or a bot by `token`")?;
                        (Access::Webhook(url), After::Says)
                    }
                };
                let template = self.template(slack::TEMPLATE, Escape::Slack)?;
                (Arc::new(Slack { client: self.client()?, access, template, record_url }), after)
            }
            Kind::Discord => {
                let url = self.own_url("it is the URL of a webhook of the room")?;
                let template = self.template(discord::TEMPLATE, Escape::Markdown)?;
                (Arc::new(Discord { client: self.client()?, url, template, record_url }), After::Edits)
            }
            Kind::Telegram => {
                let token = self.token("it is what BotFather gave the bot")?;
                let (url, template) = (self.url(telegram::URL)?, self.template(telegram::TEMPLATE, Escape::Telegram)?);
                (Arc::new(Telegram { client: self.client()?, url, token, template, record_url }), After::Edits)
            }
            Kind::Email => {
                let url = config.needed("url", folder, "write `smtps://user:password@host`")?;
                let from = self.text("from", &config.from, "name the address that mails are from")?;
                let ca_file = config.ca_file.as_ref().map(|file| folder.join(file));
                let account =
                    Account { url: &url, from: &from, ca_file: ca_file.as_deref(), timeout_ms: config.timeout_ms };
                let template = self.template(email::TEMPLATE, Escape::Plain)?;
                (Arc::new(Email::new(&account, template, record_url)?), After::Says)
            }
            Kind::TwilioSms | Kind::TwilioVoice => {
                let (means, built_in, escape, after) = match config.kind {
                    Kind::TwilioSms => (Means::Sms, twilio::SMS_TEMPLATE, Escape::Plain, After::Says),
                    _ => (Means::Voice, twilio::VOICE_TEMPLATE, Escape::Html, After::Nothing),
                };
                let (url, token) = (self.url(twilio::URL)?, self.token("it is the account's auth token")?);
                let account = self.text("account", &config.account, "it is the account's SID, as `AC…`")?;
                let from = self.text("from", &config.from, "name the number that texts and calls are from")?;
                let template = self.template(built_in, escape)?;
                let client = self.client()?;
                (Arc::new(Twilio { client, url, account, token, from, means, template, record_url }), after)
            }
            Kind::Alertmanager => {
                let mut urls = Vec::new();
                for url in &config.urls {
                    let url = url.resolve(folder).map_err(|error| ("urls".to_owned(), error.to_string()))?;
                    urls.push(Secret::new(url.expose().trim_end_matches('/')));
                }
                if urls.is_empty() || urls.iter().any(|url| !url.expose().starts_with("http")) {
                    let message = "name each replica, as [\"http://alertmanager:9093\"]".to_owned();
                    return Err(("urls".to_owned(), message));
                }
                let template = self.template(alertmanager::TEMPLATE, Escape::Plain)?;
                (Arc::new(Alertmanager { client: self.client()?, urls, template, record_url }), After::Edits)
            }
            Kind::Ntfy => {
                let (url, token) = (self.url(ntfy::URL)?, config.optional("token", folder)?);
                let template = self.template(ntfy::TEMPLATE, Escape::Plain)?;
                (Arc::new(Ntfy { client: self.client()?, url, token, template, record_url }), After::Says)
            }
            Kind::Matrix => {
                let url = self.own_url("it is the URL of the homeserver")?;
                let token = self.token("it is the access token of the account that writes")?;
                let template = self.template(matrix::TEMPLATE, Escape::Plain)?;
                (Arc::new(Matrix { client: self.client()?, url, token, template, record_url }), After::Edits)
            }
            Kind::GrafanaOncall | Kind::IncidentIo => {
                let url = self.own_url("it is what the service shows for the integration")?;
                let (shape, token) = match config.kind {
                    Kind::GrafanaOncall => (Shape::GrafanaOncall, None),
                    _ => (Shape::IncidentIo, Some(self.token("it is the token of the alert source")?)),
                };
                let template = self.template(inbound::TEMPLATE, Escape::Plain)?;
                (Arc::new(Inbound { client: self.client()?, url, token, shape, template, record_url }), After::Edits)
            }
            Kind::Syslog => {
                let url = config.needed("url", folder, syslog::PLACES)?;
                let ca_file = config.ca_file.as_ref().map(|file| folder.join(file));
                let template = self.template(syslog::TEMPLATE, Escape::Plain)?;
                // What was said before stands in the log: what is new is said too.
                (Arc::new(Syslog::new(&url, ca_file.as_deref(), config.timeout_ms, template)?), After::Edits)
            }
            Kind::Webhook => {
                let url = self.own_url("name where to post")?;
                let webhook = Webhook::new(url, config.optional("secret", folder)?, config.timeout_ms);
                (Arc::new(webhook.map_err(|error| ("kind".to_owned(), error.to_string()))?), After::Says)
            }
        })
    }
}
