//! Files by path, as an archive holds them: sorted, owned by root unless said otherwise, all of one time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::ensure;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// A user and its group of the same number.
pub(crate) type Owner = u64;

/// The owner of what is installed.
const ROOT: Owner = 0;

/// What is at one path.
#[derive(Clone, Debug)]
enum Node {
    File(Vec<u8>),
    Folder,
}

#[derive(Clone, Debug)]
struct Entry {
    node: Node,
    mode: u32,
    owner: Owner,
}

/// Files and folders by path from the archive's root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree(BTreeMap<String, Entry>);

impl Tree {
    /// Adds a file that everybody may read.
    pub(crate) fn file(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.put(path, Node::File(bytes.into()), 0o644, ROOT);
    }

    /// Adds a file that everybody may run.
    pub(crate) fn program(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.put(path, Node::File(bytes.into()), 0o755, ROOT);
    }

    /// Adds a folder with a mode and an owner of its own. Folders above files need not be added.
    pub(crate) fn folder(&mut self, path: &str, mode: u32, owner: Owner) {
        self.put(path, Node::Folder, mode, owner);
    }

    fn put(&mut self, path: &str, node: Node, mode: u32, owner: Owner) {
        self.0.insert(path.to_owned(), Entry { node, mode, owner });
    }

    /// Returns the same files below a folder.
    pub(crate) fn under(&self, folder: &str) -> Self {
        Self(self.0.iter().map(|(path, entry)| (format!("{folder}/{path}"), entry.clone())).collect())
    }

    /// Adds all files of another tree.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns the size of all files, bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        let size = |entry: &Entry| if let Node::File(bytes) = &entry.node { bytes.len() } else { 0 };
        self.0.values().map(size).sum()
    }

    /// Returns the tree as a tar archive.
    pub(crate) fn tar(&self, mtime_s: u64) -> anyhow::Result<Vec<u8>> {
        let mut archive = Builder::new(Vec::new());
        let mut folders = BTreeSet::new();
        for (path, entry) in &self.0 {
            ensure!(!path.starts_with('/') && !path.ends_with('/'), "`{path}` is no path of an archive");
            for (at, _) in path.match_indices('/') {
                let above = &path[..at];
                if !self.0.contains_key(above) && folders.insert(above.to_owned()) {
                    let folder = Entry { node: Node::Folder, mode: 0o755, owner: ROOT };
                    append(&mut archive, above, &folder, mtime_s)?;
                }
            }
            append(&mut archive, path, entry, mtime_s)?;
        }
        Ok(archive.into_inner()?)
    }

    /// Returns the tree as a tar archive, gzipped.
    pub(crate) fn tar_gz(&self, mtime_s: u64) -> anyhow::Result<Vec<u8>> {
        gzip(&self.tar(mtime_s)?, Compression::default())
    }
}

fn append(archive: &mut Builder<Vec<u8>>, path: &str, entry: &Entry, mtime_s: u64) -> anyhow::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_mtime(mtime_s);
    header.set_uid(entry.owner);
    header.set_gid(entry.owner);
    match &entry.node {
        Node::File(bytes) => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, path, bytes.as_slice())?;
        }
        Node::Folder => {
            header.set_entry_type(EntryType::Directory);
            header.set_size(0);
            archive.append_data(&mut header, format!("{path}/"), std::io::empty())?;
        }
    }
    Ok(())
}

/// Returns a document gzipped, as small as Debian wants it.
pub(crate) fn gzip_document(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    gzip(bytes, Compression::best())
}

/// Returns bytes gzipped, with neither a name nor a time.
pub(crate) fn gzip(bytes: &[u8], level: Compression) -> anyhow::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().write(Vec::new(), level);
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_archive_is_sorted_owned_and_the_same_each_time() {
        let mut tree = Tree::default();
        tree.program("usr/bin/b", "b");
        tree.file("etc/a", "a");
        tree.folder("var/lib/own", 0o700, 7);
        let bytes = tree.under("x").tar(1_000).unwrap();
        assert_eq!(bytes, tree.clone().under("x").tar(1_000).unwrap());
        let mut archive = tar::Archive::new(bytes.as_slice());
        let listed: Vec<(String, u32, u64, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), header.uid().unwrap(), header.mtime().unwrap())
            })
            .collect();
        let expected = [
            ("x/", 0o755, 0),
            ("x/etc/", 0o755, 0),
            ("x/etc/a", 0o644, 0),
            ("x/usr/", 0o755, 0),
            ("x/usr/bin/", 0o755, 0),
            ("x/usr/bin/b", 0o755, 0),
            ("x/var/", 0o755, 0),
            ("x/var/lib/", 0o755, 0),
            ("x/var/lib/own/", 0o700, 7),
        ];
        let expected: Vec<_> = expected.map(|(path, mode, owner)| (path.to_owned(), mode, owner, 1_000)).into();
        assert_eq!(listed, expected);
    }
}
