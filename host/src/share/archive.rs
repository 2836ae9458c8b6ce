//! Folders that travel as one layer: tar, gzipped. What comes out of one is bounded, and stays in its folder.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::text::line;

/// Most files in an archive.
const FILES_AT_MOST: usize = 2_000;
/// Most bytes that come out of an archive.
pub const UNPACKED_BYTES_AT_MOST: u64 = 256 << 20;

/// Files by their path in the folder.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Packs files: the same bytes for the same files, whoever packs them and when.
///
/// # Errors
///
/// If a name is too long for tar.
pub fn pack(files: &Files) -> anyhow::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, path, bytes.as_slice()).with_context(|| path.display().to_string())?;
    }
    Ok(tar.into_inner()?.finish()?)
}

/// How much may come out of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most files.
    pub files: usize,
    /// Most bytes.
    pub bytes: u64,
}

/// Unpacks files.
///
/// # Errors
///
/// If the archive is none, holds more than is allowed, a link, or a path that leads out of its folder.
pub fn unpack(packed: &[u8]) -> anyhow::Result<Files> {
    unpack_within(packed, Bounds { files: FILES_AT_MOST, bytes: UNPACKED_BYTES_AT_MOST })
}

/// Unpacks files, no more than so many.
///
/// # Errors
///
/// As [`unpack`].
pub fn unpack_within(packed: &[u8], bounds: Bounds) -> anyhow::Result<Files> {
    let mut tar = tar::Archive::new(GzDecoder::new(packed).take(UNPACKED_BYTES_AT_MOST + 1));
    let (mut files, mut sum) = (Files::new(), 0_u64);
    for entry in tar.entries().context("it is no archive")? {
        let mut entry = entry.context("it is no archive, or is larger than is allowed")?;
        let path = entry.path().context("a name in it is none")?.into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            continue;
        }
        ensure!(kind.is_file(), "`{}` in it is no plain file", path.display());
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(plain && path.file_name().is_some(), "`{}` leads out of its folder", path.display());
        let said = path.to_string_lossy();
        let shown = line(&said, 1_000);
        ensure!(
            *said == *shown,
            "`{shown}` in it is no name: it has characters that a terminal obeys, or that can't be seen"
        );
        sum += entry.size();
        let within = sum <= bounds.bytes && files.len() < bounds.files;
        ensure!(within, "it holds more than {} files or {} bytes", bounds.files, bounds.bytes);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).with_context(|| format!("`{}` breaks off", path.display()))?;
        files.insert(path, bytes);
    }
    Ok(files)
}

/// Writes files below a folder.
///
/// # Errors
///
/// If one can't be written.
pub fn write(files: &Files, folder: &Path) -> anyhow::Result<()> {
    for (path, bytes) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Reads the files below a folder that are plain and not hidden; none if there is no such folder.
///
/// # Errors
///
/// If one can't be read.
pub fn read(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    let mut left = vec![PathBuf::new()];
    while let Some(within) = left.pop() {
        let here = folder.join(&within);
        if !here.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&here).with_context(|| here.display().to_string())? {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                left.push(within.join(&name));
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).with_context(|| entry.path().display().to_string())?;
                files.insert(within.join(&name), bytes);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_out_as_it_went_in_and_packs_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::from([("a.toml".into(), b"x = 1".to_vec()), ("deep/b.json".into(), b"{}".to_vec())]);
        write(&files, folder.path()).unwrap();
        std::fs::write(folder.path().join(".hidden"), b"no").unwrap();
        assert_eq!(read(folder.path()).unwrap(), files);
        let packed = pack(&files).unwrap();
        assert_eq!(packed, pack(&files).unwrap());
        assert_eq!(unpack(&packed).unwrap(), files);
        assert!(read(&folder.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn what_leads_out_or_is_a_bomb_is_refused() {
        let packed = |kind: tar::EntryType, name: &str, size: u64| {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(size);
            header.set_entry_type(kind);
            header.set_link_name("/etc/passwd").unwrap();
            header.set_cksum();
            let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
            tar.append(&header, std::io::repeat(0).take(size)).unwrap();
            tar.into_inner().unwrap().finish().unwrap()
        };
        let check = |packed: Vec<u8>, why: &str| {
            let told = format!("{:#}", unpack(&packed).unwrap_err());
            assert!(told.contains(why), "{why}: {told}");
        };
        check(packed(tar::EntryType::Regular, "../out", 1), "leads out");
        check(packed(tar::EntryType::Regular, "/etc/passwd", 1), "leads out");
        check(packed(tar::EntryType::Symlink, "link", 0), "no plain file");
        check(packed(tar::EntryType::Regular, "bomb", UNPACKED_BYTES_AT_MOST + 512), "more than");
        check(b"no archive".to_vec(), "no archive");
    }
}
