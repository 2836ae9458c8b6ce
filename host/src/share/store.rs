//! What was taken from registries, kept by digest: a host that starts reads these files, and no registry.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::digest::Digest;
use crate::whole_file;

/// A folder of files that are named by the digest of what they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Names the folder, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns where the bytes of a digest are kept.
    pub fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join("sha256").join(digest.hex())
    }

    /// Waits until nobody else changes what is pinned, and keeps others from it for as long as the file is held.
    ///
    /// # Errors
    ///
    /// If the folder can't be written.
    pub fn hold(&self) -> anyhow::Result<File> {
        std::fs::create_dir_all(&self.folder).with_context(|| format!("`{}` can't be made", self.folder.display()))?;
        let path = self.folder.join(".held");
        let file = File::create(&path).and_then(|file| file.lock().map(|()| file));
        file.with_context(|| format!("`{}` can't be held", path.display()))
    }

    /// Keeps bytes. Returns their digest.
    ///
    /// # Errors
    ///
    /// If the folder can't be written.
    pub fn put(&self, bytes: &[u8]) -> anyhow::Result<Digest> {
        let digest = Digest::of(bytes);
        if self.get(digest).is_ok() {
            return Ok(digest);
        }
        let path = self.path(digest);
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).with_context(|| format!("`{}` can't be made", folder.display()))?;
        whole_file::replace(&path, bytes, 0o644).with_context(|| format!("`{}` can't be written", path.display()))?;
        Ok(digest)
    }

    /// Returns the bytes of a digest, after hashing them again.
    ///
    /// # Errors
    ///
    /// If they are not there, or a file of this name holds other bytes.
    pub fn get(&self, digest: Digest) -> anyhow::Result<Vec<u8>> {
        let path = self.path(digest);
        let bytes = whole_file::read(&path, whole_file::COMPONENT_BYTES)
            .with_context(|| format!("`{}` can't be read", path.display()))?;
        let found = Digest::of(&bytes);
        anyhow::ensure!(found == digest, "`{}` holds other bytes: {found}", path.display());
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_changed_on_the_disk_are_not_returned() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("store"));
        let digest = store.put(b"component").unwrap();
        assert_eq!(store.get(digest).unwrap(), b"component");
        std::fs::write(store.path(digest), b"another").unwrap();
        assert!(store.get(digest).unwrap_err().to_string().contains("other bytes"));
        store.put(b"component").unwrap();
        assert_eq!(store.get(digest).unwrap(), b"component", "putting it again mends it");
    }
}
