//! Which files an archive has, and which columns of them are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ArchiveError;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A whole number that is not negative.
    Number,
    /// Bytes, or text in hex.
    Bytes,
    /// 256 bits: bytes, or text in hex or decimal. Its column may have an ending of `_binary` or `_string`.
    Wei,
    /// Text.
    Text,
    /// True or false.
    Flag,
}

/// A kind of file, as `cryo` names it.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Shape)],
}

pub(super) static BLOCKS: Dataset = Dataset {
    name: "blocks",
    columns: &[
        ("block_number", Shape::Number),
        ("block_hash", Shape::Bytes),
        ("parent_hash", Shape::Bytes),
        ("timestamp", Shape::Number),
        ("author", Shape::Bytes),
        ("gas_used", Shape::Number),
        ("base_fee_per_gas", Shape::Number),
        ("chain_id", Shape::Number),
    ],
};

pub(super) static TRANSACTIONS: Dataset = Dataset {
    name: "transactions",
    columns: &[
        ("block_number", Shape::Number),
        ("transaction_index", Shape::Number),
        ("transaction_hash", Shape::Bytes),
        ("nonce", Shape::Number),
        ("from_address", Shape::Bytes),
        ("to_address", Shape::Bytes),
        ("value", Shape::Wei),
        ("input", Shape::Bytes),
        ("gas_used", Shape::Number),
        ("success", Shape::Flag),
    ],
};

/// What is read of transactions where nobody asked for them: logs and frames tell their transaction's hash.
pub(super) static TRANSACTION_HASHES: Dataset = Dataset {
    name: "transactions",
    columns: &[
        ("block_number", Shape::Number),
        ("transaction_index", Shape::Number),
        ("transaction_hash", Shape::Bytes),
        ("gas_used", Shape::Number),
    ],
};

pub(super) static LOGS: Dataset = Dataset {
    name: "logs",
    columns: &[
        ("block_number", Shape::Number),
        ("transaction_index", Shape::Number),
        ("log_index", Shape::Number),
        ("address", Shape::Bytes),
        ("topic0", Shape::Bytes),
        ("topic1", Shape::Bytes),
        ("topic2", Shape::Bytes),
        ("topic3", Shape::Bytes),
        ("data", Shape::Bytes),
    ],
};

pub(super) static TRACES: Dataset = Dataset {
    name: "traces",
    columns: &[
        ("block_number", Shape::Number),
        ("transaction_index", Shape::Number),
        ("trace_address", Shape::Text),
        ("action_type", Shape::Text),
        ("action_call_type", Shape::Text),
        ("action_from", Shape::Bytes),
        ("action_to", Shape::Bytes),
        ("action_value", Shape::Wei),
        ("action_input", Shape::Bytes),
        ("action_init", Shape::Bytes),
        ("result_gas_used", Shape::Number),
        ("result_output", Shape::Bytes),
        ("result_code", Shape::Bytes),
        ("result_address", Shape::Bytes),
        ("error", Shape::Text),
    ],
};

/// A file, and the blocks that its name says it covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Covering {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) path: PathBuf,
}

/// The files of a folder by dataset.
pub(super) struct Layout {
    folder: String,
    by_dataset: BTreeMap<String, Vec<PathBuf>>,
}

impl Layout {
    /// Sorts a folder's files by their names.
    pub(super) fn read(folder: &Path) -> Result<Self, ArchiveError> {
        let folder_name = folder.display().to_string();
        let files = parquet_files(folder)
            .map_err(|error| ArchiveError::new(&folder_name, format!("it can't be read: {error}")))?;
        let mut by_dataset: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let mut networks: BTreeMap<String, String> = BTreeMap::new();
        for path in files {
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let mut parts = name.split("__");
            let (Some(network), Some(dataset)) = (parts.next(), parts.next()) else { continue };
            if [&BLOCKS, &TRANSACTIONS, &LOGS, &TRACES].iter().all(|known| known.name != dataset) {
                continue;
            }
            networks.insert(network.to_owned(), name.clone());
            by_dataset.entry(dataset.to_owned()).or_default().push(path);
        }
        if networks.len() > 1 {
            let names: Vec<&str> = networks.values().map(String::as_str).collect();
            let what = format!("files of more than one network: {}; keep one folder for each", names.join(", "));
            return Err(ArchiveError::new(folder_name, what));
        }
        Ok(Self { folder: folder_name, by_dataset })
    }

    /// A dataset's files in order; `None` where there is none.
    pub(super) fn files(&mut self, dataset: &Dataset) -> Result<Option<Vec<Covering>>, ArchiveError> {
        let Some(paths) = self.by_dataset.remove(dataset.name) else { return Ok(None) };
        let mut files = paths.into_iter().map(covering).collect::<Result<Vec<_>, _>>()?;
        files.sort();
        if let Some(pair) = files.windows(2).find(|pair| pair[0].last >= pair[1].first) {
            let (one, other) = (pair[0].path.display(), pair[1].path.display());
            let what = format!("{one} and {other} cover the same blocks; keep one of them");
            return Err(ArchiveError::new(&self.folder, what));
        }
        Ok(Some(files))
    }
}

/// Parquet files of a folder and of the folders in it, which is how `cryo --subdirs datatype` lays them out.
pub(super) fn parquet_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            for inner in std::fs::read_dir(&path)? {
                files.push(inner?.path());
            }
        } else {
            files.push(path);
        }
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "parquet") && path.is_file());
    files.sort();
    Ok(files)
}

/// Reads the blocks that a file covers from its name.
fn covering(path: PathBuf) -> Result<Covering, ArchiveError> {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let range = stem.rsplit("__").next().and_then(|range| range.split_once("_to_"));
    let range = range.and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)));
    match range {
        Some((first, last)) if first <= last => Ok(Covering { first, last, path }),
        _ => {
            let what = "its name does not say which blocks it covers; expected NETWORK__DATASET__FIRST_to_LAST.parquet, \
                        as cryo names files that it collects by blocks";
            Err(ArchiveError::new(path.display().to_string(), what))
        }
    }
}
