//! Syslog by RFC 5424, over TLS (RFC 5425), over TCP with counted octets (RFC 6587, 3.4.1) or UDP (RFC 5426). None of them says
//! whether a line arrived, so that no page goes this way: it is a room.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use reqwest::Url;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

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

/// What carries a line.
enum Way {
    Udp,
    Tcp,
    /// TLS from the start, to a server of this name.
    Tls(TlsConnector, ServerName<'static>),
}

pub(super) struct Syslog {
    host: String,
    port: u16,
    way: Way,
    timeout: Duration,
    hostname: String,
    template: Template,
}

/// Where lines go.
pub(super) const PLACES: &str = "write `tls://host:6514`, `tcp://host:601` or `udp://host:514`";

impl Syslog {
    /// Makes a channel. `ca_file` has certificates to trust besides those of the system, for TLS.
    pub(super) fn new(
        url: &Secret,
        ca_file: Option<&Path>,
        timeout_ms: u64,
        template: Template,
    ) -> Result<Self, Mistake> {
        let wrong = || ("url".to_owned(), PLACES.to_owned());
        let url: Url = url.expose().parse().map_err(|_| wrong())?;
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        let (way, port) = match url.scheme() {
            "tls" => {
                let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
                (Way::Tls(connector(ca_file)?, name), 6514)
            }
            "tcp" => (Way::Tcp, 601),
            "udp" => (Way::Udp, 514),
            _ => return Err(wrong()),
        };
        if ca_file.is_some() && !matches!(way, Way::Tls(..)) {
            return Err(("ca_file".to_owned(), "only `tls://` has certificates".to_owned()));
        }
        let port = url.port().unwrap_or(port);
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let hostname: String = name.chars().filter(char::is_ascii_graphic).take(255).collect();
        let hostname = if hostname.is_empty() { "-".to_owned() } else { hostname };
        Ok(Self { host, port, way, timeout: Duration::from_millis(timeout_ms), hostname, template })
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

/// Writes a line behind the count of its octets, and ends the stream.
async fn write(mut stream: impl AsyncWrite + Unpin, line: &[u8]) -> std::io::Result<()> {
    let mut frame = format!("{} ", line.len()).into_bytes();
    frame.extend_from_slice(line);
    stream.write_all(&frame).await?;
    stream.shutdown().await
}

/// What speaks TLS with servers whose certificate the system trusts, or that of a file.
fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, Mistake> {
    let wrong = |key: &str, message: String| (key.to_owned(), message);
    let mut roots = RootCertStore::empty();
    // A system without certificates trusts nobody, which is found as soon as something is sent.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let pem = std::fs::read(path)
            .map_err(|error| wrong("ca_file", format!("`{}` can't be read: {error}", path.display())))?;
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate =
                certificate.map_err(|error| wrong("ca_file", format!("it is no certificate: {error}")))?;
            roots.add(certificate).map_err(|error| wrong("ca_file", format!("it is no certificate: {error}")))?;
            count += 1;
        }
        if count == 0 {
            return Err(wrong("ca_file", "it has no certificate in PEM".to_owned()));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("url", format!("no TLS can be set up: {error}")))?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
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
                match &self.way {
                    Way::Tls(connector, name) => {
                        let stream = TcpStream::connect(to).await?;
                        write(connector.connect(name.clone(), stream).await?, &line).await
                    }
                    Way::Tcp => write(TcpStream::connect(to).await?, &line).await,
                    Way::Udp => {
                        let own = if self.host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
                        UdpSocket::bind(own).await?.send_to(&line, to).await.map(drop)
                    }
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
