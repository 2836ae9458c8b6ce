//! Archives as `cryo` writes them, of blocks that are known.

use std::collections::BTreeMap;
use std::path::Path;

use super::write::{Columns, Written, write};
use crate::block::{Assurance, Block, Frames, Logs, Transactions, Verification, frame_kind};

/// How values are written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// `cryo --hex`: text in place of bytes.
    pub(super) hex: bool,
    /// `cryo --u256-types string`: text in place of bytes.
    pub(super) decimal: bool,
    pub(super) rows_in_group: usize,
}

pub(super) const BINARY: Style = Style { hex: false, decimal: false, rows_in_group: 4_096 };

/// Writes all datasets of blocks that all lie in `range`.
pub(super) fn write_all(folder: &Path, range: (u64, u64), blocks: &[Block], style: Style) {
    for (dataset, columns) in tables(blocks, style) {
        write(folder, dataset, range, &columns, style.rows_in_group);
    }
}

/// The columns of all datasets.
pub(super) fn tables(blocks: &[Block], style: Style) -> BTreeMap<&'static str, Columns> {
    BTreeMap::from([
        ("blocks", headers(blocks, style)),
        ("transactions", transactions(blocks, style)),
        ("logs", logs(blocks, style)),
        ("traces", traces(blocks, style)),
    ])
}

fn numbers(values: impl Iterator<Item = u64>) -> Written {
    Written::Unsigned32(values.map(|value| Some(value as u32)).collect())
}

fn wide(values: impl Iterator<Item = Option<u64>>) -> Written {
    Written::Unsigned64(values.collect())
}

fn text<T: Into<String>>(values: impl Iterator<Item = Option<T>>) -> Written {
    Written::Text(values.map(|value| value.map(Into::into)).collect())
}

fn bytes(style: Style, values: impl Iterator<Item = Option<Vec<u8>>>) -> Written {
    if style.hex {
        return text(values.map(|value| value.map(|value| format!("0x{}", hex::encode(value)))));
    }
    Written::Bytes(values.collect())
}

fn wei(style: Style, name: &str, values: impl Iterator<Item = Vec<u8>>) -> (String, Written) {
    let decimal = |value: &Vec<u8>| alloy::primitives::U256::from_be_slice(value).to_string();
    if style.decimal {
        return (format!("{name}_string"), text(values.map(|value| Some(decimal(&value)))));
    }
    let column = bytes(style, values.map(Some));
    (format!("{name}_binary"), column)
}

fn named(columns: Vec<(&str, Written)>) -> Columns {
    columns.into_iter().map(|(name, array)| (name.to_owned(), array)).collect()
}

fn headers(blocks: &[Block], style: Style) -> Columns {
    let each = || blocks.iter();
    named(vec![
        // A column that nobody reads, of a type that nobody reads.
        ("extra_data", Written::Fixed(each().map(|_| Some([0; 3])).collect())),
        ("block_hash", bytes(style, each().map(|block| Some(block.hash.to_vec())))),
        ("parent_hash", bytes(style, each().map(|block| Some(block.parent_hash.to_vec())))),
        ("author", bytes(style, each().map(|block| Some(block.beneficiary.to_vec())))),
        ("block_number", numbers(each().map(|block| block.number))),
        ("gas_used", wide(each().map(|block| Some(block.gas_used)))),
        ("timestamp", numbers(each().map(|block| block.timestamp_s))),
        ("base_fee_per_gas", wide(each().map(|block| block.base_fee_wei))),
        ("chain_id", wide(each().map(|block| Some(block.chain)))),
    ])
}

fn transactions(blocks: &[Block], style: Style) -> Columns {
    let rows: Vec<(u64, &Transactions, usize)> = blocks
        .iter()
        .flat_map(|block| (0..block.transactions.len()).map(|row| (block.number, &block.transactions, row)))
        .collect();
    let each = || rows.iter();
    let mut columns = named(vec![
        ("block_number", numbers(each().map(|(number, ..)| *number))),
        ("transaction_index", wide(each().map(|(_, _, row)| Some(*row as u64)))),
        ("transaction_hash", bytes(style, each().map(|(_, all, row)| Some(all.hash.get(*row).to_vec())))),
        ("nonce", wide(each().map(|(_, all, row)| Some(all.nonce[*row])))),
        ("from_address", bytes(style, each().map(|(_, all, row)| Some(all.sender.get(*row).to_vec())))),
        (
            "to_address",
            bytes(
                style,
                each().map(|(_, all, row)| (all.is_creation[*row] == 0).then(|| all.recipient.get(*row).to_vec())),
            ),
        ),
        ("input", bytes(style, each().map(|(_, all, row)| Some(all.input.get(*row).to_vec())))),
        ("gas_used", wide(each().map(|(_, all, row)| Some(all.gas_used[*row])))),
        (
            "success",
            Written::Flag(each().map(|(_, all, row)| (all.status[*row] != 2).then(|| all.status[*row] == 1)).collect()),
        ),
    ]);
    columns.push(wei(style, "value", each().map(|(_, all, row)| all.value.get(*row).to_vec())));
    columns
}

fn logs(blocks: &[Block], style: Style) -> Columns {
    let rows: Vec<(u64, &Logs, usize)> =
        blocks.iter().flat_map(|block| (0..block.logs.len()).map(|row| (block.number, &block.logs, row))).collect();
    let each = || rows.iter();
    let topic = |position: usize| {
        let given = move |all: &Logs, row: usize| usize::from(all.topic_count[row]) > position;
        bytes(style, each().map(move |(_, all, row)| given(all, *row).then(|| all.topics[position].get(*row).to_vec())))
    };
    named(vec![
        ("block_number", numbers(each().map(|(number, ..)| *number))),
        ("transaction_index", numbers(each().map(|(_, all, row)| all.transaction_index[*row].into()))),
        ("log_index", numbers(each().map(|(_, _, row)| *row as u64))),
        ("address", bytes(style, each().map(|(_, all, row)| Some(all.address.get(*row).to_vec())))),
        ("topic0", topic(0)),
        ("topic1", topic(1)),
        ("topic2", topic(2)),
        ("topic3", topic(3)),
        ("data", bytes(style, each().map(|(_, all, row)| Some(all.data.get(*row).to_vec())))),
    ])
}

/// Each frame's place in its transaction's tree.
fn addresses(frames: &Frames) -> Vec<String> {
    let mut path: Vec<u32> = Vec::new();
    let mut out = Vec::new();
    for depth in &frames.depth {
        let depth = *depth as usize;
        match depth {
            0 => path.clear(),
            _ if depth > path.len() => path.push(0),
            _ => {
                path.truncate(depth);
                path[depth - 1] += 1;
            }
        }
        out.push(path.iter().map(u32::to_string).collect::<Vec<_>>().join("_"));
    }
    out
}

fn traces(blocks: &[Block], style: Style) -> Columns {
    let mut rows: Vec<(u64, &Frames, usize, String)> = Vec::new();
    for block in blocks {
        let Some(frames) = &block.frames else { continue };
        // Backwards, since nobody promises an order within a block.
        for (row, address) in addresses(frames).into_iter().enumerate().rev() {
            rows.push((block.number, frames, row, address));
        }
    }
    let each = || rows.iter().map(|(_, all, row, _)| (*all, *row));
    let creates = |all: &Frames, row: usize| matches!(all.kind[row], frame_kind::CREATE | frame_kind::CREATE2);
    let when = |is: bool, value: &[u8]| is.then(|| value.to_vec());
    let kind = |(all, row): (&Frames, usize)| match frame_kind::NAMES[usize::from(all.kind[row])] {
        "create" | "create2" => ("create", None),
        "selfdestruct" => ("suicide", None),
        "callcode" => ("call", Some("call_code")),
        "delegatecall" => ("call", Some("delegate_call")),
        "staticcall" => ("call", Some("static_call")),
        _ => ("call", Some("call")),
    };
    let mut columns = named(vec![
        ("block_number", numbers(rows.iter().map(|(number, ..)| *number))),
        ("transaction_index", numbers(each().map(|(all, row)| all.transaction_index[row].into()))),
        ("trace_address", text(rows.iter().map(|(.., address)| Some(address.clone())))),
        ("action_type", text(each().map(|row| Some(kind(row).0)))),
        ("action_call_type", text(each().map(|row| kind(row).1))),
        ("action_from", bytes(style, each().map(|(all, row)| Some(all.sender.get(row).to_vec())))),
        ("action_to", bytes(style, each().map(|(all, row)| when(!creates(all, row), all.target.get(row))))),
        ("action_input", bytes(style, each().map(|(all, row)| when(!creates(all, row), all.input.get(row))))),
        ("action_init", bytes(style, each().map(|(all, row)| when(creates(all, row), all.input.get(row))))),
        ("result_gas_used", numbers(each().map(|(all, row)| all.gas_used[row]))),
        ("result_output", bytes(style, each().map(|(all, row)| when(!creates(all, row), all.output.get(row))))),
        ("result_code", bytes(style, each().map(|(all, row)| when(creates(all, row), all.output.get(row))))),
        (
            "result_address",
            bytes(style, each().map(|(all, row)| when(creates(all, row) && all.status[row] == 1, all.target.get(row)))),
        ),
        ("error", text(each().map(|(all, row)| (all.status[row] == 0).then_some("Reverted")))),
    ]);
    columns.push(wei(style, "action_value", each().map(|(all, row)| all.value.get(row).to_vec())));
    columns
}

/// A block that is made up: a call and a creation that failed, two logs, and a frame within a frame.
pub(super) fn made_up(number: u64) -> Block {
    let hash = |number: u64| alloy::primitives::keccak256(number.to_be_bytes());
    let mut block = Block {
        chain: 1,
        number,
        hash: hash(number),
        parent_hash: hash(number - 1),
        timestamp_s: 1_700_000_000 + number,
        beneficiary: [7; 20].into(),
        gas_used: 42_000,
        base_fee_wei: Some(9),
        assurance: Assurance { verification: Verification::None, exceptions: Vec::new(), source: "sample".into() },
        transactions: Transactions::default(),
        logs: Logs::default(),
        frames: Some(Frames::default()),
        storage: None,
        awaited: Default::default(),
    };
    for row in 0..2_u8 {
        let all = &mut block.transactions;
        all.hash.push(&[row + 1; 32]);
        all.sender.push(&[3; 20]);
        all.recipient.push(&[4 * (1 - row); 20]);
        all.created.push(&[0; 20]);
        all.is_creation.push(row);
        all.value.push(&[row + 200; 32]);
        all.input.push(&[1, 2, 3]).unwrap();
        all.nonce.push(row.into());
        all.gas_used.push(21_000);
        all.status.push(1 - row);
        let logs = &mut block.logs;
        logs.address.push(&[5; 20]);
        logs.topic_count.push(row * 4);
        logs.topics.iter_mut().for_each(|topic| topic.push(&[row * 6; 32]));
        logs.data.push(&vec![9; row.into()]).unwrap();
        logs.transaction_index.push(0);
        let frames = block.frames.as_mut().unwrap();
        for depth in 0..=1 {
            frames.transaction_index.push(row.into());
            frames.depth.push(depth);
            frames.kind.push(if row == 1 && depth == 0 { frame_kind::CREATE } else { 2 });
            frames.sender.push(&[3; 20]);
            frames.target.push(&if row == 1 && depth == 0 { [0; 20] } else { [4; 20] });
            frames.value.push(&[0; 32]);
            frames.input.push(&[8; 5]).unwrap();
            frames.output.push(&[]).unwrap();
            frames.gas_used.push(100);
            frames.status.push(1 - row);
        }
    }
    block
}
