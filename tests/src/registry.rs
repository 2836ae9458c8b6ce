//! A real registry, Debian's `docker-registry`, and one that stands before it and lies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::anvil::free_port;
use crate::outlets::certify;
use crate::serving::serve;

/// Where Debian puts it.
const BINARY: &str = "/usr/bin/docker-registry";
/// How long it may take to listen.
const STARTS_WITHIN: Duration = Duration::from_secs(90);
/// Largest body that the liar passes on.
const BODY_BYTES: usize = 128 << 20;

/// How a registry is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// By TLS, with a certificate of its own making.
    pub tls: bool,
    /// By user `ana` and password `s3:cret`.
    pub password: bool,
}

/// A registry that ends with this value.
pub struct Registry {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Registry {
    /// Starts one; `None` if it is not installed.
    ///
    /// # Errors
    ///
    /// If it does not listen, or `openssl` or `htpasswd` can't be run.
    pub async fn start(how: How) -> anyhow::Result<Option<Self>> {
        if !Path::new(BINARY).is_file() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let mut config = json!({
            "version": 0.1,
            "log": { "level": "error", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": folder.path().join("data") }, "delete": { "enabled": true } },
            "http": { "addr": format!("127.0.0.1:{port}") },
        });
        if how.tls {
            certify(folder.path())?;
            config["http"]["tls"] =
                json!({ "certificate": folder.path().join("cert.pem"), "key": folder.path().join("key.pem") });
        }
        if how.password {
            let users = Command::new("htpasswd").args(["-Bbn", "ana", "s3:cret"]).output();
            let users = users.context("htpasswd can't be run; it is in Debian's apache2-utils")?;
            ensure!(users.status.success(), "htpasswd makes no entry");
            std::fs::write(folder.path().join("users"), users.stdout)?;
            config["auth"] = json!({ "htpasswd": { "realm": "test", "path": folder.path().join("users") } });
        }
        // JSON is YAML.
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config.to_string())?;
        let mut command = Command::new(BINARY);
        let child = command.arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let registry = Self { child, folder, port };
        let connect = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(STARTS_WITHIN, connect).await.with_context(|| format!("nobody listens on {port}"))?;
        Ok(Some(registry))
    }

    /// Its name in references.
    pub fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate that its own was made by.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

/// What the liar does to what the registry says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lie {
    /// Nothing; and it has the API that lists what belongs to a manifest, which Debian's has not.
    #[default]
    None,
    /// Layers are other bytes of the same length.
    OtherBytes,
    /// Layers never end.
    Endless,
    /// Manifests are longer than anybody reads.
    HugeManifest,
    /// A tag names another manifest: that of another tag.
    Moved(String, String),
    /// Each request is one too many for so many seconds.
    TooMany(u64),
    /// The first so many uploads break off.
    BrokenUploads(u32),
    /// The first so many requests fail.
    Failing(u32),
    /// Signatures are not listed.
    NoSignatures,
    /// What is asked for is elsewhere, by plain HTTP on another machine.
    Elsewhere,
}

/// A registry before the real one.
pub struct Liar {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    registry: String,
    lie: Mutex<Lie>,
    listed: Mutex<BTreeMap<String, Vec<Value>>>,
    asked: Mutex<Vec<String>>,
    http: reqwest::Client,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Liar {
    /// Starts before a registry.
    ///
    /// # Errors
    ///
    /// If it can't listen.
    pub async fn start(registry: &Registry) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            registry: registry.name(),
            lie: Mutex::default(),
            listed: Mutex::default(),
            asked: Mutex::default(),
            http: watchfire::http::client_builder().build()?,
        });
        let (port, task) = serve(Router::new().fallback(answer).with_state(shared.clone())).await?;
        Ok(Self { port, shared, task })
    }

    /// Its name in references.
    pub fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Lies like this from now on.
    pub fn lie(&self, lie: Lie) {
        *self.shared.lie.lock().unwrap_or_else(PoisonError::into_inner) = lie;
    }

    /// What it was asked so far: method and path.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match shared.pass_on(request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Shared {
    /// Returns what the liar does to this request.
    fn lie(&self) -> Lie {
        self.lie.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts down what the liar does only so often.
    fn count_down(&self) {
        let mut lie = self.lie.lock().unwrap_or_else(PoisonError::into_inner);
        *lie = match lie.clone() {
            Lie::BrokenUploads(left) if left > 1 => Lie::BrokenUploads(left - 1),
            Lie::Failing(left) if left > 1 => Lie::Failing(left - 1),
            Lie::BrokenUploads(_) | Lie::Failing(_) => Lie::None,
            other => other,
        };
    }

    async fn pass_on(&self, request: Request) -> anyhow::Result<Response> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map(|path| path.as_str().to_owned()).unwrap_or_default();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{} {path}", parts.method));
        let lie = self.lie();
        match &lie {
            Lie::TooMany(seconds) => {
                let header = [("retry-after", seconds.to_string())];
                return Ok((StatusCode::TOO_MANY_REQUESTS, header).into_response());
            }
            Lie::Failing(_) => {
                self.count_down();
                // As some that start do: at once is meant, and it fails again.
                return Ok((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response());
            }
            Lie::BrokenUploads(_) if parts.method == Method::PUT && path.contains("/blobs/uploads/") => {
                self.count_down();
                // The place is gone, as after a restart of a registry.
                return Ok((StatusCode::NOT_FOUND, "{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}").into_response());
            }
            Lie::Endless if parts.method == Method::GET && path.contains("/blobs/") => {
                return Ok(Response::new(Body::from_stream(endless())));
            }
            Lie::HugeManifest if parts.method == Method::GET && path.contains("/manifests/") => {
                return Ok(Response::new(Body::from(vec![b' '; 16 << 20])));
            }
            Lie::Elsewhere if parts.method == Method::GET && path.contains("/blobs/") => {
                let header = [("location", "http://192.0.2.1/blob".to_owned())];
                return Ok((StatusCode::TEMPORARY_REDIRECT, header).into_response());
            }
            _ => {}
        }
        if let Some((_, digest)) = path.split_once("/referrers/") {
            let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
            let listed = listed.unwrap_or_default().into_iter();
            let listed: Vec<Value> = listed
                .filter(|one| lie != Lie::NoSignatures || !one["artifactType"].to_string().contains("signature"))
                .collect();
            let kind = "application/vnd.oci.image.index.v1+json";
            let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": listed });
            return Ok(([("content-type", kind)], index.to_string()).into_response());
        }
        let path = match &lie {
            Lie::Moved(from, to) => path.replace(&format!("/manifests/{from}"), &format!("/manifests/{to}")),
            _ => path,
        };
        let body = to_bytes(body, BODY_BYTES).await?;
        let subject = self.list(&parts.method, &path, &body);
        let mut headers = parts.headers.clone();
        headers.remove("host");
        headers.insert("host", format!("127.0.0.1:{}", own_port(&parts.headers)).parse()?);
        let url = format!("http://{}{path}", self.registry);
        let asked = self.http.request(parts.method.clone(), url).headers(headers).body(body).send().await?;
        let (status, mut headers) = (asked.status(), asked.headers().clone());
        let mut bytes = asked.bytes().await?.to_vec();
        if lie == Lie::OtherBytes && path.contains("/blobs/sha256") && parts.method == Method::GET {
            bytes.iter_mut().for_each(|byte| *byte ^= 1);
        }
        if let Some(subject) = subject.filter(|_| status.is_success()) {
            headers.insert("oci-subject", subject.parse()?);
        }
        headers.remove("transfer-encoding");
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// Lists a manifest with the one that it belongs to. Returns that one's digest.
    fn list(&self, method: &Method, path: &str, body: &Bytes) -> Option<String> {
        if method != Method::PUT || !path.contains("/manifests/") {
            return None;
        }
        let manifest: Value = serde_json::from_slice(body).ok()?;
        let subject = manifest["subject"]["digest"].as_str()?.to_owned();
        let digest = format!("sha256:{}", watchfire::share::digest::Digest::of(body).hex());
        let kind = manifest["artifactType"].as_str().or(manifest["config"]["mediaType"].as_str());
        let described = json!({
            "mediaType": manifest["mediaType"], "digest": digest, "size": body.len(), "artifactType": kind,
        });
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.entry(subject.clone()).or_default().push(described);
        Some(subject)
    }
}

/// The port that the client speaks to, so that the registry names it in the places of uploads.
fn own_port(headers: &HeaderMap) -> u16 {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    host.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default()
}

/// Bytes that never end, without a length.
fn endless() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::repeat_with(|| Ok(Bytes::from(vec![0_u8; 64 << 10])))
}
