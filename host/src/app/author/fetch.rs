//! `watchfire fetch`: blocks of the past to a recording, as far as it got, and on from there.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256};
use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::block::Verification;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::past::Past;
use crate::source::recording::block_line;
use crate::subscription::Needs;
use crate::whole_file;

/// Blocks that are fetched, and kept, at once.
const AT_ONCE: usize = 8;

/// What is to be fetched.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes, in order of preference.
    pub nodes: Vec<String>,
    /// Where the recording goes; gzipped where the name ends in `.gz`.
    pub out: PathBuf,
    /// These blocks; with addresses, those of them that have their logs.
    pub ranges: Vec<RangeInclusive<u64>>,
    /// The blocks of these transactions.
    pub transactions: Vec<B256>,
    /// So many blocks before and after each transaction's.
    pub around: u64,
    /// Only blocks with logs of these.
    pub addresses: Vec<Address>,
    /// What is fetched beyond blocks and receipts.
    pub needs: Needs,
    /// Requests a second to each node.
    pub requests_per_second: Option<u32>,
    /// How much of each block is checked; `None` for as much as the chain's family allows.
    pub verify: Option<Verification>,
}

/// How far it got: what was asked for, and how much of the file holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    chain: u64,
    numbers: Vec<u64>,
    traces: bool,
    storage: bool,
    done: usize,
    bytes: u64,
}

/// What was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Blocks in the recording.
    pub blocks: usize,
    /// Blocks of them that an earlier run had fetched.
    pub resumed: usize,
}

/// Fetches, with a bar on a terminal.
///
/// # Errors
///
/// If a node gives nothing that can be believed, or the recording can't be written.
pub async fn fetch(options: &Options) -> anyhow::Result<Fetched> {
    let out = &options.out;
    ensure!(!out.exists(), "`{}` is there already; name a new recording", out.display());
    let config = json!({
        "id": 1, "endpoints": options.nodes, "max_requests_per_second": options.requests_per_second,
        "verify": options.verify,
    });
    let config: ChainConfig = serde_json::from_value(config)?;
    let config = config.resolve(Path::new("."))?;
    let past = Past::new(&config, options.needs).await?;
    let numbers: Vec<u64> = numbers(&past, options).await?.into_iter().collect();
    ensure!(!numbers.is_empty(), "no block is asked for: no log of these addresses is in these blocks");
    let (partial, notes) = (beside(out, ".partial"), beside(out, ".partial.json"));
    let Needs { traces, storage, .. } = options.needs;
    let mut kept = Kept { chain: past.chain(), numbers, traces, storage, done: 0, bytes: 0 };
    if let Ok(text) = std::fs::read_to_string(&notes) {
        let earlier: Kept = serde_json::from_str(&text).with_context(|| notes.display().to_string())?;
        let asked = Kept { done: earlier.done, bytes: earlier.bytes, ..kept };
        ensure!(
            asked == earlier,
            "`{}` is of other blocks, begun earlier; remove it and `{}`, or name another recording",
            partial.display(),
            notes.display()
        );
        kept = earlier;
    }
    let resumed = kept.done;
    let what = || format!("`{}` can't be written", partial.display());
    let file = std::fs::File::options().create(true).truncate(false).write(true).open(&partial).with_context(what)?;
    // What came after the last note may be half a block.
    file.set_len(kept.bytes).with_context(what)?;
    let mut file = std::io::BufWriter::new(file);
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).with_context(what)?;
    let bar = bar(kept.numbers.len() as u64, "blocks");
    bar.set_position(resumed as u64);
    bar.reset_eta();
    let is_gzipped = out.extension().is_some_and(|extension| extension == "gz");
    while kept.done < kept.numbers.len() {
        let chunk = &kept.numbers[kept.done..(kept.done + AT_ONCE).min(kept.numbers.len())];
        let mut lines = Vec::new();
        let fetched = past.blocks(chunk).await;
        let what =
            || format!("{} of {} blocks are kept; ask for the same again to go on", kept.done, kept.numbers.len());
        for (raw, timestamp_s) in fetched.with_context(what)? {
            lines.extend(block_line(&raw, timestamp_s.saturating_mul(1_000))?);
        }
        let bytes = if is_gzipped { member(&lines)? } else { lines };
        file.write_all(&bytes)
            .and_then(|()| file.flush())
            .and_then(|()| file.get_ref().sync_data())
            .with_context(what)?;
        (kept.done, kept.bytes) = (kept.done + chunk.len(), kept.bytes + bytes.len() as u64);
        let text = serde_json::to_string(&kept)?;
        whole_file::replace(&notes, text.as_bytes(), 0o644).with_context(|| notes.display().to_string())?;
        bar.set_position(kept.done as u64);
    }
    bar.finish_and_clear();
    std::fs::rename(&partial, out).with_context(what)?;
    std::fs::remove_file(&notes).with_context(|| notes.display().to_string())?;
    Ok(Fetched { blocks: kept.done, resumed })
}

/// The blocks that are asked for, each once.
async fn numbers(past: &Past, options: &Options) -> anyhow::Result<BTreeSet<u64>> {
    let mut numbers = BTreeSet::new();
    for range in &options.ranges {
        match options.addresses.is_empty() {
            true => numbers.extend(range.clone()),
            false => {
                let bar = bar(range.end() - range.start() + 1, "blocks searched");
                numbers.extend(past.with_logs_of(&options.addresses, range.clone(), |count| bar.inc(count)).await?);
                bar.finish_and_clear();
            }
        }
    }
    for transaction in &options.transactions {
        let number = past.block_of(*transaction).await?;
        numbers.extend(number.saturating_sub(options.around)..=number.saturating_add(options.around));
    }
    Ok(numbers)
}

/// A bar with rate and time left; nothing where the output is no terminal.
fn bar(length: u64, what: &'static str) -> ProgressBar {
    let template = format!("{{bar:32}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}

/// A whole member of a gzipped file; several, one after the other, are one file.
fn member(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
