mod mainnet;
mod sample;
mod write;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Archive;
use crate::block::Block;
use crate::event::Event;
use crate::source::recording::{Item, Recording};
use crate::subscription::Needs;
use sample::{BINARY, Style, made_up, tables, write_all};
use write::{Columns, Written, write};

fn read(folder: &Path, range: std::ops::RangeInclusive<u64>) -> Result<Vec<Block>, String> {
    let mut archive = Archive::open(folder, range).map_err(|error| error.to_string())?;
    let mut blocks = Vec::new();
    while let Some(block) = archive.next_block().map_err(|error| error.to_string())? {
        blocks.push(block);
    }
    Ok(blocks)
}

/// Without what says where a block came from.
fn bare(mut blocks: Vec<Block>) -> Vec<Block> {
    for block in &mut blocks {
        block.assurance.source.clear();
        block.assurance.exceptions.clear();
    }
    blocks
}

fn samples() -> Vec<Block> {
    (100..105).map(made_up).collect()
}

#[test]
fn what_was_written_is_read() {
    for hex in [false, true] {
        for decimal in [false, true] {
            for rows_in_group in [1, 3, 4_096] {
                let folder = tempfile::tempdir().unwrap();
                let style = Style { hex, decimal, rows_in_group };
                write_all(folder.path(), (100, 102), &samples()[..3], style);
                write_all(folder.path(), (103, 104), &samples()[3..], style);
                assert_eq!(bare(read(folder.path(), 0..=u64::MAX).unwrap()), bare(samples()));
                assert_eq!(bare(read(folder.path(), 102..=103).unwrap()), bare(samples()[2..4].to_vec()));
                assert_eq!(read(folder.path(), 105..=200).unwrap(), []);
            }
        }
    }
}

#[test]
fn folders_for_each_dataset_are_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    for (dataset, columns) in tables(&samples(), BINARY) {
        let inner = folder.path().join(dataset);
        std::fs::create_dir(&inner).unwrap();
        write(&inner, dataset, (100, 104), &columns, 4);
    }
    assert_eq!(bare(read(folder.path(), 0..=u64::MAX).unwrap()), bare(samples()));
}

#[test]
fn an_archive_is_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let blocks: Vec<Block> = [100, 101, 104].map(made_up).into();
    write_all(folder.path(), (100, 104), &blocks, BINARY);
    let mut recording = Recording::open(folder.path(), &BTreeMap::<u64, crate::block::Verification>::new()).unwrap();
    let mut came = Vec::new();
    while let Some(item) = recording.next_item().unwrap() {
        let Item::Delivery(delivery) = item else { panic!("an answer in an archive") };
        let Event::Committed { block } = delivery.event else { panic!("something else than a block") };
        assert_eq!(delivery.at_ms, Some(block.timestamp_s * 1_000));
        came.push(Arc::unwrap_or_clone(block));
    }
    assert_eq!(bare(came), bare(blocks));
    assert_eq!(recording.gaps(), 1);
}

#[test]
fn what_is_missing_is_told_with_each_block() {
    let folder = tempfile::tempdir().unwrap();
    let all = tables(&samples(), BINARY);
    write(folder.path(), "blocks", (100, 104), &all["blocks"], 9);
    let logs = tables(&samples()[..2], BINARY);
    write(folder.path(), "logs", (100, 101), &logs["logs"], 9);
    let blocks = read(folder.path(), 0..=u64::MAX).unwrap();
    assert_eq!(blocks[1].logs.len(), 2);
    assert_eq!(blocks[2].logs.len(), 0);
    assert!(blocks.iter().all(|block| block.frames.is_none() && block.transactions.is_empty()));
    let told = |name: &str| format!("no {name}: the archive has no file of {name} that covers the block");
    assert_eq!(blocks[1].assurance.exceptions, [told("transactions"), told("traces")]);
    assert_eq!(blocks[2].assurance.exceptions, [told("transactions"), told("logs"), told("traces")]);
    assert_eq!(blocks[2].assurance.source, "ethereum__blocks__00000100_to_00000104.parquet");
}

#[test]
fn gas_that_does_not_add_up_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut blocks = samples();
    blocks[1].gas_used += 1;
    write_all(folder.path(), (100, 104), &blocks, BINARY);
    let told = "transactions: they use 42000 gas, the header says 42001; some may be missing";
    let with: Vec<bool> = read(folder.path(), 0..=u64::MAX)
        .unwrap()
        .iter()
        .map(|block| block.assurance.exceptions.iter().any(|exception| exception == told))
        .collect();
    assert_eq!(with, [false, true, false, false, false]);
}

fn replace(columns: &mut Columns, name: &str, new: &str, values: Written) {
    let column = columns.iter_mut().find(|(known, _)| known == name).unwrap();
    *column = (new.to_owned(), values);
}

fn u32s(values: &[u32]) -> Written {
    Written::Unsigned32(values.iter().copied().map(Some).collect())
}

/// Two blocks, one dataset of which is changed; what reading them says.
fn check(dataset: &str, change: impl FnOnce(&mut Columns), expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut all = tables(&samples()[..2], BINARY);
    change(all.get_mut(dataset).unwrap());
    for (dataset, columns) in &all {
        write(folder.path(), dataset, (100, 101), columns, 9);
    }
    let came = read(folder.path(), 0..=u64::MAX).map(|blocks| blocks.len());
    let came = came.unwrap_err().replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(came, expected);
}

#[test]
fn wrong_columns_are_told() {
    check(
        "blocks",
        |columns| columns.retain(|(name, _)| name != "parent_hash"),
        "ethereum__blocks__00000100_to_00000101.parquet: it has no column `parent_hash`; write the file anew with `cryo \
         blocks --include-columns parent_hash`",
    );
    check(
        "transactions",
        |columns| replace(columns, "value_binary", "value_f64", Written::Double(vec![Some(0.5); 4])),
        "ethereum__transactions__00000100_to_00000101.parquet: it has no column `value`; write the file anew with `cryo \
         transactions --include-columns value --u256-types binary`",
    );
    check(
        "transactions",
        |columns| replace(columns, "value_binary", "value", Written::Double(vec![Some(0.5); 4])),
        "ethereum__transactions__00000100_to_00000101.parquet: column `value`: expected bytes or text that \
         keep every digit (`cryo --u256-types binary`), came DOUBLE",
    );
    check(
        "blocks",
        |columns| replace(columns, "gas_used", "gas_used", Written::Unsigned64(vec![Some(42_000), None])),
        "ethereum__blocks__00000100_to_00000101.parquet: block 101: column `gas_used`: expected a value, came null",
    );
    check(
        "blocks",
        |columns| replace(columns, "gas_used", "gas_used", Written::Signed64(vec![Some(42_000), Some(-1)])),
        "ethereum__blocks__00000100_to_00000101.parquet: block 101: column `gas_used`: expected a number that is not \
         negative, came -1",
    );
    check(
        "blocks",
        |columns| replace(columns, "gas_used", "gas_used", Written::Text(vec![Some("42000".into()); 2])),
        "ethereum__blocks__00000100_to_00000101.parquet: column `gas_used`: expected whole numbers, came UTF8",
    );
    check(
        "logs",
        |columns| {
            let data = columns.iter().find(|(name, _)| name == "data").unwrap().1.clone();
            replace(columns, "address", "address", data);
        },
        "ethereum__logs__00000100_to_00000101.parquet: block 100: column `address`: expected 20 bytes, came 0 bytes",
    );
}

#[test]
fn wrong_rows_are_told() {
    check(
        "logs",
        |columns| replace(columns, "log_index", "log_index", u32s(&[0, 2, 0, 1])),
        "ethereum__logs__00000100_to_00000101.parquet: block 100: column `log_index`: expected 1, since an archive must \
         hold all rows of a block (no filter by address or topic), came 2",
    );
    check(
        "logs",
        |columns| replace(columns, "transaction_index", "transaction_index", u32s(&[0, 0, 0, 2])),
        "ethereum__logs__00000100_to_00000101.parquet: block 101: column `transaction_index`: expected a transaction \
         below 2, came 2",
    );
    check(
        "logs",
        |columns| replace(columns, "block_number", "block_number", u32s(&[100, 101, 100, 101])),
        "ethereum__logs__00000100_to_00000101.parquet: column `block_number`: expected rows in order of \
         their blocks, as cryo sorts them, came 100 after 101",
    );
    check(
        "blocks",
        |columns| replace(columns, "block_number", "block_number", u32s(&[100, 102])),
        "ethereum__blocks__00000100_to_00000101.parquet: column `block_number`: expected blocks up to 101, as the \
         file's name says, came 102",
    );
    check(
        "blocks",
        |columns| replace(columns, "block_number", "block_number", u32s(&[100, 100])),
        "ethereum__blocks__00000100_to_00000101.parquet: block 100: it stands there more than once",
    );
    check(
        "traces",
        |columns| replace(columns, "transaction_index", "transaction_index", u32s(&[1, 0, 0, 0, 1, 1, 0, 0])),
        "ethereum__traces__00000100_to_00000101.parquet: block 100: column `trace_address`: expected the frame around \
         that of transaction 1, came a frame at depth 1 alone",
    );
}

#[test]
fn a_parent_that_is_another_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut blocks = samples();
    blocks[2].parent_hash = [0xee; 32].into();
    write_all(folder.path(), (100, 104), &blocks, BINARY);
    let came = read(folder.path(), 0..=u64::MAX).unwrap_err();
    let expected = format!(
        "ethereum__blocks__00000100_to_00000104.parquet: block 102: its parent is {}, and block 101 is {}",
        blocks[2].parent_hash, blocks[1].hash
    );
    assert_eq!(came, expected);
}

/// What opening a folder says, with the folder's name left out.
fn refused(prepare: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let came = read(folder.path(), 0..=u64::MAX).map(|blocks| blocks.len()).unwrap_err();
    came.replace(&folder.path().display().to_string(), ".")
}

#[test]
fn wrong_files_are_told() {
    let rename = |folder: &Path, to: &str| {
        std::fs::rename(folder.join("ethereum__logs__00000100_to_00000104.parquet"), folder.join(to)).unwrap();
    };
    let all = |folder: &Path| write_all(folder, (100, 104), &samples(), BINARY);
    let name = "its name does not say which blocks it covers; expected NETWORK__DATASET__FIRST_to_LAST.parquet, as cryo \
                names files that it collects by blocks";
    type Case<'a> = (&'a str, String, &'a dyn Fn(&Path));
    let cases: [Case; 5] = [
        ("a name without blocks", format!("./ethereum__logs__some.parquet: {name}"), &|folder| {
            all(folder);
            rename(folder, "ethereum__logs__some.parquet");
        }),
        (
            "two networks",
            ".: files of more than one network: base__logs__100_to_104.parquet, \
             ethereum__transactions__00000100_to_00000104.parquet; keep one folder for each"
                .into(),
            &|folder| {
                all(folder);
                rename(folder, "base__logs__100_to_104.parquet");
            },
        ),
        (
            "two files of the same blocks",
            ".: ./ethereum__blocks__00000100_to_00000104.parquet and ./ethereum__blocks__00000104_to_00000108.parquet \
             cover the same blocks; keep one of them"
                .into(),
            &|folder| {
                all(folder);
                write_all(folder, (104, 108), &samples()[4..], BINARY);
            },
        ),
        (
            "no blocks",
            ".: no file of the blocks is here; write them with `cryo blocks --include-columns parent_hash`".into(),
            &|folder| {
                all(folder);
                std::fs::remove_file(folder.join("ethereum__blocks__00000100_to_00000104.parquet")).unwrap();
            },
        ),
        (
            "half a file",
            "./ethereum__logs__00000100_to_00000104.parquet: it can't be read: Parquet error: Invalid Parquet file. \
             Corrupt footer"
                .into(),
            &|folder| {
                all(folder);
                let path = folder.join("ethereum__logs__00000100_to_00000104.parquet");
                let bytes = std::fs::read(&path).unwrap();
                std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            },
        ),
    ];
    for (what, expected, prepare) in cases {
        assert_eq!(refused(prepare), expected, "{what}");
    }
}

#[test]
fn bytes_that_were_damaged_end_in_an_error_or_in_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path(), (100, 104), &samples(), BINARY);
    let path = folder.path().join("ethereum__transactions__00000100_to_00000104.parquet");
    let whole = std::fs::read(&path).unwrap();
    let mut told = 0;
    for at in (4..whole.len() - 8).step_by(37) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&path, &damaged).unwrap();
        told += usize::from(read(folder.path(), 0..=u64::MAX).is_err());
    }
    assert!(told > 0);
}

/// A file whose footer is whole and whose pages are not: whoever reads a page of it fails.
fn spoil_pages(path: &Path, pages: std::ops::Range<usize>) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[pages].fill(0xff);
    std::fs::write(path, bytes).unwrap();
}

/// Where a column's pages of a row group stand in a file.
fn column_bytes(path: &Path, group: usize, name: &str) -> std::ops::Range<usize> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let group = reader.metadata().row_group(group);
    let column = group.columns().iter().find(|column| column.column_path().string() == name).unwrap();
    let (start, length) = column.byte_range();
    start as usize..(start + length) as usize
}

#[test]
fn traces_that_nobody_asked_for_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path(), (100, 104), &samples(), BINARY);
    spoil_pages(&folder.path().join("ethereum__traces__00000100_to_00000104.parquet"), 4..400);
    assert!(read(folder.path(), 0..=u64::MAX).is_err(), "whoever asks for traces reads them");
    let mut archive = Archive::open(folder.path(), 0..=u64::MAX).unwrap();
    archive.need(Needs::KEPT).unwrap();
    let blocks = rest(&mut archive);
    assert!(blocks.iter().all(|block| block.assurance.exceptions.is_empty()), "what nobody asked for is not missing");
    let untraced = samples().into_iter().map(|block| Block { frames: None, ..block }).collect();
    assert_eq!(bare(blocks), bare(untraced));
}

fn rest(archive: &mut Archive) -> Vec<Block> {
    std::iter::from_fn(|| archive.next_block().unwrap()).collect()
}

#[test]
fn of_transactions_and_logs_only_what_was_asked_for_is_read() {
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path(), (100, 104), &samples(), BINARY);
    let file = |dataset: &str| folder.path().join(format!("ethereum__{dataset}__00000100_to_00000104.parquet"));
    spoil_pages(&file("logs"), 4..200);
    for column in ["from_address", "to_address", "nonce", "value_binary", "input", "success"] {
        spoil_pages(&file("transactions"), column_bytes(&file("transactions"), 0, column));
    }
    assert!(read(folder.path(), 0..=u64::MAX).is_err(), "whoever asks for them reads them");
    let mut archive = Archive::open(folder.path(), 0..=u64::MAX).unwrap();
    archive.need(Needs { traces: true, ..Needs::default() }).unwrap();
    let blocks = rest(&mut archive);
    assert_eq!(blocks.len(), samples().len());
    for (block, whole) in blocks.iter().zip(samples()) {
        assert_eq!(block.transactions.hash, whole.transactions.hash, "a frame tells its transaction's hash");
        assert_eq!(block.transactions.gas_used, whole.transactions.gas_used);
        assert_eq!(block.frames, whole.frames);
        assert!(block.has_equal_columns() && block.logs.is_empty());
    }
}

#[test]
fn row_groups_and_columns_that_nobody_asked_for_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path(), (100, 104), &samples(), Style { rows_in_group: 1, ..BINARY });
    let path = folder.path().join("ethereum__blocks__00000100_to_00000104.parquet");
    // The first two blocks' hashes, and of all blocks a column that no block has.
    (0..2).for_each(|group| spoil_pages(&path, column_bytes(&path, group, "block_hash")));
    (0..5).for_each(|group| spoil_pages(&path, column_bytes(&path, group, "extra_data")));
    assert!(read(folder.path(), 0..=u64::MAX).is_err());
    assert_eq!(bare(read(folder.path(), 102..=200).unwrap()), bare(samples()[2..].to_vec()));
}
