//! Which data a backtest is of: whoever runs it on the same bytes gets the same digest.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::share::digest::Digest;
use crate::source::recording::file_beside;

/// Recordings and labels by their digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Data {
    /// Of all of it: of the lines `DIGEST  NAME`, the labels last under the name `labels`.
    pub digest: Digest,
    /// Each recording by the name of its file or folder, and answers that are kept beside it by the name of theirs. A folder's is
    /// that of the same lines of its files.
    pub recordings: BTreeMap<String, Digest>,
    /// The labels, if there are any.
    pub labels: Option<Digest>,
}

impl Data {
    /// Reads all of it once more.
    ///
    /// # Errors
    ///
    /// If a file can't be read.
    pub fn of(recordings: &[PathBuf], labels: Option<&[u8]>) -> anyhow::Result<Self> {
        let read = |path: &PathBuf| {
            let digest = of_path(path).with_context(|| format!("`{}` can't be read", path.display()))?;
            anyhow::Ok((name(path), digest))
        };
        let answers = recordings.iter().map(|path| file_beside(path)).filter(|path| path.is_file());
        let files: Vec<PathBuf> = recordings.iter().cloned().chain(answers).collect();
        let recordings: BTreeMap<String, Digest> = files.par_iter().map(read).collect::<anyhow::Result<_>>()?;
        let labels = labels.map(Digest::of);
        let named = recordings.iter().map(|(name, digest)| (name.as_str(), *digest));
        let digest = of_lines(named.chain(labels.map(|labels| ("labels", labels))));
        Ok(Self { digest, recordings, labels })
    }
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn of_lines<'a>(lines: impl Iterator<Item = (&'a str, Digest)>) -> Digest {
    let text: String = lines.map(|(name, digest)| format!("{}  {name}\n", digest.hex())).collect();
    Digest::of(text.as_bytes())
}

fn of_path(path: &Path) -> io::Result<Digest> {
    if !path.is_dir() {
        return of_file(path);
    }
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        files.insert(name(&path), of_path(&path)?);
    }
    Ok(of_lines(files.iter().map(|(name, digest)| (name.as_str(), *digest))))
}

fn of_file(path: &Path) -> io::Result<Digest> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Digest(<[u8; 32]>::from(hasher.finalize()).into())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_have_the_same_digest_wherever_they_lie() {
        let digest = |bytes: &str, labels: Option<&[u8]>| {
            let folder = tempfile::tempdir().unwrap();
            let (file, inner) = (folder.path().join("a.jsonl"), folder.path().join("many"));
            std::fs::write(&file, bytes).unwrap();
            std::fs::create_dir(&inner).unwrap();
            std::fs::write(inner.join("b.jsonl"), "b").unwrap();
            Data::of(&[file, inner], labels).unwrap()
        };
        let data = digest("a", Some(b"labels"));
        assert_eq!(data, digest("a", Some(b"labels")));
        assert_eq!(data.recordings["a.jsonl"], Digest::of(b"a"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jsonl");
        std::fs::write(&file, "a").unwrap();
        std::fs::write(file_beside(&file), "answers").unwrap();
        assert_eq!(Data::of(&[file], None).unwrap().recordings["a.jsonl.answers"], Digest::of(b"answers"));
        for other in [digest("x", Some(b"labels")), digest("a", Some(b"others")), digest("a", None)] {
            assert_ne!(data.digest, other.digest);
        }
        assert!(Data::of(&[PathBuf::from("/none")], None).unwrap_err().to_string().contains("/none"));
    }
}
