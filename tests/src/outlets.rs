//! Real services that effects go to: a mail server with TLS, Alertmanager, and rsyslog with TLS.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::anvil::free_port;

/// How long a service may take to listen.
const STARTS_WITHIN: Duration = Duration::from_secs(90);

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn listens(port: u16) -> anyhow::Result<()> {
    let connect = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(STARTS_WITHIN, connect).await.with_context(|| format!("nobody listens on {port}"))
}

/// How a mail server speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the start.
    Wrapped,
    /// After STARTTLS, without which it takes nothing.
    Started,
}

/// A mail server (Debian's `python3-aiosmtpd`) that keeps what it takes in a maildir.
pub struct Mail {
    _running: Running,
    folder: TempDir,
    port: u16,
}

impl Mail {
    /// Starts one with a certificate of its own; `None` without aiosmtpd.
    ///
    /// # Errors
    ///
    /// If `openssl` makes no certificate, or the server does not listen.
    pub async fn start(tls: Tls) -> anyhow::Result<Option<Self>> {
        if !Path::new("/usr/lib/python3/dist-packages/aiosmtpd").is_dir() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        certify(folder.path())?;
        let port = free_port()?;
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-m", "aiosmtpd", "-n", "-l"]).arg(format!("127.0.0.1:{port}"));
        command.args(match tls {
            Tls::Wrapped => ["--smtpscert", "cert.pem", "--smtpskey", "key.pem"],
            Tls::Started => ["--tlscert", "cert.pem", "--tlskey", "key.pem"],
        });
        command.args(["-c", "aiosmtpd.handlers.Mailbox", "maildir"]);
        let child = command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mail = Self { _running: Running(child), folder, port };
        listens(port).await?;
        Ok(Some(mail))
    }

    /// Where it is, as a channel's `url` has it.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}", self.port)
    }

    /// The certificate that its own was made by.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Mails that it took, each as it came.
    ///
    /// # Errors
    ///
    /// If a mail can't be read.
    pub fn taken(&self) -> anyhow::Result<Vec<String>> {
        let folder = self.folder.path().join("maildir/new");
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let files = std::fs::read_dir(folder)?;
        files.map(|file| Ok(String::from_utf8_lossy(&std::fs::read(file?.path())?).into_owned())).collect()
    }
}

/// Makes a certificate for `localhost`, and the one that it is made by.
pub(crate) fn certify(folder: &Path) -> anyhow::Result<()> {
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(folder).output().context("openssl can't be run")?;
        ensure!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        anyhow::Ok(())
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let ca = ["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test"];
    openssl(&[&ca[..], &key].concat())?;
    openssl(&[&["req", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost"][..], &key].concat())?;
    std::fs::write(
        folder.join("names"),
        "subjectAltName = DNS:localhost, IP:127.0.0.1\nbasicConstraints = CA:FALSE\n",
    )?;
    let made =
        ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "cert.pem"];
    openssl(&[&["x509", "-req", "-in", "request.pem"][..], &made].concat())
}

/// Alertmanager (Debian's `prometheus-alertmanager`).
pub struct Alertmanager {
    _running: Running,
    _folder: TempDir,
    port: u16,
}

impl Alertmanager {
    /// Starts one; `None` if it is not installed.
    ///
    /// # Errors
    ///
    /// If it does not listen.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let binary = Path::new("/usr/bin/prometheus-alertmanager");
        if !binary.is_file() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("config.yml"), "route: { receiver: none }\nreceivers: [{ name: none }]\n")?;
        let port = free_port()?;
        let mut command = Command::new(binary);
        command.args(["--config.file=config.yml", "--storage.path=data", "--cluster.listen-address="]);
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).current_dir(folder.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let alertmanager = Self { _running: Running(child), _folder: folder, port };
        listens(port).await?;
        Ok(Some(alertmanager))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Alerts that stand there now.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn alerts(&self) -> anyhow::Result<Vec<Value>> {
        let client = watchfire::http::client_builder().build()?;
        Ok(client.get(format!("{}/api/v2/alerts", self.url())).send().await?.json().await?)
    }

    /// Silences what has a label of a value for an hour, as somebody does at night. Returns the silence's id.
    ///
    /// # Errors
    ///
    /// If it can't be reached, or refuses.
    pub async fn silence(&self, label: &str, value: &str) -> anyhow::Result<String> {
        let client = watchfire::http::client_builder().build()?;
        let now = jiff::Timestamp::now();
        let body = serde_json::json!({
            "matchers": [{ "name": label, "value": value, "isRegex": false, "isEqual": true }],
            "startsAt": now.to_string(), "endsAt": (now + jiff::SignedDuration::from_hours(1)).to_string(),
            "createdBy": "somebody", "comment": "too loud",
        });
        let sent = client.post(format!("{}/api/v2/silences", self.url())).json(&body).send().await?;
        let answer: Value = sent.error_for_status()?.json().await?;
        Ok(answer["silenceID"].as_str().unwrap_or_default().to_owned())
    }
}

/// rsyslog (Debian's `rsyslog` and `rsyslog-openssl`) that takes lines over TLS alone, and keeps them as they came.
pub struct Rsyslog {
    _running: Running,
    folder: TempDir,
    port: u16,
}

impl Rsyslog {
    /// Starts one with a certificate of its own; `None` if it is not installed.
    ///
    /// # Errors
    ///
    /// If `openssl` makes no certificate, or the server does not listen.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let binary = Path::new("/usr/sbin/rsyslogd");
        if !binary.is_file() || !Path::new("/usr/share/doc/rsyslog-openssl/copyright").exists() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        certify(folder.path())?;
        let (port, here) = (free_port()?, folder.path().display());
        let config = format!(
            "global(workDirectory=\"{here}\" maxMessageSize=\"8k\" defaultNetstreamDriver=\"ossl\"\n\
             \x20 defaultNetstreamDriverCAFile=\"{here}/ca.pem\" defaultNetstreamDriverCertFile=\"{here}/cert.pem\"\n\
             \x20 defaultNetstreamDriverKeyFile=\"{here}/key.pem\")\n\
             module(load=\"imtcp\" streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n\
             action(type=\"omfile\" file=\"{here}/lines\" template=\"raw\")\n"
        );
        std::fs::write(folder.path().join("rsyslog.conf"), config)?;
        let mut command = Command::new(binary);
        command.args(["-n", "-f", "rsyslog.conf", "-i"]).arg(folder.path().join("pid")).current_dir(folder.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let rsyslog = Self { _running: Running(child), folder, port };
        listens(port).await?;
        Ok(Some(rsyslog))
    }

    /// Where it is, as a channel's `url` has it.
    pub fn url(&self) -> String {
        format!("tls://localhost:{}", self.port)
    }

    /// The certificate that its own was made by.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Lines that it took, as they came.
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("lines")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
