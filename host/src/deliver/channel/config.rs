//! A channel in the config.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::deliver::channel::shape;
use crate::secret::{Secret, SecretRef};

/// The service that a channel posts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// PagerDuty, Events API v2.
    Pagerduty,
    /// Slack: an incoming webhook (`url`) or a bot (`token`).
    Slack,
    /// Discord: a webhook.
    Discord,
    /// Telegram: a bot.
    Telegram,
    /// Mail by SMTP over TLS.
    Email,
    /// Text messages by Twilio.
    TwilioSms,
    /// Calls by Twilio.
    TwilioVoice,
    /// Alertmanager, API v2.
    Alertmanager,
    /// ntfy, of one's own or ntfy.sh.
    Ntfy,
    /// A room on a Matrix homeserver.
    Matrix,
    /// Grafana OnCall: an integration's inbound webhook.
    GrafanaOncall,
    /// incident.io: an HTTP alert source.
    IncidentIo,
    /// Syslog by RFC 5424.
    Syslog,
    /// A signed POST of the effect as JSON, as of `[webhook.NAME]`.
    Webhook,
}

/// A channel: which service, with which account, for which addresses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelConfig {
    /// The service.
    pub kind: Kind,
    /// Where it is: needed for `discord`, `matrix`, `grafana-oncall`, `incident-io`, `webhook` and a webhook of `slack`; for
    /// `email` (`smtps://user:password@host`, or `smtp://…`, which must then offer STARTTLS); for `syslog` (`tls://host:6514`,
    /// `tcp://host:601` or `udp://host:514`). For others it replaces the address of the service's API.
    pub url: Option<SecretRef>,
    /// Where all replicas are: for `alertmanager`.
    #[serde(default)]
    pub urls: Vec<SecretRef>,
    /// The account's secret: a bot's or user's token (`slack`, `telegram`, `ntfy`, `matrix`, `incident-io`), the integration's
    /// routing key (`pagerduty`), the auth token (`twilio-sms`, `twilio-voice`).
    pub token: Option<SecretRef>,
    /// The account's SID: for `twilio-sms` and `twilio-voice`.
    pub account: Option<String>,
    /// Key of the signature over what is posted: for `webhook`.
    pub secret: Option<SecretRef>,
    /// What the service's answers are checked with: the signing secret (`slack`), the webhook subscription's secret
    /// (`pagerduty`), the `secret_token` of `setWebhook` (`telegram`). Twilio's are checked with `token`.
    pub answer_secret: Option<SecretRef>,
    /// Who it is from: the mail address for `email`; the number for `twilio-sms` and `twilio-voice`, or the SID of a messaging
    /// service for the former.
    pub from: Option<String>,
    /// A certificate to trust besides those of the system, PEM, relative to the config's folder: for `email`, and
    /// for `syslog` over TLS.
    pub ca_file: Option<PathBuf>,
    /// Schemes of the addresses that it carries; those of its kind if absent, as `["telegram"]`.
    pub schemes: Option<Vec<String>>,
    /// The address that hears of every incident, as `slack:C0123ABCD`. A channel whose `url` is that of one room has it as its
    /// room.
    pub room: Option<String>,
    /// A template in place of the built-in one, relative to the config's folder.
    pub template: Option<PathBuf>,
    /// A link to an incident's record, with `{incident}` to be filled in.
    pub record_url: Option<String>,
    /// How long the service may take, milliseconds. Default 10,000.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// For how long after a message about one incident others of the same or a lower severity wait at the same address, to go
    /// out as one, seconds. Default 15 for what is urgent; what is not waits four times as long. 0 for never.
    #[serde(default = "default_throttle_s")]
    pub throttle_s: u64,
}

fn default_timeout_ms() -> u64 {
    10_000
}

fn default_throttle_s() -> u64 {
    15
}

/// What can't be: the key, and what is wrong with it.
pub type Mistake = (String, String);

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 14] = [
        Kind::Pagerduty,
        Kind::Slack,
        Kind::Discord,
        Kind::Telegram,
        Kind::Email,
        Kind::TwilioSms,
        Kind::TwilioVoice,
        Kind::Alertmanager,
        Kind::Ntfy,
        Kind::Matrix,
        Kind::GrafanaOncall,
        Kind::IncidentIo,
        Kind::Syslog,
        Kind::Webhook,
    ];

    /// Returns the name of the kind, as the config has it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pagerduty => "pagerduty",
            Kind::Slack => "slack",
            Kind::Discord => "discord",
            Kind::Telegram => "telegram",
            Kind::Email => "email",
            Kind::TwilioSms => "twilio-sms",
            Kind::TwilioVoice => "twilio-voice",
            Kind::Alertmanager => "alertmanager",
            Kind::Ntfy => "ntfy",
            Kind::Matrix => "matrix",
            Kind::GrafanaOncall => "grafana-oncall",
            Kind::IncidentIo => "incident-io",
            Kind::Syslog => "syslog",
            Kind::Webhook => "webhook",
        }
    }

    /// Returns the schemes of the addresses that the service has by itself; `None` if it takes all.
    pub fn schemes(self) -> Option<&'static [&'static str]> {
        match self {
            Kind::Pagerduty => Some(&["pagerduty"]),
            Kind::Slack => Some(&["slack"]),
            Kind::Discord => Some(&["discord"]),
            Kind::Telegram => Some(&["telegram"]),
            Kind::Email => Some(&["email", "mailto"]),
            Kind::TwilioSms => Some(&["sms"]),
            Kind::TwilioVoice => Some(&["phone", "tel"]),
            Kind::Alertmanager => Some(&["alertmanager"]),
            Kind::Ntfy => Some(&["ntfy"]),
            Kind::Matrix => Some(&["matrix"]),
            Kind::GrafanaOncall => Some(&["oncall"]),
            Kind::IncidentIo => Some(&["incident-io"]),
            Kind::Syslog => Some(&["syslog"]),
            Kind::Webhook => None,
        }
    }

    /// Returns the kind whose own scheme this is.
    pub fn of_scheme(scheme: &str) -> Option<Self> {
        let is_its = |kind: &Self| kind.schemes().is_some_and(|schemes| schemes.contains(&scheme));
        Self::ALL.into_iter().find(is_its)
    }

    /// Returns what must work for the service to reach anybody: kinds of one provider fail together.
    pub fn platform(self) -> &'static str {
        match self {
            Kind::TwilioSms | Kind::TwilioVoice => "twilio",
            other => other.name(),
        }
    }

    /// True when a program reads every effect there, as it is.
    pub fn takes_all(self) -> bool {
        self == Kind::Webhook
    }

    /// Returns the keys that only some kinds have and this one takes.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::Pagerduty | Kind::Telegram | Kind::Slack => &["url", "token", "answer_secret"],
            Kind::Ntfy | Kind::Matrix | Kind::IncidentIo => &["url", "token"],
            Kind::TwilioSms | Kind::TwilioVoice => &["url", "token", "account", "from"],
            Kind::Alertmanager => &["urls"],
            Kind::Discord | Kind::GrafanaOncall => &["url"],
            Kind::Syslog => &["url", "ca_file"],
            Kind::Email => &["url", "from", "ca_file"],
            Kind::Webhook => &["url", "secret"],
        }
    }
}

impl ChannelConfig {
    /// Returns the schemes that the channel carries, in lower case; `None` for all.
    pub fn schemes(&self) -> Option<Vec<String>> {
        let own = self.schemes.as_ref().map(|all| all.iter().map(|one| one.trim().to_ascii_lowercase()).collect());
        own.or_else(|| self.kind.schemes().map(|all| all.iter().map(|one| (*one).to_owned()).collect()))
    }

    /// Returns the address that hears of every incident; `None` if the channel has no such place.
    pub fn room(&self) -> Option<String> {
        let is_a_room = match self.kind {
            Kind::Discord | Kind::Alertmanager | Kind::GrafanaOncall | Kind::IncidentIo | Kind::Syslog => true,
            Kind::Slack => self.token.is_none(),
            Kind::Pagerduty | Kind::Telegram | Kind::Email | Kind::TwilioSms | Kind::TwilioVoice => false,
            Kind::Ntfy | Kind::Matrix | Kind::Webhook => false,
        };
        let scheme = self.schemes().and_then(|all| all.into_iter().next()).unwrap_or_default();
        self.room.clone().or_else(|| is_a_room.then(|| format!("{scheme}:")))
    }

    /// Returns what the service's answers are checked with; `None` if it gives none.
    pub fn answer_secret(&self) -> Option<&SecretRef> {
        match self.kind {
            Kind::TwilioSms | Kind::TwilioVoice => self.token.as_ref(),
            _ => self.answer_secret.as_ref(),
        }
    }

    /// Checks what can be checked without making the service.
    ///
    /// # Errors
    ///
    /// The first mistake.
    pub(super) fn check(&self) -> Result<(), Mistake> {
        let set = [
            ("url", self.url.is_some()),
            ("token", self.token.is_some()),
            ("secret", self.secret.is_some()),
            ("from", self.from.is_some()),
            ("ca_file", self.ca_file.is_some()),
            ("urls", !self.urls.is_empty()),
            ("account", self.account.is_some()),
            ("answer_secret", self.answer_secret.is_some()),
        ];
        let foreign = set.into_iter().find(|(key, is_set)| *is_set && !self.kind.keys().contains(key));
        if let Some((key, _)) = foreign {
            let message =
                format!("a channel of kind `{}` has no `{key}`; take it out, or change `kind`", self.kind.name());
            return Err((key.to_owned(), message));
        }
        for (key, value, most) in [("timeout_ms", self.timeout_ms, 600_000), ("throttle_s", self.throttle_s, 3_600)] {
            let least = u64::from(key == "timeout_ms");
            if !(least..=most).contains(&value) {
                return Err((key.to_owned(), format!("it is {value}: write {least} to {most}")));
            }
        }
        if self.schemes.as_ref().is_some_and(|all| all.is_empty() || all.iter().any(|one| one.trim().is_empty())) {
            return Err(("schemes".to_owned(), "name at least one, as [\"sms\"], or leave it out".to_owned()));
        }
        if let (Some(room), Some(schemes)) = (&self.room, self.schemes()) {
            let scheme = room.split(':').next().unwrap_or_default().to_ascii_lowercase();
            if !schemes.contains(&scheme) {
                let message = format!("`{room}` is not of the channel's schemes: write `{}:…`", schemes.join("` or `"));
                return Err(("room".to_owned(), message));
            }
        }
        shape::check(self)
    }

    /// Fetches a secret that the kind needs.
    pub(super) fn needed(&self, key: &str, folder: &Path, what: &str) -> Result<Secret, Mistake> {
        let missing = || (key.to_owned(), format!("`{key}` is missing; {what}"));
        self.optional(key, folder)?.ok_or_else(missing)
    }

    /// Fetches a secret that the kind may have.
    pub(super) fn optional(&self, key: &str, folder: &Path) -> Result<Option<Secret>, Mistake> {
        let named = match key {
            "url" => &self.url,
            "token" => &self.token,
            "secret" => &self.secret,
            _ => &None,
        };
        let fetched = named.as_ref().map(|secret| secret.resolve(folder)).transpose();
        fetched.map_err(|error| (key.to_owned(), error.to_string()))
    }

    /// Fetches the URL that paths of an API are put behind, or takes the service's own; without a slash at its end.
    pub(super) fn base_url(&self, folder: &Path, own: &str) -> Result<Secret, Mistake> {
        let url = self.optional("url", folder)?.unwrap_or_else(|| Secret::new(own));
        web(Secret::new(url.expose().trim_end_matches('/')))
    }

    /// Fetches the URL of a service that has none of its own, as it stands.
    pub(super) fn own_url(&self, folder: &Path, what: &str) -> Result<Secret, Mistake> {
        self.needed("url", folder, what).and_then(web)
    }
}

fn web(url: Secret) -> Result<Secret, Mistake> {
    match url.expose().starts_with("https://") || url.expose().starts_with("http://") {
        true => Ok(url),
        false => Err(("url".to_owned(), "it must start with https:// or http://".to_owned())),
    }
}
