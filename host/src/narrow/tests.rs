//! Narrowing gives exactly the rows that a filter, read word by word, lets through, in the order of the block.

use alloy::primitives::{Address, B256};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::{BlockIndex, Matcher, Router};
use crate::block::{Assurance, Block, Frames, Logs, StorageChanges, Transactions, Verification, frame_kind};
use crate::subscription::{FrameFilter, LogFilter, StorageFilter, Subscription, TransactionFilter};

/// Few enough that filters and rows meet; 0 is what columns hold where there is nothing.
const NAMES: std::ops::Range<u8> = 0..4;

fn address(name: u8) -> [u8; 20] {
    [name; 20]
}

fn word(name: u8) -> [u8; 32] {
    [name; 32]
}

#[derive(Clone, Debug)]
struct Log {
    address: u8,
    topics: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Call {
    from: u8,
    to: u8,
    kind: u8,
    has_value: bool,
    input: Vec<u8>,
}

fn log() -> impl Strategy<Value = Log> {
    (NAMES, vec(NAMES, 0..=4)).prop_map(|(address, topics)| Log { address, topics })
}

fn call() -> impl Strategy<Value = Call> {
    let input = (NAMES, 0..6_usize).prop_map(|(name, length)| vec![name; length]);
    (NAMES, NAMES, 0..frame_kind::NAMES.len() as u8, any::<bool>(), input)
        .prop_map(|(from, to, kind, has_value, input)| Call { from, to, kind, has_value, input })
}

fn is_creation(call: &Call) -> bool {
    call.kind >= frame_kind::CREATE
}

fn block(logs: &[Log], calls: &[Call], slots: &[(u8, u8)]) -> Block {
    let mut columns = Logs::default();
    for log in logs {
        columns.address.push(&address(log.address));
        columns.topic_count.push(log.topics.len() as u8);
        for position in 0..4 {
            columns.topics[position].push(&word(log.topics.get(position).copied().unwrap_or(0)));
        }
        columns.data.push(&[]).unwrap();
        columns.transaction_index.push(0);
    }
    let (mut transactions, mut frames) = (Transactions::default(), Frames::default());
    for call in calls {
        transactions.hash.push(&word(0));
        transactions.sender.push(&address(call.from));
        transactions.recipient.push(&address(if is_creation(call) { 0 } else { call.to }));
        transactions.created.push(&address(0));
        transactions.is_creation.push(is_creation(call).into());
        transactions.input.push(&call.input).unwrap();
        frames.kind.push(call.kind);
        frames.sender.push(&address(call.from));
        frames.target.push(&address(call.to));
        frames.value.push(&word(call.has_value.into()));
        frames.input.push(&call.input).unwrap();
    }
    let mut storage = StorageChanges::default();
    for (of, slot) in slots {
        storage.address.push(&address(*of));
        storage.slot.push(&word(*slot));
    }
    Block {
        chain: 1,
        number: 10,
        hash: B256::ZERO,
        parent_hash: B256::ZERO,
        timestamp_s: 0,
        beneficiary: Address::ZERO,
        gas_used: 0,
        base_fee_wei: None,
        assurance: Assurance { verification: Verification::None, exceptions: Vec::new(), source: String::new() },
        transactions,
        logs: columns,
        frames: Some(frames),
        storage: Some(storage),
        awaited: Default::default(),
    }
}

/// What a filter lists: names, none of which means any.
fn names() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(Vec::new()), vec(NAMES, 1..3), Just(vec![3; 20])]
}

fn addresses(names: &[u8]) -> Vec<Address> {
    names.iter().map(|name| address(*name).into()).collect()
}

fn words(names: &[u8]) -> Vec<B256> {
    names.iter().map(|name| word(*name).into()).collect()
}

fn lets_through(names: &[u8], name: u8) -> bool {
    names.is_empty() || names.contains(&name)
}

fn selector_fits(names: &[u8], call: &Call) -> bool {
    names.is_empty() || (!is_creation(call) && call.input.len() >= 4 && names.contains(&call.input[0]))
}

/// Rows that any of the filters lets through.
fn expected<R, F>(rows: &[R], filters: &[F], fits: impl Fn(&F, &R) -> bool) -> Vec<usize> {
    (0..rows.len()).filter(|&row| filters.iter().any(|filter| fits(filter, &rows[row]))).collect()
}

proptest! {
    #[test]
    fn logs_are_those_of_their_filters(
        logs in vec(log(), 0..12),
        filters in vec((names(), vec(names(), 0..=4)), 0..3),
    ) {
        let subscriptions: Vec<Subscription> = filters.iter().map(|(from, topics)| {
            let topics = topics.iter().map(|names| words(names)).collect();
            Subscription::Logs(LogFilter { addresses: addresses(from), topics })
        }).collect();
        let block = block(&logs, &[], &[]);
        let came = Matcher::new(&subscriptions).select(&BlockIndex::new(&block, None));
        let fits = |(from, topics): &(Vec<u8>, Vec<Vec<u8>>), log: &Log| {
            lets_through(from, log.address)
                && topics.iter().enumerate().all(|(position, names)| {
                    names.is_empty() || log.topics.get(position).is_some_and(|topic| names.contains(topic))
                })
        };
        prop_assert_eq!(came.logs.iter(logs.len()).collect::<Vec<_>>(), expected(&logs, &filters, fits));
    }

    #[test]
    fn transactions_and_frames_are_those_of_their_filters(
        calls in vec(call(), 0..12),
        transactions in vec((names(), names(), names()), 0..3),
        frames in vec((names(), names(), subsequence((0..7).collect::<Vec<u8>>(), 0..3), any::<bool>()), 0..3),
    ) {
        let of_transactions = transactions.iter().map(|(to, selector, from)| {
            Subscription::Transactions(TransactionFilter {
                recipients: addresses(to), selectors: selectors(selector), senders: addresses(from),
            })
        });
        let of_frames = frames.iter().map(|(to, selector, kinds, with_value)| {
            Subscription::Frames(FrameFilter {
                targets: addresses(to), selectors: selectors(selector), kinds: kinds.clone(), with_value: *with_value,
            })
        });
        let block = block(&[], &calls, &[]);
        let matcher = Matcher::new(&of_transactions.chain(of_frames).collect::<Vec<_>>());
        let came = matcher.select(&BlockIndex::new(&block, None));
        let fits = |(to, selector, from): &(Vec<u8>, Vec<u8>, Vec<u8>), call: &Call| {
            (to.is_empty() || (!is_creation(call) && to.contains(&call.to)))
                && selector_fits(selector, call)
                && lets_through(from, call.from)
        };
        let rows = came.transactions.iter(calls.len()).collect::<Vec<_>>();
        prop_assert_eq!(rows, expected(&calls, &transactions, fits));
        let fits = |(to, selector, kinds, with_value): &(Vec<u8>, Vec<u8>, Vec<u8>, bool), call: &Call| {
            lets_through(to, call.to)
                && selector_fits(selector, call)
                && lets_through(kinds, call.kind)
                && (!with_value || call.has_value)
        };
        prop_assert_eq!(came.frames.iter(calls.len()).collect::<Vec<_>>(), expected(&calls, &frames, fits));
    }

    #[test]
    fn storage_changes_are_those_of_their_filters(
        slots in vec((NAMES, NAMES), 0..12),
        filters in vec((names(), names()), 0..3),
    ) {
        let subscriptions: Vec<Subscription> = filters.iter().map(|(of, slots)| {
            Subscription::Storage(StorageFilter { addresses: addresses(of), slots: words(slots) })
        }).collect();
        let block = block(&[], &[], &slots);
        let came = Matcher::new(&subscriptions).select(&BlockIndex::new(&block, None));
        let fits = |(of, wanted): &(Vec<u8>, Vec<u8>), (address, slot): &(u8, u8)| {
            lets_through(of, *address) && lets_through(wanted, *slot)
        };
        prop_assert_eq!(came.storage.iter(slots.len()).collect::<Vec<_>>(), expected(&slots, &filters, fits));
    }
}

#[test]
fn ticks_are_due_by_number_and_by_span_of_time() {
    let subscriptions = [Subscription::EveryBlocks(5), Subscription::EverySeconds(60), Subscription::EveryBlocks(4)];
    let matcher = Matcher::new(&subscriptions);
    let due = |number: u64, previous_s: Option<u64>, timestamp_s: u64| {
        let block = Block { number, timestamp_s, ..block(&[], &[], &[]) };
        matcher.select(&BlockIndex::new(&block, previous_s)).ticks
    };
    assert_eq!(due(10, Some(119), 120), [0, 1]);
    assert_eq!(due(11, Some(120), 179), [0; 0]);
    assert_eq!(due(12, Some(120), 600), [1, 2], "a gap of several spans is due once");
    assert_eq!(due(20, None, 7), [0, 1, 2], "the first block of all");
}

fn selectors(names: &[u8]) -> Vec<[u8; 4]> {
    names.iter().map(|name| [*name; 4]).collect()
}

fn transaction_filter() -> impl Strategy<Value = TransactionFilter> {
    (names(), names(), names()).prop_map(|(to, selector, from)| TransactionFilter {
        recipients: addresses(&to),
        selectors: selectors(&selector),
        senders: addresses(&from),
    })
}

fn subscription() -> impl Strategy<Value = Subscription> {
    prop_oneof![
        (names(), vec(names(), 0..=4)).prop_map(|(from, topics)| {
            let topics = topics.iter().map(|names| words(names)).collect();
            Subscription::Logs(LogFilter { addresses: addresses(&from), topics })
        }),
        transaction_filter().prop_map(Subscription::Transactions),
        transaction_filter().prop_map(Subscription::Pending),
        (names(), names(), subsequence((0..7).collect::<Vec<u8>>(), 0..3), any::<bool>()).prop_map(
            |(to, selector, kinds, with_value)| Subscription::Frames(FrameFilter {
                targets: addresses(&to),
                selectors: selectors(&selector),
                kinds,
                with_value,
            })
        ),
        (names(), names()).prop_map(|(of, slots)| {
            Subscription::Storage(StorageFilter { addresses: addresses(&of), slots: words(&slots) })
        }),
        Just(Subscription::Creations),
        (1..6_u64).prop_map(Subscription::EveryBlocks),
        (1..90_u64).prop_map(Subscription::EverySeconds),
    ]
}

proptest! {
    #[test]
    fn a_router_selects_what_each_matcher_selects_by_itself(
        logs in vec(log(), 0..12),
        calls in vec(call(), 0..12),
        slots in vec((NAMES, NAMES), 0..12),
        is_traced in any::<bool>(),
        times in (proptest::option::of(0..200_u64), 0..200_u64),
        detectors in vec(vec(subscription(), 0..5), 0..8),
    ) {
        let mut block = Block { timestamp_s: times.1, ..block(&logs, &calls, &slots) };
        if !is_traced {
            (block.frames, block.storage) = (None, None);
        }
        let matchers: Vec<Matcher> = detectors.iter().map(|subscriptions| Matcher::new(subscriptions)).collect();
        // Numbers that are neither dense nor from zero, as where some detectors watch another chain.
        let numbered = || matchers.iter().enumerate().map(|(at, matcher)| (3 * at + 1, matcher));
        let router = Router::new(numbered());
        let index = BlockIndex::new(&block, times.0);
        let each = numbered().map(|(at, matcher)| (at, matcher.select(&index)));
        let expected: Vec<_> = each.filter(|(_, selection)| !selection.is_empty()).collect();
        prop_assert_eq!(router.select(&index), expected);

        let pending = &block.transactions;
        let each = numbered().map(|(at, matcher)| (at, matcher.select_pending(pending)));
        let expected: Vec<_> = each.filter(|(_, rows)| !rows.is_none()).collect();
        prop_assert_eq!(router.select_pending(pending), expected);
    }
}
