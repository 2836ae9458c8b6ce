//! Syslog by RFC 5424, over TCP with counted octets (RFC 6587, 3.4.1) or UDP (RFC 5426). UDP says nothing of arrival, so that
//! no page goes this way: it is a room.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use reqwest::Url;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

use crate::deliver::channel::config::Mistake;
use crate::deliver::channel::fit::fitting;
use crate::deliver::channel::letter::Letter;
use crate::deliver::channel::template::Template;
use crate::deliver::channel::view::View;
use crate::deliver::channel::{Sent, Service};
use crate::deliver::webhook::Undelivered;
use crate::finding::Severity;
use crate::secret::Secret;

pub(super) const TEMPLATE: &str = include_str!("templates/syslog.txt");
/// RFC 5424, 6.1: receivers should take 2,048 bytes. The rest is for the header.
const MESSAGE_BYTES: usize = 1_500;
/// `local0`, RFC 5424, 6.2.1.
const FACILITY: u8 = 16;

pub(super) struct Syslog {
    host: String,
    port: u16,
    is_tcp: bool,
    timeout: Duration,
    hostname: String,
    template: Template,
}

impl Syslog {
    pub(super) fn new(url: &Secret, timeout_ms: u64, template: Template) -> Result<Self, Mistake> {
        let wrong = || ("url".to_owned(), "write `tcp://host:601` or `udp://host:514`".to_owned());
        let url: Url = url.expose().parse().map_err(|_| wrong())?;
        let is_tcp = match url.scheme() {
            "tcp" => true,
            "udp" => false,
            _ => return Err(wrong()),
        };
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        let port = url.port().unwrap_or(if is_tcp { 601 } else { 514 });
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let hostname: String = name.chars().filter(char::is_ascii_graphic).take(255).collect();
        let hostname = if hostname.is_empty() { "-".to_owned() } else { hostname };
        Ok(Self { host, port, is_tcp, timeout: Duration::from_millis(timeout_ms), hostname, template })
    }

    fn line(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        let view = View::of(letter, None);
        let made = fitting(&self.template, &view, MESSAGE_BYTES, str::len).map_err(|error| error.to_string())?;
        let message = made.split_whitespace().collect::<Vec<_>>().join(" ");
        let severity = match letter.brief.severity {
            Severity::Critical => 2,
            Severity::High => 3,
            Severity::Medium => 4,
            Severity::Low => 5,
            Severity::Info => 6,
        };
        let at =
            Timestamp::from_millisecond(letter.now_ms as i64).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        // 32473 is the enterprise number for whoever has none, RFC 5612.
        let data = [
            ("incident", view.incident.to_string()),
            ("severity", view.severity),
            ("state", view.state),
            ("key", letter.id()),
        ];
        let data: String = data.iter().map(|(name, value)| format!(" {name}=\"{}\"", quoted(value))).collect();
        let pri = FACILITY * 8 + severity;
        Ok(format!(
            "<{pri}>1 {at} {} watchfire - {} [watchfire@32473{data}] \u{feff}{message}",
            self.hostname, view.effect
        )
        .into_bytes())
    }
}

/// RFC 5424, 6.3.3.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]")
}

impl Service for Syslog {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let line = self.line(letter).map_err(Undelivered::for_good)?;
            let place = format!("{}:{}", self.host, self.port);
            let sending = async {
                let to = (self.host.as_str(), self.port);
                if self.is_tcp {
                    let mut stream = TcpStream::connect(to).await?;
                    stream.write_all(format!("{} ", line.len()).as_bytes()).await?;
                    stream.write_all(&line).await?;
                    stream.shutdown().await
                } else {
                    let own = if self.host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
                    UdpSocket::bind(own).await?.send_to(&line, to).await.map(drop)
                }
            };
            match tokio::time::timeout(self.timeout, sending).await {
                Ok(Ok(())) => Ok(Sent::default()),
                Ok(Err(error)) => Err(Undelivered::for_now(format!("{place}: {error}"), None)),
                Err(_) => Err(Undelivered::for_now(format!("{place} took too long"), None)),
            }
        }
        .boxed()
    }
}
