//! The host that is packaged: what it says of itself, and what it needs to run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::output;
use crate::tree::gzip_document;

/// Shells that completions are shipped for.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The processor, by the names that each kind of package has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    X86_64,
    Aarch64,
}

impl Machine {
    fn here() -> anyhow::Result<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Ok(Self::X86_64),
            ("linux", "aarch64") => Ok(Self::Aarch64),
            (os, arch) => bail!("packages are made on Linux with glibc, on x86_64 or aarch64; this is {os} on {arch}"),
        }
    }

    /// Returns Rust's name for the target.
    pub(crate) fn rust_target(self) -> String {
        let arch = if self == Self::X86_64 { "x86_64" } else { "aarch64" };
        format!("{arch}-unknown-linux-gnu")
    }

    /// Returns Debian's name for the architecture.
    pub(crate) fn debian(self) -> &'static str {
        if self == Self::X86_64 { "amd64" } else { "arm64" }
    }

    /// Returns the name for the architecture in OCI images.
    pub(crate) fn oci(self) -> &'static str {
        self.debian()
    }
}

/// A host that is ready to be packaged.
#[derive(Debug)]
pub(crate) struct Binary {
    /// The binary without what only a debugger needs.
    pub(crate) bytes: Vec<u8>,
    pub(crate) machine: Machine,
    /// The version alone.
    pub(crate) version: String,
    /// All that `--version` says.
    pub(crate) long_version: String,
    /// Manual pages, gzipped, by file name.
    pub(crate) man_pages: Vec<(String, Vec<u8>)>,
    /// Completions by shell.
    pub(crate) completions: Vec<(&'static str, String)>,
    /// Names of the shared libraries that it is linked to.
    pub(crate) needs: Vec<String>,
    /// The oldest glibc that it runs with.
    pub(crate) glibc: (u32, u32),
    /// Files of its shared libraries and of the loader on this machine.
    pub(crate) libraries: Vec<PathBuf>,
}

impl Binary {
    /// Strips a copy of the host in `scratch`, and asks that copy about itself.
    ///
    /// # Errors
    ///
    /// If the host does not run here, or a tool (`strip`, `objdump`, `ldd`) is missing.
    pub(crate) fn prepare(host: &Path, scratch: &Path) -> anyhow::Result<Self> {
        let machine = Machine::here()?;
        let own = scratch.join("watchfire");
        output(Command::new("strip").arg("--strip-debug").arg("-o").args([&own, host]))?;
        let long_version = output(Command::new(&own).arg("--version"))?;
        let version = version_of(&long_version).with_context(|| format!("no version in `{long_version}`"))?;
        let pages = scratch.join("man");
        output(Command::new(&own).args(["man", "--out"]).arg(&pages))?;
        let completions = SHELLS.map(|shell| {
            let text = output(Command::new(&own).args(["completions", shell]))?;
            anyhow::Ok((shell, text))
        });
        let headers = output(Command::new("objdump").arg("-p").arg(&own))?;
        let glibc = oldest_glibc(&headers).context("it is not linked to glibc")?;
        let libraries = libraries_of(&output(Command::new("ldd").arg(&own))?);
        Ok(Self {
            bytes: std::fs::read(&own)?,
            machine,
            version: version.to_owned(),
            man_pages: read_pages(&pages)?,
            completions: completions.into_iter().collect::<anyhow::Result<_>>()?,
            needs: needs_of(&headers),
            glibc,
            libraries,
            long_version,
        })
    }
}

fn version_of(long: &str) -> Option<&str> {
    long.lines().next()?.strip_prefix("watchfire ")
}

fn read_pages(folder: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a page has a name")?;
        pages.push((format!("{name}.gz"), gzip_document(&std::fs::read(&path)?)?));
    }
    pages.sort();
    Ok(pages)
}

/// Returns the libraries that a binary names itself, from what `objdump -p` says.
fn needs_of(headers: &str) -> Vec<String> {
    headers.lines().filter_map(|line| line.trim().strip_prefix("NEEDED")).map(|name| name.trim().to_owned()).collect()
}

/// Returns the newest version of glibc's symbols that a binary uses, from what `objdump -p` says.
fn oldest_glibc(headers: &str) -> Option<(u32, u32)> {
    let versions = headers.split_whitespace().filter_map(|word| word.strip_prefix("GLIBC_"));
    let parsed = versions.filter_map(|version| {
        let mut parts = version.split('.').map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??))
    });
    parsed.max()
}

/// Returns the files of what `ldd` says: a name and its file, or the loader's file alone.
fn libraries_of(listed: &str) -> Vec<PathBuf> {
    let file = |line: &str| {
        let named = line.split_once("=>").map_or(line, |(_, file)| file).trim();
        named.split_whitespace().next().filter(|file| file.starts_with('/')).map(PathBuf::from)
    };
    listed.lines().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_it_is_linked_to_is_read() {
        let headers = "
  NEEDED               libgcc_s.so.1
  NEEDED               libc.so.6
  required from libc.so.6:
    0x06969189 0x00 20 GLIBC_2.29
    0x09691972 0x00 22 GLIBC_2.2.5
    0x069691b4 0x00 17 GLIBC_2.34
    0x0d696913 0x00 03 GLIBC_2.3
";
        assert_eq!(needs_of(headers), ["libgcc_s.so.1", "libc.so.6"]);
        assert_eq!(oldest_glibc(headers), Some((2, 34)));
        assert_eq!(oldest_glibc("statically linked"), None);
        let listed = "\
\tlinux-vdso.so.1 (0x00007ffe)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f2)
";
        let files = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(libraries_of(listed), files.map(PathBuf::from));
    }
}
