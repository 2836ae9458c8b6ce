//! Where a detector is published: `oci://registry/owner/name:1.2.0`, or `…@sha256:…` for these very bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::digest::{Digest, short};

/// What a reference to a registry begins with.
pub const SCHEME: &str = "oci://";

/// A place in a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Reference {
    /// Host, with a port if one was written.
    pub registry: String,
    /// Path of the repository: `owner/name`.
    pub repository: String,
    /// Name of a version; registries let it move.
    pub tag: Option<String>,
    /// The manifest that it must be.
    pub digest: Option<Digest>,
}

impl Reference {
    /// True when a text means a registry, be it well-formed or not.
    pub fn is_meant(said: &str) -> bool {
        said.starts_with(SCHEME)
    }

    /// Returns what the registry is asked for: the digest if there is one.
    pub fn wanted(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// Returns `registry/owner/name`, which namespaces and signatures name.
    pub fn place(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Returns the server that is asked: Docker's registry has another name than people write.
    pub fn server(&self) -> &str {
        if self.is_docker_hub() { "registry-1.docker.io" } else { &self.registry }
    }

    /// Returns the path of the repository on the server: Docker's own images lie in `library`.
    pub fn path(&self) -> String {
        match self.is_docker_hub() && !self.repository.contains('/') {
            true => format!("library/{}", self.repository),
            false => self.repository.clone(),
        }
    }

    fn is_docker_hub(&self) -> bool {
        matches!(self.registry.as_str(), "docker.io" | "index.docker.io")
    }

    /// Returns the same repository with another tag.
    pub fn with_tag(&self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() }
    }

    /// Returns the same repository at a version that somebody wrote: a tag, or a digest.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub fn at_version(&self, said: &str) -> Result<Self, String> {
        if let Ok(digest) = said.parse() {
            return Ok(self.at(digest));
        }
        let reference = self.with_tag(said);
        match reference.to_string().parse::<Self>() {
            Ok(read) if read == reference => Ok(reference),
            _ => Err(format!("`{}` is no version: write a tag, as `1.2.0`, or `sha256:…`", short(said))),
        }
    }

    /// Returns the same repository by a digest alone.
    pub fn at(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// True when the registry runs on this very machine, where plain HTTP reveals nothing to anybody.
    pub fn is_loopback(&self) -> bool {
        is_loopback(host_of(&self.registry))
    }
}

/// Returns the host of `host:port`.
fn host_of(registry: &str) -> &str {
    if registry.starts_with('[') {
        return registry.split_inclusive(']').next().unwrap_or(registry);
    }
    registry.split(':').next().unwrap_or(registry)
}

/// True when a host, as URLs have it, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl TryFrom<String> for Reference {
    type Error = String;

    fn try_from(said: String) -> Result<Self, String> {
        said.parse()
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(said: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("`{}` is no reference: {why}; write `oci://registry/owner/name:1.2.0`", short(said));
        let rest = said.strip_prefix(SCHEME).ok_or_else(|| wrong("it does not begin with `oci://`"))?;
        let (registry, path) = rest.split_once('/').ok_or_else(|| wrong("it names no repository"))?;
        let host = host_of(registry);
        let plain_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-[]:".contains(&byte));
        let port = &registry[host.len()..];
        let plain_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        if host.is_empty() || registry.len() > 255 || !plain_host || !plain_port {
            return Err(wrong("the registry is no host"));
        }
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest.parse().map_err(|why: String| wrong(&why))?)),
            None => (path, None),
        };
        let (repository, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.to_owned())),
            None => (path, None),
        };
        let plain_part = |part: &str| {
            let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            let ends = part.bytes().next().is_some_and(lower) && part.bytes().last().is_some_and(lower);
            ends && part.bytes().all(|byte| lower(byte) || b"._-".contains(&byte)) && !part.contains("..")
        };
        if repository.len() > 255 || !repository.split('/').all(plain_part) {
            return Err(wrong("the repository has lower-case letters, digits, `.`, `_`, `-`, parted by `/`"));
        }
        let plain_tag = |tag: &String| {
            let byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            (1..=128).contains(&tag.len()) && tag.bytes().all(byte) && !tag.starts_with(['.', '-'])
        };
        if tag.as_ref().is_some_and(|tag| !plain_tag(tag)) {
            return Err(wrong("the tag has letters, digits, `.`, `_`, `-`"));
        }
        // Names of hosts have no case, and paths have lower case alone.
        Ok(Self { registry: registry.to_ascii_lowercase(), repository: repository.to_owned(), tag, digest })
    }
}

/// Returns a place that somebody wrote, or what it begins with, as places of references are: without `oci://`, the host in lower
/// case.
pub(super) fn folded(place: &str) -> String {
    let place = place.strip_prefix(SCHEME).unwrap_or(place);
    match place.split_once('/') {
        Some((host, path)) => format!("{}/{path}", host.to_ascii_lowercase()),
        None => place.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written_as_they_came() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for said in [
            "oci://ghcr.io/harbor/outflow:1.2.0".to_owned(),
            "oci://127.0.0.1:5000/outflow".to_owned(),
            "oci://[::1]:5000/a/b/c:latest".to_owned(),
            format!("oci://localhost:5000/harbor/outflow:1.2.0@{digest}"),
        ] {
            assert_eq!(said.parse::<Reference>().unwrap().to_string(), said);
        }
        let loud: Reference = "oci://LOCALHOST:5000/harbor/outflow:RC".parse().unwrap();
        assert_eq!(loud.to_string(), "oci://localhost:5000/harbor/outflow:RC");
        assert_eq!((folded("oci://GHCR.io/a/b"), folded("GHCR.io")), ("ghcr.io/a/b".to_owned(), "ghcr.io".to_owned()));
        let pinned: Reference = format!("oci://h/a:1@{digest}").parse().unwrap();
        assert_eq!((pinned.wanted(), pinned.place()), (digest, "h/a".to_owned()));
    }

    #[test]
    fn docker_s_registry_is_asked_by_its_own_name() {
        let check = |said: &str, server: &str, path: &str| {
            let reference: Reference = said.parse().unwrap();
            assert_eq!((reference.server(), reference.path().as_str()), (server, path), "{said}");
        };
        check("oci://docker.io/harbor/outflow:1", "registry-1.docker.io", "harbor/outflow");
        check("oci://index.docker.io/outflow:1", "registry-1.docker.io", "library/outflow");
        check("oci://ghcr.io/outflow:1", "ghcr.io", "outflow");
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for (said, why) in [
            ("ghcr.io/a/b:1", "does not begin"),
            ("oci://ghcr.io", "no repository"),
            ("oci://user@ghcr.io/a", "no host"),
            ("oci://ghcr.io:port/a", "no host"),
            ("oci://ghcr.io/a/../b", "lower-case"),
            ("oci://ghcr.io/A/b", "lower-case"),
            ("oci://ghcr.io/a//b", "lower-case"),
            ("oci://ghcr.io/a:../../x", "the tag"),
            ("oci://ghcr.io/a:.x", "the tag"),
            ("oci://ghcr.io/a@sha256:AB", "no digest"),
            ("oci://ghcr.io/a@md5:ab", "no digest"),
        ] {
            let told = said.parse::<Reference>().unwrap_err();
            assert!(told.contains(why), "{said}: {told}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let check = |said: &str| said.parse::<Reference>().unwrap().is_loopback();
        assert!(check("oci://localhost:5000/a") && check("oci://127.0.0.1/a") && check("oci://[::1]:5000/a"));
        assert!(
            !check("oci://localhost.example/a")
                && !check("oci://10.0.0.1:5000/a")
                && !check("oci://127.0.0.1.nip.io/a")
        );
    }
}
