//! What goes where: in the tarball, in the Debian package and in the image.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::DETECTORS;
use crate::binary::Binary;
use crate::tree::{Tree, gzip_document};

/// The demo's deployment in the repository, and what of it is shipped.
const DEMO: (&str, [&str; 5]) =
    ("examples/lending", ["README.md", "attack.jsonl.gz", "drill.toml", "response", "watchfire.toml"]);

/// Where the demo's config has the detectors in the repository, and where they are once installed.
const COMPONENTS: (&str, &str) = ("\"../../target/plugins/", "\"../plugins/");

/// The user of the image; no account of a machine has its number.
pub(crate) const IMAGE_USER: u64 = 65_532;

/// Certificates of the authorities that endpoints are trusted by, on the machine that packages are made on.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// All that is shipped, read once.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    binary: &'a Binary,
    /// Detectors, and the demo's deployment: below `share/watchfire`.
    shared: Tree,
    readme: Vec<u8>,
    changelog: Vec<u8>,
    mit: String,
    apache: Vec<u8>,
    notices: &'a str,
    config: Vec<u8>,
    unit: Vec<u8>,
}

impl<'a> Contents<'a> {
    /// Reads all files of the repository that are shipped.
    ///
    /// # Errors
    ///
    /// If a file is missing, or the demo's config does not name the detectors where it is expected to.
    pub(crate) fn gather(root: &Path, binary: &'a Binary, plugins: &Path, notices: &'a str) -> anyhow::Result<Self> {
        let read = |path: &str| std::fs::read(root.join(path)).with_context(|| path.to_owned());
        let mut shared = Tree::default();
        for name in DETECTORS {
            let path = plugins.join(format!("{name}.wasm"));
            shared.file(
                &format!("plugins/{name}.wasm"),
                std::fs::read(&path).with_context(|| path.display().to_string())?,
            );
        }
        let (folder, shipped) = DEMO;
        for name in shipped {
            add(&mut shared, &root.join(folder).join(name), &format!("demo/{name}"))?;
        }
        let config = String::from_utf8(read(&format!("{folder}/watchfire.toml"))?)?;
        let (here, installed) = COMPONENTS;
        ensure!(config.contains(here), "the demo's config has its detectors elsewhere");
        shared.file("demo/watchfire.toml", config.replace(here, installed));
        Ok(Self {
            binary,
            shared,
            readme: read("README.md")?,
            changelog: read("CHANGELOG.md")?,
            mit: String::from_utf8(read("LICENSE-MIT")?)?,
            apache: read("LICENSE-APACHE")?,
            notices,
            config: read("dist/files/watchfire.toml")?,
            unit: read("dist/files/watchfire.service")?,
        })
    }

    /// Returns what is the same in every prefix: the binary, its pages, the detectors and the demo.
    fn prefix(&self) -> Tree {
        let mut tree = Tree::default();
        tree.program("bin/watchfire", self.binary.bytes.clone());
        for (name, page) in &self.binary.man_pages {
            tree.file(&format!("share/man/man1/{name}"), page.clone());
        }
        tree.extend(self.shared.under("share/watchfire"));
        tree
    }

    fn completions(&self, zsh: &str) -> Tree {
        let mut tree = Tree::default();
        for (shell, text) in &self.binary.completions {
            let path = match *shell {
                "bash" => "share/bash-completion/completions/watchfire",
                "fish" => "share/fish/vendor_completions.d/watchfire.fish",
                _ => zsh,
            };
            tree.file(path, text.clone());
        }
        tree
    }

    /// Returns the files of the tarball: a prefix of its own, which may be unpacked anywhere.
    pub(crate) fn tarball(&self) -> Tree {
        let mut tree = self.prefix();
        tree.extend(self.completions("share/zsh/site-functions/_watchfire"));
        tree.file("README.md", self.readme.clone());
        tree.file("CHANGELOG.md", self.changelog.clone());
        tree.file("LICENSE-MIT", self.mit.clone());
        tree.file("LICENSE-APACHE", self.apache.clone());
        tree.file("THIRD-PARTY.txt", self.notices);
        tree.file("share/doc/watchfire/watchfire.toml", self.config.clone());
        tree.file("share/doc/watchfire/watchfire.service", self.unit.clone());
        tree
    }

    /// Returns the files of the Debian package.
    pub(crate) fn package(&self) -> anyhow::Result<Tree> {
        let mut usr = self.prefix();
        usr.extend(self.completions("share/zsh/vendor-completions/_watchfire"));
        usr.file("lib/systemd/system/watchfire.service", self.unit.clone());
        usr.file("share/doc/watchfire/README.md", self.readme.clone());
        usr.file("share/doc/watchfire/CHANGELOG.md.gz", gzip_document(&self.changelog)?);
        usr.file("share/doc/watchfire/copyright", self.copyright());
        usr.file("share/doc/watchfire/THIRD-PARTY.txt.gz", gzip_document(self.notices.as_bytes())?);
        let mut tree = usr.under("usr");
        tree.file("etc/watchfire/watchfire.toml", self.config.clone());
        Ok(tree)
    }

    /// Debian has the Apache licence's text on every machine, so that it is named and not repeated.
    fn copyright(&self) -> String {
        format!(
            "Watchfire is licensed under MIT or Apache-2.0, at your choice.\n\n\
             The text of Apache-2.0 is in /usr/share/common-licenses/Apache-2.0. MIT:\n\n{}\n\
             Licences of the libraries in the binary and in the detectors are in THIRD-PARTY.txt.gz, beside this file.\n",
            self.mit
        )
    }

    /// Returns the files of the image: no more than the host needs to run, and what it is linked to.
    ///
    /// # Errors
    ///
    /// If a library or the certificates can't be read on this machine.
    pub(crate) fn image(&self) -> anyhow::Result<Tree> {
        let mut tree = self.prefix().under("usr");
        for library in &self.binary.libraries {
            let path = library.to_str().context("a library has a plain name")?;
            // Links are followed: the loader looks for this very name.
            tree.program(path.trim_start_matches('/'), std::fs::read(library).with_context(|| path.to_owned())?);
        }
        let certificates = std::fs::read(Path::new("/").join(CERTIFICATES))
            .context("the image needs this machine's /etc/ssl/certs; install the package `ca-certificates`")?;
        tree.file(CERTIFICATES, certificates);
        for package in ["libc6", "libgcc-s1", "ca-certificates"] {
            // Only Debian has their licences there.
            if let Ok(text) = std::fs::read(format!("/usr/share/doc/{package}/copyright")) {
                tree.file(&format!("usr/share/doc/{package}/copyright"), text);
            }
        }
        tree.file("usr/share/doc/watchfire/copyright", self.copyright());
        tree.file("usr/share/doc/watchfire/LICENSE-APACHE", self.apache.clone());
        tree.file("usr/share/doc/watchfire/THIRD-PARTY.txt.gz", gzip_document(self.notices.as_bytes())?);
        tree.file("etc/nsswitch.conf", "hosts: files dns\n");
        let home = "/var/lib/watchfire";
        tree.file(
            "etc/passwd",
            format!("root:x:0:0::/:/sbin/nologin\nwatchfire:x:{IMAGE_USER}:{IMAGE_USER}::{home}:/sbin/nologin\n"),
        );
        tree.file("etc/group", format!("root:x:0:\nwatchfire:x:{IMAGE_USER}:\n"));
        tree.file("etc/watchfire/watchfire.toml", self.config.clone());
        tree.folder("tmp", 0o1777, 0);
        tree.folder("var/lib/watchfire", 0o700, IMAGE_USER);
        tree.folder("var/cache/watchfire", 0o700, IMAGE_USER);
        Ok(tree)
    }
}

/// Adds a file, or a folder with all that is in it.
fn add(tree: &mut Tree, from: &Path, to: &str) -> anyhow::Result<()> {
    if !from.is_dir() {
        tree.file(to, std::fs::read(from).with_context(|| from.display().to_string())?);
        return Ok(());
    }
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a file has a plain name")?;
        add(tree, &path, &format!("{to}/{name}"))?;
    }
    Ok(())
}
