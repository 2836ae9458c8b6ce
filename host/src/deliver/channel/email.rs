//! Mail by SMTP: over TLS from the start (`smtps://`), or after STARTTLS (`smtp://`), never without.

use std::path::Path;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use reqwest::Url;

use crate::deliver::channel::config::Mistake;
use crate::deliver::channel::fit::{chars, clip, fitting, headed};
use crate::deliver::channel::letter::{Intent, Letter};
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service};
use crate::deliver::webhook::{Undelivered, plain};
use crate::secret::Secret;

pub(super) const TEMPLATE: &str = include_str!("templates/email.txt");
/// Longest subject: RFC 5322, 2.1.1 wants lines of 78 characters, and phones show fewer; the whole line stands in the body.
const SUBJECT_CHARS: usize = 120;
/// There is room; nobody reads more.
const BODY_CHARS: usize = 50_000;

pub(super) struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    template: Template,
    record_url: Option<String>,
    place: String,
    timeout: Duration,
}

/// What a mail account is made of.
pub(super) struct Account<'a> {
    pub(super) url: &'a Secret,
    pub(super) from: &'a str,
    pub(super) ca_file: Option<&'a Path>,
    pub(super) timeout_ms: u64,
}

impl Email {
    pub(super) fn new(account: &Account<'_>, template: Template, record_url: Option<String>) -> Result<Self, Mistake> {
        let wrong = |key: &str, message: String| (key.to_owned(), message);
        let url: Url = account.url.expose().parse().map_err(|_| {
            wrong("url", "it is no URL; write `smtps://user:password@host` or `smtp://user:password@host:587`".into())
        })?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("url", "it names no host".into()))?.to_owned();
        let mut tls = TlsParameters::builder(host.clone());
        if let Some(path) = account.ca_file {
            let pem = std::fs::read(path)
                .map_err(|error| wrong("ca_file", format!("`{}` can't be read: {error}", path.display())))?;
            let certificate = Certificate::from_pem(&pem);
            tls = tls.add_root_certificate(
                certificate.map_err(|error| wrong("ca_file", format!("it is no certificate: {error}")))?,
            );
        }
        let tls = tls.build_rustls().map_err(|error| wrong("url", format!("no TLS can be set up: {error}")))?;
        let (tls, port) = match url.scheme() {
            "smtps" => (Tls::Wrapper(tls), 465),
            "smtp" => (Tls::Required(tls), 587),
            _ => return Err(wrong("url", "it must start with smtps:// or smtp://".into())),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
            .port(url.port().unwrap_or(port))
            .tls(tls)
            .timeout(Some(Duration::from_millis(account.timeout_ms)));
        if let (false, Some(password)) = (url.username().is_empty(), url.password()) {
            let decoded = |text: &str| {
                let plus_kept = text.replace('+', "%2B");
                reqwest::Url::parse(&format!("x://x/?p={plus_kept}"))
                    .ok()
                    .and_then(|url| url.query_pairs().next().map(|(_, value)| value.into_owned()))
                    .unwrap_or_default()
            };
            builder = builder.credentials(Credentials::new(decoded(url.username()), decoded(password)));
        }
        let from = account.from.parse().map_err(|error| wrong("from", format!("it is no mail address: {error}")))?;
        Ok(Self {
            transport: builder.build(),
            from,
            template,
            record_url,
            place: account.url.label(),
            timeout: Duration::from_millis(account.timeout_ms),
        })
    }

    fn message(&self, letter: &Letter) -> Result<Message, String> {
        let view = View::of(letter, self.record_url.as_deref());
        let made = fitting(&self.template, &view, BODY_CHARS, chars).map_err(|error| error.to_string())?;
        let (subject, body) = headed(&made);
        let to: Mailbox =
            letter.place().parse().map_err(|error| format!("`{}` is no mail address: {error}", letter.place()))?;
        let domain = self.from.email.domain();
        // The same mail sent twice has one id, by which mailboxes and people tell.
        let id = format!("<{}@{domain}>", letter.id());
        let mut message = Message::builder().from(self.from.clone()).to(to).subject(clip(&subject, SUBJECT_CHARS));
        message = message.message_id(Some(id)).header(ContentType::TEXT_PLAIN);
        if !letter.is_test {
            // All about one incident stands together.
            message = message.references(format!("<{}@{domain}>", letter.brief.mark));
        }
        if letter.intent == Intent::Page {
            let urgent = HeaderName::new_from_ascii_str("X-Priority");
            message = message.raw_header(HeaderValue::new(urgent, "1".to_owned()));
        }
        message.body(format!("{subject}\n\n{body}\n")).map_err(|error| error.to_string())
    }
}

impl Service for Email {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let message = self.message(letter).map_err(Undelivered::for_good)?;
            // The whole conversation: a server that hangs between two answers holds up nothing.
            let Ok(sent) = tokio::time::timeout(self.timeout, self.transport.send(message)).await else {
                return Err(Undelivered::for_now(format!("{} took too long", self.place), None));
            };
            match sent {
                Ok(_) => Ok(Sent::default()),
                // RFC 5321, 4.2.1: 5yz will not be taken however often it is sent, 4yz may.
                Err(error) => {
                    let message = format!("{}: {}", self.place, plain(&error));
                    Err(if error.is_permanent() {
                        Undelivered::for_good(message)
                    } else {
                        Undelivered::for_now(message, None)
                    })
                }
            }
        }
        .boxed()
    }
}
