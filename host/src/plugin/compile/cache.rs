//! What was compiled, kept on the disk: machine code that the host will run, so nothing is believed that this user's
//! host did not write itself.
//!
//! The folder is this user's alone. Each file's name says what it was made of, and its MAC, under a key that lies beside
//! it and never leaves the folder, covers that name and every byte. A file that is not as it should be is logged,
//! removed and made anew; none is ever loaded on trust.

use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use alloy::primitives::B256;
use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;
use sha2::Sha256;
use wasmtime::Engine;

use crate::digest::Hasher;
use crate::plugin::compile::artefact::Artefact;

/// The first bytes of each file; another layout gets another number.
const MAGIC: &[u8; 8] = b"wfcomp01";
const MAC_BYTES: usize = 32;
const KEY: &str = "key";
const SUFFIX: &str = ".compiled";
/// Files under way begin with this. One that is so old was left behind by a host that was ended.
const UNDER_WAY: &str = "new-";
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);

/// A private folder of compiled components.
pub struct Cache {
    path: PathBuf,
    /// Held open, so that what is checked is what is used.
    folder: File,
    key: [u8; 32],
    max_bytes: u64,
}

/// What an entry was made of: the component, wasmtime's version, and the engine's settings.
pub(super) struct Name(B256);

/// Why a file is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Foul {
    #[error("it is a symbolic link")]
    Link,
    #[error("it is no file")]
    NoFile,
    #[error("it belongs to user {0}")]
    Owner(u32),
    #[error("others may read or write it (mode {0:o})")]
    Mode(u32),
    #[error("its size can't be")]
    Size,
    #[error("its MAC is not of this folder's key: it was changed, cut off, or brought from elsewhere")]
    Mac,
    #[error("{0}")]
    Unreadable(String),
}

impl Name {
    pub(super) fn of(component: B256, engine: &Engine) -> Self {
        struct Settings(Option<Hasher>);
        impl std::hash::Hasher for Settings {
            fn write(&mut self, bytes: &[u8]) {
                self.0 = self.0.take().map(|hasher| hasher.bytes(bytes));
            }
            fn finish(&self) -> u64 {
                0
            }
        }
        let mut settings = Settings(Some(Hasher::new("compiled component").bytes(component.as_slice())));
        // Covers wasmtime's full version beside its settings and the processor's features.
        std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut settings);
        Self(settings.0.map(Hasher::finish).unwrap_or_default())
    }

    fn file(&self) -> String {
        format!("{}{SUFFIX}", hex::encode(self.0))
    }
}

/// The user's own cache folder for compiled components, as the XDG Base Directory Specification names it; `None` where
/// there is no home.
pub fn default_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("watchfire").join("compiled"))
}

impl Cache {
    /// Opens a folder, or makes it. What is kept in it stays under `max_bytes`: what was not used for longest goes first.
    ///
    /// # Errors
    ///
    /// If the folder can't be made, or others than this user may look into it.
    pub fn open(path: &Path, max_bytes: u64) -> anyhow::Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(folder) => File::from(folder),
            Err(Errno::LOOP | Errno::NOTDIR) => anyhow::bail!("it is a symbolic link or no folder; remove it"),
            Err(error) => return Err(error.into()),
        };
        check_private(&folder).map_err(|foul| anyhow::anyhow!("{foul}; make it yours alone: `chmod 700`"))?;
        let mut cache = Self { path: path.to_owned(), folder, key: [0; 32], max_bytes };
        cache.key = cache.find_key()?;
        Ok(cache)
    }

    /// Returns what is kept under a name. A file that can't be believed is logged and removed.
    pub(super) fn read(&self, name: &Name) -> Option<Artefact> {
        match self.fetch(name) {
            Ok(found) => found.map(Artefact::vouched_for),
            Err(foul) => {
                self.discard(&name.file(), &foul);
                None
            }
        }
    }

    /// Keeps an artefact. If that fails it is logged; the next start compiles anew.
    pub(super) fn write(&self, name: &Name, made: &Artefact) {
        let size = (MAGIC.len() + MAC_BYTES + made.as_bytes().len()) as u64;
        if size > self.max_bytes {
            return;
        }
        let mac = self.mac(name, made.as_bytes()).finalize().into_bytes();
        let parts: [&[u8]; 3] = [MAGIC, &mac, made.as_bytes()];
        let kept = self.put(&parts).and_then(|new| {
            rustix::fs::renameat(&self.folder, &new, &self.folder, name.file())?;
            self.prune(&name.file())
        });
        if let Err(error) = kept {
            tracing::warn!("what was compiled can't be kept in `{}`: {error}", self.path.display());
        }
    }

    fn fetch(&self, name: &Name) -> Result<Option<Vec<u8>>, Foul> {
        let Some(file) = self.open_file(&name.file())? else { return Ok(None) };
        let size = file.metadata().map_err(unreadable)?.len();
        let head = MAGIC.len() + MAC_BYTES;
        if size < head as u64 || size > self.max_bytes {
            return Err(Foul::Size);
        }
        let mut bytes = Vec::with_capacity(size as usize);
        // Read once, and only what was read is checked and used: the file may change meanwhile.
        (&file).take(size).read_to_end(&mut bytes).map_err(unreadable)?;
        let artefact = bytes.split_off(head.min(bytes.len()));
        let Some(mac) = bytes.strip_prefix(MAGIC) else { return Err(Foul::Mac) };
        self.mac(name, &artefact).verify_slice(mac).map_err(|_| Foul::Mac)?;
        // For whoever prunes. One that can't be marked is used all the same.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(artefact))
    }

    fn mac(&self, name: &Name, artefact: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        for part in [MAGIC.as_slice(), name.0.as_slice(), artefact] {
            mac.update(part);
        }
        mac
    }

    /// A file of the folder that this user alone may touch; `None` where there is none.
    fn open_file(&self, name: &str) -> Result<Option<File>, Foul> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.folder, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(Foul::Link),
            Err(error) => return Err(unreadable(error.into())),
        };
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(Foul::NoFile);
        }
        check_private(&file)?;
        Ok(Some(file))
    }

    /// The folder's key, made where there is none yet. Two hosts that make one at once agree on the first.
    fn find_key(&self) -> anyhow::Result<[u8; 32]> {
        for _ in 0..3 {
            match self.read_key() {
                Ok(Some(key)) => return Ok(key),
                Ok(None) => {}
                Err(foul) => self.discard(KEY, &foul),
            }
            let key: [u8; 32] = rand::random();
            let new = self.put(&[&key])?;
            let linked = rustix::fs::linkat(&self.folder, &new, &self.folder, KEY, AtFlags::empty());
            rustix::fs::unlinkat(&self.folder, &new, AtFlags::empty())?;
            match linked {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        anyhow::bail!("its `{KEY}` can't be read; remove it")
    }

    fn read_key(&self) -> Result<Option<[u8; 32]>, Foul> {
        let Some(file) = self.open_file(KEY)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(33).read_to_end(&mut bytes).map_err(unreadable)?;
        bytes.try_into().map(Some).map_err(|_| Foul::Size)
    }

    /// Writes a file of a name that nobody has, for this user alone, and gives the name.
    fn put(&self, parts: &[&[u8]]) -> std::io::Result<String> {
        let name = format!("{UNDER_WAY}{:032x}", rand::random::<u128>());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.folder, &name, flags, Mode::RUSR | Mode::WUSR)?);
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        if let Err(error) = written {
            let _ = rustix::fs::unlinkat(&self.folder, &name, AtFlags::empty());
            return Err(error);
        }
        Ok(name)
    }

    fn discard(&self, name: &str, foul: &Foul) {
        tracing::warn!("`{}` is not believed and discarded: {foul}", self.path.join(name).display());
        if let Err(error) = rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())
            && error != Errno::NOENT
        {
            tracing::warn!("`{}` can't be removed: {error}", self.path.join(name).display());
        }
    }

    /// Removes what was not used for longest until the rest is small enough, and what hosts left behind. `but` stays.
    fn prune(&self, but: &str) -> std::io::Result<()> {
        let mut kept = Vec::new();
        let mut total = 0;
        for entry in Dir::read_from(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let Ok(stat) = rustix::fs::statat(&self.folder, &name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or_default());
            let size = u64::try_from(stat.st_size).unwrap_or_default();
            if name.starts_with(UNDER_WAY) && used.elapsed().is_ok_and(|age| age > LEFT_BEHIND) {
                let _ = rustix::fs::unlinkat(&self.folder, &name, AtFlags::empty());
            } else if name.ends_with(SUFFIX) {
                total += size;
                kept.push((used, stat.st_mtime_nsec, name, size));
            }
        }
        kept.sort();
        for (_, _, name, size) in kept.into_iter().filter(|(_, _, name, _)| name != but) {
            if total <= self.max_bytes {
                break;
            }
            // Another host may have removed it just now.
            let _ = rustix::fs::unlinkat(&self.folder, &name, AtFlags::empty());
            total -= size;
        }
        Ok(())
    }
}

fn check_private(file: &File) -> Result<(), Foul> {
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(Foul::Owner(metadata.uid()));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(Foul::Mode(metadata.mode() & 0o7777));
    }
    Ok(())
}

fn unreadable(error: std::io::Error) -> Foul {
    Foul::Unreadable(error.to_string())
}
