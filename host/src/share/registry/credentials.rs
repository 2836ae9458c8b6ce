//! Who one is to a registry, as Docker's and Podman's configs have it, and their helpers.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine;
use serde::Deserialize;

use crate::secret::Secret;

/// Docker's own registry, as its config calls it.
const DOCKER_HUB: (&str, &str) = ("docker.io", "https://index.docker.io/v1/");

/// How long a helper may take: those that ask a person for a password are seldom answered later.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// Most bytes of what a helper answers.
const ANSWER_BYTES: u64 = 1 << 20;

/// Who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password.
    Password(String, Secret),
    /// A token that another is given for.
    Identity(Secret),
    /// A token for the registry itself.
    Registry(Secret),
}

/// The files in which credentials are looked for, in order.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    files: Vec<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct File {
    auths: BTreeMap<String, Entry>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(rename = "identitytoken")]
    identity: Option<String>,
    #[serde(rename = "registrytoken")]
    registry: Option<String>,
}

#[derive(Deserialize)]
struct Helped {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

impl Credentials {
    /// Names the files that there are for whoever runs this process: `REGISTRY_AUTH_FILE`, then Docker's `config.json`, then
    /// Podman's `auth.json`.
    pub fn of_user() -> Self {
        let from = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        let docker = from("DOCKER_CONFIG").or_else(|| Some(from("HOME")?.join(".docker")));
        let podman = from("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json"));
        let docker = docker.map(|folder| folder.join("config.json"));
        let files = [from("REGISTRY_AUTH_FILE"), docker, podman].into_iter().flatten();
        Self { files: files.filter(|file| file.is_file()).collect() }
    }

    /// Looks in these files only.
    pub fn in_files(files: Vec<PathBuf>) -> Self {
        Self { files }
    }

    /// Returns who one is to a registry; `None` if no file says it.
    ///
    /// # Errors
    ///
    /// If a file can't be read, or its helper fails.
    pub(super) fn of(&self, registry: &str) -> Result<Option<Credential>, String> {
        for path in &self.files {
            let wrong = |why: String| format!("`{}`: {why}", path.display());
            let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            // What serde says of a wrong one might quote a password.
            let file: File = serde_json::from_str(&text).map_err(|_| wrong("it is no config of Docker".to_owned()))?;
            if let Some(found) = file.of(registry).map_err(wrong)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl File {
    fn of(&self, registry: &str) -> Result<Option<Credential>, String> {
        let names = if matches!(registry, "docker.io" | "index.docker.io") {
            vec![DOCKER_HUB.1, DOCKER_HUB.0]
        } else {
            vec![registry]
        };
        for name in names {
            let helper = self.helpers.get(name);
            if let Some(helper) = helper
                && let Some(found) = ask(helper, name)?
            {
                return Ok(Some(found));
            }
            let written = self.auths.iter().find(|(key, _)| bare(key) == bare(name)).map(|(_, entry)| entry);
            if let Some(found) = written.map(Entry::read).transpose()?.flatten() {
                return Ok(Some(found));
            }
            if let Some(store) = self.store.as_ref().filter(|_| helper.is_none())
                && let Some(found) = ask(store, name)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl Entry {
    fn read(&self) -> Result<Option<Credential>, String> {
        if let Some(token) = self.registry.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Some(Credential::Registry(Secret::new(token))));
        }
        if let Some(token) = self.identity.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Some(Credential::Identity(Secret::new(token))));
        }
        if let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) {
            let decoded = base64::engine::general_purpose::STANDARD.decode(auth).ok();
            let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or("an `auth` is no base64")?;
            let (user, password) = text.split_once(':').ok_or("an `auth` has no password")?;
            return Ok(Some(Credential::Password(user.to_owned(), Secret::new(password))));
        }
        let pair = self.username.clone().zip(self.password.clone());
        Ok(pair.map(|(user, password)| Credential::Password(user, Secret::new(password))))
    }
}

/// Returns a registry's name without scheme and path.
fn bare(name: &str) -> &str {
    let name = name.trim_start_matches("https://").trim_start_matches("http://");
    name.split('/').next().unwrap_or(name)
}

/// Asks Docker's helper of a name.
fn ask(helper: &str, registry: &str) -> Result<Option<Credential>, String> {
    let plain = helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if helper.is_empty() || !plain {
        return Err("a helper's name has other characters than letters, digits, `-`, `_`, `.`".to_owned());
    }
    let program = format!("docker-credential-{helper}");
    let Some(answer) = answer_of(Command::new(&program).arg("get"), &program, registry, ANSWERS_WITHIN)? else {
        // Helpers exit with an error where they know nothing of a registry.
        tracing::debug!("`{program}` has nothing for {registry}");
        return Ok(None);
    };
    let helped: Helped = serde_json::from_slice(&answer).map_err(|_| format!("`{program}` answers no JSON"))?;
    Ok(Some(match helped.user.as_str() {
        "<token>" => Credential::Identity(Secret::new(helped.secret)),
        _ => Credential::Password(helped.user, Secret::new(helped.secret)),
    }))
}

/// Runs a helper, which may wait for a person who is not there, and ends it after a time. Returns what it answers; `None` if it
/// fails.
fn answer_of(
    command: &mut Command,
    program: &str,
    registry: &str,
    within: Duration,
) -> Result<Option<Vec<u8>>, String> {
    let failed = |error: std::io::Error| format!("`{program}` can't be run: {error}");
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that has gone says why by its exit.
        let _ = stdin.write_all(registry.as_bytes());
    }
    let (answers, answered) = mpsc::channel();
    let stdout = child.stdout.take();
    let reading = std::thread::Builder::new().name("credentials".to_owned()).spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map(|stdout| stdout.take(ANSWER_BYTES).read_to_end(&mut bytes));
        // Nobody listens any more if it took too long.
        let _ = answers.send(read.transpose().map(|_| bytes));
    });
    reading.map_err(failed)?;
    let Ok(answer) = answered.recv_timeout(within) else {
        let _ = child.kill().and_then(|()| child.wait());
        return Err(format!(
            "`{program}` has not answered within {} s: try `{program} get` by hand, or take it out of Docker's config.json",
            within.as_secs()
        ));
    };
    let (answer, status) = (answer.map_err(failed)?, child.wait().map_err(failed)?);
    Ok(status.success().then_some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, registry: &str, expected: Option<Credential>) {
        let file: File = serde_json::from_str(text).unwrap();
        assert_eq!(file.of(registry), Ok(expected), "{text}");
    }

    #[test]
    fn credentials_are_found_as_docker_writes_them() {
        let password = Some(Credential::Password("ana".into(), Secret::new("s:3")));
        // `ana:s:3`
        check(r#"{"auths":{"r.example":{"auth":"YW5hOnM6Mw=="}}}"#, "r.example", password.clone());
        check(r#"{"auths":{"https://r.example/v2/":{"auth":"YW5hOnM6Mw=="}}}"#, "r.example", password.clone());
        check(r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YW5hOnM6Mw=="}}}"#, "docker.io", password);
        check(r#"{"auths":{"r.example":{"auth":"YW5hOnM6Mw=="}}}"#, "r.example:5000", None);
        check(
            r#"{"auths":{"r.example":{"identitytoken":"t"}}}"#,
            "r.example",
            Some(Credential::Identity(Secret::new("t"))),
        );
        check(
            r#"{"auths":{"r.example":{"registrytoken":"t"}}}"#,
            "r.example",
            Some(Credential::Registry(Secret::new("t"))),
        );
        check(r#"{"auths":{"r.example":{}}, "other": 1}"#, "r.example", None);
    }

    #[test]
    fn a_helper_is_a_plain_name() {
        let file: File = serde_json::from_str(r#"{"credsStore":"../../bin/sh"}"#).unwrap();
        assert!(file.of("r.example").unwrap_err().contains("helper's name"));
    }

    #[test]
    fn a_helper_that_does_not_answer_is_ended() {
        let answer = |args: &[&str], within: Duration| {
            answer_of(Command::new(args[0]).args(&args[1..]), "helper", "r.example", within)
        };
        let late = answer(&["sleep", "1000"], Duration::from_millis(50));
        assert!(late.unwrap_err().contains("`helper` has not answered within 0 s"));
        assert_eq!(answer(&["false"], Duration::from_secs(90)), Ok(None));
        assert!(answer(&["none-such-helper"], Duration::from_secs(90)).unwrap_err().contains("can't be run"));
    }
}
