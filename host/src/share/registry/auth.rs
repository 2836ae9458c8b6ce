//! How a registry wants to be told who asks: by a password, or by a token that another server gives for one.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Deserialize;

use super::{Credential, Doing, RegistryError, Repository, SHORT_ANSWER_BYTES, chain, read};
use crate::share::digest::short;
use crate::share::reference::is_loopback;

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Challenge {
    /// `basic` or `bearer`.
    scheme: String,
    /// Its parameters: `realm`, `service`, `scope`.
    parameters: BTreeMap<String, String>,
}

/// What a server of tokens answers.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// What registries say of an error.
#[derive(Deserialize)]
struct Explained {
    #[serde(default)]
    errors: Vec<Explanation>,
}

#[derive(Deserialize)]
struct Explanation {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Repository {
    /// Returns the header that answers one of the challenges.
    pub(super) async fn authenticate(&self, doing: Doing, headers: Vec<String>) -> Result<String, RegistryError> {
        let challenges: Vec<Challenge> = headers.iter().filter_map(|header| challenge(header)).collect();
        let find = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        if let Some(Credential::Registry(token)) = &self.credential {
            return Ok(format!("Bearer {}", token.expose()));
        }
        if let Some(bearer) = find("bearer") {
            return self.token(doing, bearer).await;
        }
        match (find("basic"), &self.credential) {
            (Some(_), Some(Credential::Password(user, password))) => Ok(basic(user, password.expose())),
            (Some(_), _) => Err(RegistryError::Denied {
                registry: self.name(),
                what: "everything".to_owned(),
                with: "without credentials",
                said: String::new(),
            }),
            (None, _) => Err(self
                .wrong(format!("it asks for credentials in a way that is not known: {}", short(&headers.join(", "))))),
        }
    }

    /// Has a token made by the server that a challenge names.
    async fn token(&self, doing: Doing, challenge: &Challenge) -> Result<String, RegistryError> {
        let realm = challenge.parameters.get("realm").map(String::as_str).unwrap_or_default();
        let mut url = Url::parse(realm).map_err(|_| self.wrong(format!("its realm `{}` is no URL", short(realm))))?;
        // The password goes there: never in the clear, save within this machine.
        let is_local = self.reference.is_loopback() && url.host_str().is_some_and(is_loopback);
        if url.scheme() != "https" && !is_local {
            return Err(
                self.wrong(format!("its realm `{}` is not https, so that it is told no password", short(realm)))
            );
        }
        let actions = if doing == Doing::Push { "pull,push" } else { "pull" };
        let scope = format!("repository:{}:{actions}", self.reference.path());
        let service = challenge.parameters.get("service").cloned();
        let request = match &self.credential {
            Some(Credential::Identity(token)) => {
                let mut form = vec![("grant_type", "refresh_token".to_owned()), ("scope", scope)];
                form.extend([("refresh_token", token.expose().to_owned()), ("client_id", "watchfire".to_owned())]);
                form.extend(service.map(|service| ("service", service)));
                let body =
                    Url::parse_with_params("http://form/", &form).map_err(|error| self.wrong(error.to_string()))?;
                let body = body.query().unwrap_or_default().to_owned();
                let kind = "application/x-www-form-urlencoded";
                self.client.post(url).header(reqwest::header::CONTENT_TYPE, kind).body(body)
            }
            credential => {
                url.query_pairs_mut().append_pair("scope", &scope);
                if let Some(service) = service {
                    url.query_pairs_mut().append_pair("service", &service);
                }
                match credential {
                    Some(Credential::Password(user, password)) => {
                        let header = basic(user, password.expose());
                        self.client.get(url).header(reqwest::header::AUTHORIZATION, header)
                    }
                    _ => self.client.get(url),
                }
            }
        };
        let what = "a token";
        let unreachable =
            |error: reqwest::Error| RegistryError::Unreachable { registry: self.name(), why: chain(&error) };
        let answer = request.send().await.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(self.refusal(what, answer).await);
        }
        let bytes = read(answer, SHORT_ANSWER_BYTES, &self.name(), what).await?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| self.wrong("its token is no JSON".to_owned()))?;
        let token = token.token.or(token.access_token).filter(|token| !token.is_empty());
        token.map(|token| format!("Bearer {token}")).ok_or_else(|| self.wrong("it gives an empty token".to_owned()))
    }

    pub(super) fn wrong(&self, why: String) -> RegistryError {
        RegistryError::Malformed { registry: self.name(), why }
    }
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// Reads a `WWW-Authenticate` header: a scheme, and `key="value"` parted by commas.
fn challenge(header: &str) -> Option<Challenge> {
    let (scheme, mut rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    let mut parameters = BTreeMap::new();
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim().trim_start_matches(',').trim().to_ascii_lowercase();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        parameters.insert(key, value.trim().to_owned());
        rest = left;
    }
    Some(Challenge { scheme: scheme.to_ascii_lowercase(), parameters })
}

/// Returns what a registry says of an error, in a few words; nothing if it says nothing that can be understood.
pub(super) fn explanation(bytes: &[u8]) -> String {
    let Ok(explained) = serde_json::from_slice::<Explained>(bytes) else { return String::new() };
    match explained.errors.first() {
        Some(first) => format!(" ({}: {})", short(&first.code), short(&first.message)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_with_commas_in_quotes() {
        let read = challenge(
            "Bearer realm=\"https://auth.example/token\",service=\"r.example\", scope=\"repository:a/b:pull,push\"",
        )
        .unwrap();
        assert_eq!(read.scheme, "bearer");
        assert_eq!(read.parameters["realm"], "https://auth.example/token");
        assert_eq!(read.parameters["scope"], "repository:a/b:pull,push");
        assert_eq!(challenge("Basic realm=plain, charset=UTF-8").unwrap().parameters["realm"], "plain");
        assert_eq!(challenge("Negotiate").unwrap().scheme, "negotiate");
        assert_eq!(challenge("Bearer realm=\"open"), None);
    }

    #[test]
    fn what_a_registry_says_is_cut_and_cleaned() {
        let said = format!("{{\"errors\":[{{\"code\":\"DENIED\",\"message\":\"no\\u001b[31m{}\"}}]}}", "x".repeat(500));
        let told = explanation(said.as_bytes());
        assert!(told.starts_with(" (DENIED: no\u{fffd}[31mxxx") && told.len() < 160, "{told}");
        assert_eq!(explanation(b"<html>"), "");
    }
}
