//! Call frames.

use alloy_primitives::{Address, B256, U256};

use super::column::{Count, Fixed, Plain, Variable, number};
use super::{Batch, Host};

#[derive(Default)]
pub(super) struct Columns {
    count: Count,
    transaction_index: Plain<u32>,
    depth: Plain<u32>,
    kind: Plain<u8>,
    sender: Fixed<20>,
    target: Fixed<20>,
    value: Fixed<32>,
    input: Variable,
    output: Variable,
    status: Plain<u8>,
}

impl Columns {
    pub(super) fn rows(&self, host: &Host) -> usize {
        self.count.get(|| host.frame_count())
    }
}

/// What a call frame does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// `CALL`, and the transaction's own call.
    Call,
    /// `STATICCALL`.
    StaticCall,
    /// `DELEGATECALL`.
    DelegateCall,
    /// `CALLCODE`.
    CallCode,
    /// `CREATE`.
    Create,
    /// `CREATE2`.
    Create2,
    /// `SELFDESTRUCT`.
    SelfDestruct,
    /// Something that this SDK doesn't know yet, by its code.
    Other(u8),
}

impl FrameKind {
    /// Its name in subscriptions.
    pub fn name(self) -> &'static str {
        match self {
            FrameKind::Call => "call",
            FrameKind::StaticCall => "staticcall",
            FrameKind::DelegateCall => "delegatecall",
            FrameKind::CallCode => "callcode",
            FrameKind::Create => "create",
            FrameKind::Create2 => "create2",
            FrameKind::SelfDestruct => "selfdestruct",
            FrameKind::Other(_) => "other",
        }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            0 => FrameKind::Call,
            1 => FrameKind::StaticCall,
            2 => FrameKind::DelegateCall,
            3 => FrameKind::CallCode,
            4 => FrameKind::Create,
            5 => FrameKind::Create2,
            6 => FrameKind::SelfDestruct,
            other => FrameKind::Other(other),
        }
    }

    /// Whether a frame of this kind moves its value from sender to target: a delegatecall only passes on the
    /// value of the frame around it, and a callcode sends it to its own sender.
    pub fn moves_value(self) -> bool {
        matches!(self, FrameKind::Call | FrameKind::Create | FrameKind::Create2 | FrameKind::SelfDestruct)
    }
}

/// A call frame of the batch.
#[derive(Clone, Copy)]
pub struct Frame<'b> {
    pub(super) batch: &'b Batch<'b>,
    pub(super) row: usize,
}

impl<'b> Frame<'b> {
    fn columns(self) -> (&'b Columns, &'b Host) {
        (&self.batch.frames, self.batch.host)
    }

    /// Position of its transaction in the block.
    pub fn transaction_index(&self) -> u32 {
        let (columns, host) = self.columns();
        columns.transaction_index.get(self.row, || host.frame_transaction_indexes())
    }

    /// Hash of its transaction: a call of the host, so ask for it only where there is something to tell.
    pub fn transaction_hash(&self) -> B256 {
        self.batch.transaction_hash(self.transaction_index())
    }

    /// 0 for the transaction's own call.
    pub fn depth(&self) -> u32 {
        let (columns, host) = self.columns();
        columns.depth.get(self.row, || host.frame_depths())
    }

    /// What it does.
    pub fn kind(&self) -> FrameKind {
        let (columns, host) = self.columns();
        FrameKind::from_code(columns.kind.get(self.row, || host.frame_kinds()))
    }

    /// Who calls.
    pub fn sender(&self) -> Address {
        let (columns, host) = self.columns();
        Address::new(*columns.sender.get(self.row, || host.frame_senders()))
    }

    /// Who is called, or what was created; zero for a creation that failed.
    pub fn target(&self) -> Address {
        let (columns, host) = self.columns();
        Address::new(*columns.target.get(self.row, || host.frame_targets()))
    }

    /// Wei sent along.
    pub fn value(&self) -> U256 {
        let (columns, host) = self.columns();
        number(columns.value.get(self.row, || host.frame_values()))
    }

    /// Calldata or init code.
    pub fn input(&self) -> &'b [u8] {
        let (columns, host) = self.columns();
        columns.input.get(self.row, || host.frame_inputs(), || host.frame_input_offsets())
    }

    /// First four bytes of the calldata.
    pub fn selector(&self) -> Option<[u8; 4]> {
        self.input().first_chunk().copied()
    }

    /// Return or revert data, or the code that was deployed.
    pub fn output(&self) -> &'b [u8] {
        let (columns, host) = self.columns();
        columns.output.get(self.row, || host.frame_outputs(), || host.frame_output_offsets())
    }

    /// False where it, or a frame around it, was reverted.
    pub fn success(&self) -> bool {
        let (columns, host) = self.columns();
        columns.status.get(self.row, || host.frame_statuses()) == 1
    }
}
