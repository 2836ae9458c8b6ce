//! From a batch to its transactions.

use std::cell::OnceCell;

use alloy_primitives::{Address, B256, U256};
use hashbrown::HashSet;

use super::call::Call;
use super::loan::Loan;
use super::party::{self, Parties, Party, ZERO};
use super::prices::{Asset, ChainPrices, Prices};
use super::transfer::{self, NATIVE, Transfer};
use super::{gain, selectors};
use crate::batch::{Batch, FrameKind, Log};
use crate::{FrameFilter, Key, LogFilter, Subscription};

/// What a detector subscribes to that reads transactions whole: all call frames, and the logs of transfers.
pub fn subscriptions() -> Vec<Subscription> {
    let signatures = [transfer::TRANSFER, transfer::DEPOSIT, transfer::WITHDRAWAL].map(B256::new);
    vec![FrameFilter::default().into(), LogFilter::default().topic(0, signatures).into()]
}

/// Reads transactions from batches.
pub struct Reader {
    prices: Prices,
    own: HashSet<Key<20>>,
    skips_plain: bool,
}

impl Reader {
    /// A reader that counts money by these prices.
    pub fn new(prices: Prices) -> Self {
        Self { prices, own: HashSet::new(), skips_plain: false }
    }

    /// Leaves out transactions of one call that only pay, or that only ask a token for what tokens are asked for and move less of it
    /// than 2^160: half of all, of which no more than a log can be said.
    pub fn skipping_plain(mut self) -> Self {
        self.skips_plain = true;
        self
    }

    /// Takes contracts for the actors' own that were made in an earlier transaction, such as those that the sender deployed a few days
    /// ago.
    pub fn own(&mut self, contracts: impl IntoIterator<Item = Address>) {
        self.own = contracts.into_iter().map(|address| Key(address.into_array())).collect();
    }

    /// The transactions of a batch that were not reverted, in order.
    pub fn transactions<'b>(&'b self, batch: &'b Batch<'b>) -> impl Iterator<Item = Transaction<'b>> {
        let frames = batch.frames().len();
        let logs: Vec<Log<'b>> = batch.logs().collect();
        let rows: Vec<_> = batch.frames().collect();
        let (mut at, mut log) = (0, 0);
        // A call of the host, so once for the batch.
        let prices = self.prices.of(batch.chain_id());
        std::iter::from_fn(move || {
            while at < frames {
                let (first, index) = (at, rows[at].transaction_index());
                at = (at..frames).find(|&row| rows[row].transaction_index() != index).unwrap_or(frames);
                log = (log..logs.len()).find(|&row| logs[row].transaction_index() >= index).unwrap_or(logs.len());
                if !rows[first].success() {
                    continue;
                }
                let end = (log..logs.len()).find(|&row| logs[row].transaction_index() > index).unwrap_or(logs.len());
                if self.skips_plain && at == first + 1 && is_plain(&rows[first], &logs[log..end]) {
                    continue;
                }
                let own = logs[log..end].to_vec();
                return Some(Transaction::read(batch, index, &rows[first..at], own, prices, &self.own));
            }
            None
        })
    }
}

/// A transaction that stands, with what follows from its calls and logs.
pub struct Transaction<'b> {
    /// Position in its block.
    pub index: u32,
    /// Depth-first.
    pub calls: Vec<Call<'b>>,
    /// Accounts and contracts.
    pub parties: Parties,
    /// In order.
    pub transfers: Vec<Transfer>,
    /// The logs that the detector subscribed to.
    pub logs: Vec<Log<'b>>,
    /// Net change of the actors and of whom they paid, in two's complement.
    pub net: gain::Balances,
    pub(super) batch: &'b Batch<'b>,
    pub(super) prices: &'b ChainPrices,
    /// Whether transfers are known by logs, and not by calls alone.
    pub(super) has_logs: bool,
    pub(super) reckoned: Reckoned,
}

/// What is reckoned when it is first asked for.
#[derive(Default)]
pub(super) struct Reckoned {
    pub(super) loans: OnceCell<Vec<Loan>>,
    pub(super) moved: OnceCell<f64>,
    pub(super) loss: OnceCell<f64>,
    pub(super) pure: OnceCell<f64>,
    pub(super) calls_out: OnceCell<Vec<u32>>,
    pub(super) material: OnceCell<Vec<u32>>,
}

impl<'b> Transaction<'b> {
    fn read(
        batch: &'b Batch<'b>,
        index: u32,
        frames: &[crate::batch::Frame<'b>],
        logs: Vec<Log<'b>>,
        prices: &'b ChainPrices,
        own: &HashSet<Key<20>>,
    ) -> Self {
        let mut parties = Parties::default();
        parties.clear();
        let calls = tree(frames, &mut parties);
        mark_actors(&calls, &mut parties, own);
        let wrapped = prices.wrapped.map(|address| parties.of(address));
        let has_logs = logs
            .iter()
            .any(|log| [transfer::TRANSFER, transfer::DEPOSIT, transfer::WITHDRAWAL].contains(&log.topic_or_zero(0).0));
        let transfers = match has_logs {
            true => transfer::by_logs(&calls, logs.iter().copied(), &mut parties, wrapped),
            false => transfer::by_calls(&calls, &mut parties, wrapped, true),
        };
        let (net, reckoned) = Default::default();
        Self { index, calls, parties, transfers, logs, net, batch, prices, has_logs, reckoned }.settled()
    }

    /// The transaction with all that follows from who the actors are.
    pub(super) fn settled(mut self) -> Self {
        mark_code_and_paid(&self.calls, &self.transfers, &mut self.parties);
        self.net = gain::Balances::of_actors(&self.transfers, &self.parties);
        self.reckoned = Reckoned::default();
        self
    }

    /// Its hash: a call of the host, so ask for it only where there is something to tell.
    pub fn hash(&self) -> B256 {
        self.batch.transaction_hash(self.index)
    }

    /// Whether transfers are known by logs, and not by calls alone.
    pub fn by_logs(&self) -> bool {
        self.has_logs
    }

    /// EIP-155 id of the chain.
    pub fn chain_id(&self) -> u64 {
        self.batch.chain_id()
    }

    /// The transaction's own call.
    pub fn root(&self) -> &Call<'b> {
        &self.calls[0]
    }

    /// Who signed it.
    pub fn sender(&self) -> Party {
        self.root().sender
    }

    /// Whether its recipient acts for the sender: a contract of the sender's own, as far as can be seen.
    pub fn has_own_contract(&self) -> bool {
        self.root().target != self.sender() && self.parties.is_actor(self.root().target)
    }

    /// The calls around a call, from the inside out.
    pub fn around(&self, at: u32) -> impl Iterator<Item = &Call<'b>> {
        let mut next = self.calls.get(at as usize).map_or(u32::MAX, |call| call.parent);
        std::iter::from_fn(move || {
            let call = self.calls.get(next as usize)?;
            next = call.parent;
            Some(call)
        })
    }

    /// As [`Transaction::around`], with the position of each.
    pub fn around_at(&self, at: u32) -> impl Iterator<Item = (u32, &Call<'b>)> {
        let mut next = self.calls.get(at as usize).map_or(u32::MAX, |call| call.parent);
        std::iter::from_fn(move || {
            let call = self.calls.get(next as usize)?;
            let here = next;
            next = call.parent;
            Some((here, call))
        })
    }

    /// The calls within a call.
    pub fn within(&self, at: u32) -> &[Call<'b>] {
        let end = self.calls.get(at as usize).map_or(0, |call| call.end as usize);
        self.calls.get(at as usize + 1..end).unwrap_or_default()
    }

    /// The position of the call by which a call's contract was entered: itself, or what delegated to it.
    pub fn entry_at(&self, mut at: u32) -> u32 {
        while let Some(call) = self.calls.get(at as usize)
            && call.delegates()
            && call.parent != u32::MAX
        {
            at = call.parent;
        }
        at
    }

    /// The asset of a token or of [`NATIVE`]; `None` where its amounts mean nothing.
    pub fn asset(&self, token: Party) -> Option<&'b Asset> {
        match token {
            NATIVE => Some(&self.prices.native),
            token => self.prices.token(&self.parties.address(token).into_array()),
        }
    }

    /// An amount in floors; `None` for a token that has no price.
    pub fn floors(&self, token: Party, amount: U256) -> Option<f64> {
        self.asset(token).map(|asset| transfer::to_f64(amount) / asset.floor)
    }

    /// Whether it is the token that wraps the chain's coin.
    pub fn is_wrapped(&self, party: Party) -> bool {
        self.prices.wrapped == Some(self.parties.address(party).into_array())
    }
}

/// Whether the only call of a transaction pays, or asks a token for what tokens are asked for, and moves no absurd amount.
fn is_plain(frame: &crate::batch::Frame<'_>, logs: &[Log<'_>]) -> bool {
    let input = frame.input();
    let selector = input.first_chunk().map_or(0, |selector| u32::from_be_bytes(*selector));
    let asks_token = frame.kind() == FrameKind::Call && selectors::classes_of(selector) & selectors::TOKEN != 0;
    let is_small = |log: &Log<'_>| log.data().first_chunk::<12>().is_none_or(|head| head == &[0; 12]);
    (input.len() < 68 || asks_token) && logs.iter().all(is_small)
}

/// Calls from frames: parents and ends from depths.
fn tree<'b>(frames: &[crate::batch::Frame<'b>], parties: &mut Parties) -> Vec<Call<'b>> {
    let mut calls: Vec<Call<'b>> = Vec::with_capacity(frames.len());
    let mut open: Vec<u32> = Vec::new();
    for (at, frame) in (0u32..).zip(frames) {
        let depth = frame.depth();
        while open.last().is_some_and(|&last| calls[last as usize].depth >= depth) {
            if let Some(last) = open.pop() {
                calls[last as usize].end = at;
            }
        }
        let parent = open.last().copied();
        open.push(at);
        let (kind, sender, target) = (frame.kind(), frame.sender().into_array(), frame.target().into_array());
        // Nearly always the contract around it: that saves every second look-up.
        let around = parent.map(|parent| calls[parent as usize].context).filter(|it| parties.is_at(*it, &sender));
        let sender = around.unwrap_or_else(|| parties.of(sender));
        let target = parties.of(target);
        let within_static = parent.is_some_and(|parent| calls[parent as usize].is_static);
        let delegates = matches!(kind, FrameKind::DelegateCall | FrameKind::CallCode);
        let moves = kind.moves_value();
        let mut call = Call {
            parent: parent.unwrap_or(u32::MAX),
            depth,
            end: frames.len() as u32,
            kind,
            sender,
            target,
            context: if delegates { sender } else { target },
            value: if moves { frame.value() } else { U256::ZERO },
            selector: 0,
            classes: 0,
            input: frame.input(),
            output: frame.output(),
            success: frame.success(),
            is_static: within_static || kind == FrameKind::StaticCall,
        };
        call.classify();
        calls.push(call);
    }
    calls
}

/// Marks tokens, actors, and what came into being.
fn mark_actors(calls: &[Call<'_>], parties: &mut Parties, own: &HashSet<Key<20>>) {
    let asked_of_tokens = [selectors::TRANSFER, selectors::TRANSFER_FROM, selectors::BALANCE_OF];
    for call in &calls[1..] {
        if asked_of_tokens.contains(&call.selector) && matches!(call.kind, FrameKind::Call | FrameKind::StaticCall) {
            parties.set(call.target, party::TOKEN);
        }
    }
    let root = &calls[0];
    parties.set(root.sender, party::ACTOR);
    let is_service = root.is(selectors::TOKEN | selectors::ROUTER) || parties.is_precompile(root.target);
    if root.target != ZERO && root.target != root.sender && !is_service {
        let acts = |call: &Call<'_>| {
            call.sender == root.target && call.kind == FrameKind::Call && !call.is_static && call.target != root.target
        };
        if calls[1..].iter().any(acts) {
            parties.set(root.target, party::ACTOR);
        }
    }
    if !own.is_empty() {
        for party in parties.all().skip(1) {
            if own.contains(&Key(parties.address(party).into_array())) {
                parties.set(party, party::ACTOR);
            }
        }
    }
    for call in calls {
        if call.creates() && call.target != ZERO {
            parties.set(call.target, party::MADE);
            if parties.is_actor(call.sender) {
                parties.set(call.target, party::ACTOR);
            }
        }
    }
    for party in parties.all() {
        if parties.is_actor(party) {
            parties.unset(party, party::TOKEN);
        }
    }
}

/// Marks who runs code, and who is paid by an actor and runs none.
fn mark_code_and_paid(calls: &[Call<'_>], transfers: &[Transfer], parties: &mut Parties) {
    for call in calls {
        if call.kind != FrameKind::SelfDestruct && !call.input.is_empty() {
            parties.set(call.target, party::CODE);
        }
        if call.depth > 0 {
            parties.set(call.sender, party::CODE);
        }
    }
    for moved in transfers {
        let (from, to) = (moved.from, moved.to);
        if parties.is_actor(from) && !parties.runs_code(to) && to != ZERO && !parties.is_actor(to) {
            parties.set(to, party::PAID);
        }
    }
}
