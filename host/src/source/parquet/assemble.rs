//! From a block's rows to its columns.

use alloy::primitives::{Address, B256};

use super::ArchiveError;
use super::column::Column;
use super::cursor::Slice;
use crate::block::{ChainId, Frames, Logs, Transactions, frame_kind};
use crate::column::Overflow;

/// What the blocks dataset has of a block.
pub(super) struct Header {
    pub(super) file: String,
    pub(super) chain: ChainId,
    pub(super) hash: B256,
    pub(super) parent_hash: B256,
    pub(super) timestamp_s: u64,
    pub(super) beneficiary: Address,
    pub(super) gas_used: u64,
    pub(super) base_fee_wei: Option<u64>,
}

/// Reads the one row of a block.
pub(super) fn header(rows: &[Slice]) -> Result<Header, ArchiveError> {
    let [slice] = rows else { return Err(twice(rows)) };
    if slice.rows.len() != 1 {
        return Err(twice(rows));
    }
    let row = slice.rows.start;
    let number = |name: &str| given(slice.column(name), Column::number, row);
    let file = slice.file.rsplit('/').next().unwrap_or(&slice.file).to_owned();
    Ok(Header {
        file,
        chain: number("chain_id")?,
        hash: given(slice.column("block_hash"), Column::fixed, row)?.into(),
        parent_hash: given(slice.column("parent_hash"), Column::fixed, row)?.into(),
        timestamp_s: number("timestamp")?,
        beneficiary: given(slice.column("author"), Column::fixed, row)?.into(),
        gas_used: number("gas_used")?,
        base_fee_wei: slice.column("base_fee_per_gas").number(row)?,
    })
}

fn twice(rows: &[Slice]) -> ArchiveError {
    let file = rows.first().map_or_else(String::new, |slice| slice.file.to_string());
    ArchiveError::new(file, "it stands there more than once")
}

/// A value that must not be null.
fn given<T>(
    column: &Column,
    read: impl Fn(&Column, usize) -> Result<Option<T>, ArchiveError>,
    row: usize,
) -> Result<T, ArchiveError> {
    column.given(read(column, row)?)
}

/// Refuses rows that have no room in one column.
fn fits(column: &Column, pushed: Result<(), Overflow>) -> Result<(), ArchiveError> {
    pushed.map_err(|Overflow| column.wrong("up to 4 GiB in one block", "more"))
}

/// Rows by a number that must go up from 0 by ones.
fn by_index<'a>(rows: &'a [Slice], name: &str) -> Result<Vec<(&'a Slice, usize)>, ArchiveError> {
    let mut order = Vec::new();
    for slice in rows {
        let column = slice.column(name);
        for row in slice.rows.clone() {
            order.push((given(column, Column::number, row)?, slice, row));
        }
    }
    order.sort_by_key(|(index, _, _)| *index);
    for (expected, (index, slice, _)) in order.iter().enumerate() {
        if *index != expected as u64 {
            let what =
                format!("{expected}, since an archive must hold all rows of a block (no filter by address or topic)");
            return Err(slice.column(name).wrong(&what, index));
        }
    }
    Ok(order.into_iter().map(|(_, slice, row)| (slice, row)).collect())
}

/// Which transaction a row belongs to; `count` is how many there are, where that is known.
fn transaction_of(slice: &Slice, row: usize, count: Option<u64>) -> Result<u32, ArchiveError> {
    let column = slice.column("transaction_index");
    let index = given(column, Column::number, row)?;
    let below = count.unwrap_or(u64::from(u32::MAX));
    if index >= below {
        return Err(column.wrong(&format!("a transaction below {below}"), index));
    }
    Ok(index as u32)
}

/// Lays out transactions of which only the hash and the gas are wanted; the rest of each is empty.
pub(super) fn transaction_hashes(rows: &[Slice]) -> Result<Transactions, ArchiveError> {
    let mut out = Transactions::default();
    for (slice, row) in by_index(rows, "transaction_index")? {
        out.hash.push(&given(slice.column("transaction_hash"), Column::fixed, row)?);
        out.gas_used.push(given(slice.column("gas_used"), Column::number, row)?);
        out.sender.push(&[0; 20]);
        out.recipient.push(&[0; 20]);
        out.created.push(&[0; 20]);
        out.is_creation.push(0);
        out.value.push(&[0; 32]);
        fits(slice.column("transaction_hash"), out.input.push(&[]))?;
        out.nonce.push(0);
        out.status.push(2);
    }
    Ok(out)
}

/// Lays out transactions.
pub(super) fn transactions(rows: &[Slice]) -> Result<Transactions, ArchiveError> {
    let mut out = Transactions::default();
    let mut scratch = Vec::new();
    for (slice, row) in by_index(rows, "transaction_index")? {
        let sender: [u8; 20] = given(slice.column("from_address"), Column::fixed, row)?;
        let recipient: Option<[u8; 20]> = slice.column("to_address").fixed(row)?;
        let nonce = given(slice.column("nonce"), Column::number, row)?;
        let status = slice.column("success").flag(row).map_or(2, u8::from);
        let created = match recipient {
            None if status != 0 => Address::from(sender).create(nonce),
            _ => Address::ZERO,
        };
        let input = slice.column("input");
        out.hash.push(&given(slice.column("transaction_hash"), Column::fixed, row)?);
        out.sender.push(&sender);
        out.recipient.push(&recipient.unwrap_or_default());
        out.created.push(&created);
        out.is_creation.push(u8::from(recipient.is_none()));
        out.value.push(&given(slice.column("value"), Column::wei, row)?);
        fits(input, out.input.push(input.given(input.bytes(row, &mut scratch)?)?))?;
        out.nonce.push(nonce);
        out.gas_used.push(given(slice.column("gas_used"), Column::number, row)?);
        out.status.push(status);
    }
    Ok(out)
}

/// Lays out logs.
pub(super) fn logs(rows: &[Slice], transactions: Option<u64>) -> Result<Logs, ArchiveError> {
    let mut out = Logs::default();
    let mut scratch = Vec::new();
    for (slice, row) in by_index(rows, "log_index")? {
        let mut count = 0;
        for (position, name) in ["topic0", "topic1", "topic2", "topic3"].into_iter().enumerate() {
            let column = slice.column(name);
            let topic: Option<[u8; 32]> = column.fixed(row)?;
            if topic.is_some() {
                if count != position {
                    return Err(column.wrong("null after a topic that is null", "a topic"));
                }
                count += 1;
            }
            out.topics[position].push(&topic.unwrap_or_default());
        }
        let data = slice.column("data");
        out.topic_count.push(count as u8);
        out.address.push(&given(slice.column("address"), Column::fixed, row)?);
        fits(data, out.data.push(data.bytes(row, &mut scratch)?.unwrap_or_default()))?;
        out.transaction_index.push(transaction_of(slice, row, transactions)?);
    }
    Ok(out)
}

/// Lays out call frames. Within a block `cryo` promises no order of frames, but that of their addresses is the
/// depth-first one.
pub(super) fn frames(rows: &[Slice], transactions: Option<u64>) -> Result<Frames, ArchiveError> {
    let mut order = Vec::new();
    for slice in rows {
        let (kinds, addresses) = (slice.column("action_type"), slice.column("trace_address"));
        for row in slice.rows.clone() {
            // Rewards belong to no transaction.
            if kinds.text(row) != Some("reward") {
                order.push((transaction_of(slice, row, transactions)?, address(addresses, row)?, slice, row));
            }
        }
    }
    order.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let mut out = Frames::default();
    // Whether the frames around the one at hand stand, by depth.
    let mut around: Vec<bool> = Vec::new();
    let mut current = None;
    for (transaction, address, slice, row) in order {
        if current != Some(transaction) {
            current = Some(transaction);
            around.clear();
        }
        if address.len() > around.len() {
            let column = slice.column("trace_address");
            return Err(column.wrong(
                &format!("the frame around that of transaction {transaction}"),
                format_args!("a frame at depth {} alone", address.len()),
            ));
        }
        around.truncate(address.len());
        let stands = around.last().copied().unwrap_or(true) && slice.column("error").text(row).is_none();
        around.push(stands);
        out.transaction_index.push(transaction);
        out.depth.push(address.len() as u32);
        out.status.push(u8::from(stands));
        frame(&mut out, slice, row, stands)?;
    }
    Ok(out)
}

fn frame(out: &mut Frames, slice: &Slice, row: usize, stands: bool) -> Result<(), ArchiveError> {
    let kinds = slice.column("action_type");
    let kind = kinds.given(kinds.text(row))?;
    let is_creation = kind == "create";
    let code = match kind {
        "create" => Some(frame_kind::CREATE),
        "suicide" | "selfdestruct" => frame_kind::code("selfdestruct"),
        // `call`, `call_code`, `delegate_call`, `static_call`, with or without the line.
        _ => frame_kind::code(&slice.column("action_call_type").text(row).unwrap_or(kind).replace('_', "")),
    };
    let code = code.ok_or_else(|| kinds.wrong("a kind of call that is known", format_args!("`{kind}`")))?;
    let target = slice.column(if is_creation { "result_address" } else { "action_to" }).fixed(row)?;
    let (input, output) = match is_creation {
        true => (slice.column("action_init"), slice.column("result_code")),
        false => (slice.column("action_input"), slice.column("result_output")),
    };
    let mut scratch = Vec::new();
    out.kind.push(code);
    out.sender.push(&given(slice.column("action_from"), Column::fixed, row)?);
    out.target.push(&target.filter(|_| stands || !is_creation).unwrap_or_default());
    out.value.push(&slice.column("action_value").wei(row)?.unwrap_or_default());
    fits(input, out.input.push(input.bytes(row, &mut scratch)?.unwrap_or_default()))?;
    fits(output, out.output.push(output.bytes(row, &mut scratch)?.unwrap_or_default()))?;
    out.gas_used.push(slice.column("result_gas_used").number(row)?.unwrap_or_default());
    Ok(())
}

/// A frame's place in its transaction's tree: `0_2_1`, empty for the transaction's own call.
fn address(column: &Column, row: usize) -> Result<Vec<u32>, ArchiveError> {
    let text = column.given(column.text(row))?;
    let parts = text.split('_').filter(|part| !part.is_empty());
    let parsed =
        parts.map(|part| part.parse().map_err(|_| column.wrong("a place such as `0_2_1`", format_args!("`{text}`"))));
    parsed.collect()
}
