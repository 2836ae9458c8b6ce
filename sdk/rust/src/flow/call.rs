//! Call frames as a tree.

use alloy_primitives::U256;

use super::party::Party;
use super::selectors::classes_of;
use crate::batch::FrameKind;
use crate::batch::column::number;

/// A call frame, in a list of them that is in depth-first order.
#[derive(Clone, Copy)]
pub struct Call<'b> {
    /// Position of the call around it; `u32::MAX` for the transaction's own.
    pub parent: u32,
    /// 0 for the transaction's own call.
    pub depth: u32,
    /// Position after its last descendant.
    pub end: u32,
    /// What it does.
    pub kind: FrameKind,
    /// Who calls.
    pub sender: Party,
    /// Who is called, or was created.
    pub target: Party,
    /// Whose storage it works on.
    pub context: Party,
    /// Wei that it moves; zero where its kind moves none.
    pub value: U256,
    /// First four bytes of the calldata; 0 where there are none or it creates.
    pub selector: u32,
    /// What the selector is known for, by [`selectors`](super::selectors).
    pub classes: u32,
    /// Calldata or init code.
    pub input: &'b [u8],
    /// What it returned.
    pub output: &'b [u8],
    /// False where it, or a call around it, was reverted.
    pub success: bool,
    /// Whether it can change nothing: a staticcall, or within one.
    pub is_static: bool,
}

impl<'b> Call<'b> {
    /// Whether the selector is known for any of these.
    pub fn is(&self, classes: u32) -> bool {
        self.classes & classes != 0
    }

    /// Whether it calls a function: at least a selector.
    pub fn has_selector(&self) -> bool {
        self.input.len() >= 4
    }

    /// Whether it is a plain call that can change state and that stands.
    pub fn changes(&self) -> bool {
        self.kind == FrameKind::Call && self.success && !self.is_static
    }

    /// Whether it makes a contract and stands.
    pub fn creates(&self) -> bool {
        matches!(self.kind, FrameKind::Create | FrameKind::Create2) && self.success
    }

    /// Whether it runs another's code on its sender's storage.
    pub fn delegates(&self) -> bool {
        matches!(self.kind, FrameKind::DelegateCall | FrameKind::CallCode)
    }

    /// A word of the arguments.
    pub fn word(&self, position: usize) -> Option<&'b [u8; 32]> {
        self.input.get(4 + 32 * position..36 + 32 * position)?.first_chunk()
    }

    /// A word of the arguments as a number.
    pub fn amount(&self, position: usize) -> Option<U256> {
        self.word(position).map(number)
    }

    /// A word of the arguments as an address.
    pub fn address(&self, position: usize) -> Option<[u8; 20]> {
        self.word(position).map(address_of)
    }

    /// Whether it returned nothing or `true`, as a token says that it has moved something.
    pub fn agrees(&self) -> bool {
        match self.output.first_chunk::<32>() {
            Some(word) => word[31] == 1 && word[..31].iter().all(|&byte| byte == 0),
            None => self.output.is_empty(),
        }
    }

    pub(super) fn classify(&mut self) {
        if matches!(self.kind, FrameKind::Create | FrameKind::Create2) {
            return;
        }
        if let Some(selector) = self.input.first_chunk() {
            self.selector = u32::from_be_bytes(*selector);
            self.classes = classes_of(self.selector);
        }
    }
}

/// The address in the last 20 bytes of a word.
pub fn address_of(word: &[u8; 32]) -> [u8; 20] {
    let mut address = [0; 20];
    address.copy_from_slice(&word[12..]);
    address
}
