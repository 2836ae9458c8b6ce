//! Subscriptions as they come out of a guest: parsed into types that can't be wrong, and held against what was
//! granted.

use alloy::primitives::{Address, B256};

use crate::block::frame_kind;
use crate::plugin::boundary::bindings::watchfire::detector::types;
use crate::plugin::failure::LoadError;
use crate::plugin::text::line;
use crate::subscription::{FindingFilter, FrameFilter, LogFilter, StorageFilter, Subscription, TransactionFilter};

const SUBSCRIPTIONS_AT_MOST: usize = 256;
const ITEMS_AT_MOST: usize = 10_000;

/// All subscriptions of a detector that was granted `grants` and may see `feeds`; `*` stands for every feed.
pub(in crate::plugin) fn subscriptions(
    said: Vec<types::Subscription>,
    grants: &[String],
    feeds: &[String],
) -> Result<Vec<Subscription>, LoadError> {
    if said.len() > SUBSCRIPTIONS_AT_MOST {
        let message = format!("there are {}, {SUBSCRIPTIONS_AT_MOST} are allowed", said.len());
        return Err(LoadError::Subscription { position: SUBSCRIPTIONS_AT_MOST, message });
    }
    said.into_iter()
        .enumerate()
        .map(|(position, said)| {
            let parsed = subscription(said, grants).map_err(|message| LoadError::Subscription { position, message })?;
            match parsed {
                Subscription::Feed(name) if !feeds.iter().any(|feed| *feed == name || feed == "*") => {
                    Err(LoadError::Feed { name })
                }
                parsed => Ok(parsed),
            }
        })
        .collect()
}

fn subscription(said: types::Subscription, grants: &[String]) -> Result<Subscription, String> {
    let expect_granted = |capability: &str| match grants.iter().any(|grant| grant == capability) {
        true => Ok(()),
        false => Err(format!("it needs `{capability}`, which it does not ask for or is not granted")),
    };
    Ok(match said {
        types::Subscription::Logs(filter) => {
            if filter.topics.len() > 4 {
                return Err(format!("{} topics; a log has four at most", filter.topics.len()));
            }
            let topics = filter.topics.iter().map(|topics| hashes("a topic", topics)).collect::<Result<_, _>>()?;
            Subscription::Logs(LogFilter { addresses: addresses(&filter.addresses)?, topics })
        }
        types::Subscription::Transactions(filter) => Subscription::Transactions(transactions(&filter)?),
        types::Subscription::Pending(filter) => {
            expect_granted("mempool")?;
            Subscription::Pending(transactions(&filter)?)
        }
        types::Subscription::Frames(filter) => {
            expect_granted("traces")?;
            let kind = |name: &String| {
                let known = frame_kind::NAMES.join(", ");
                frame_kind::code(name).ok_or_else(|| format!("no frame kind `{}`; there are {known}", line(name, 64)))
            };
            Subscription::Frames(FrameFilter {
                targets: addresses(&filter.targets)?,
                selectors: selectors(&filter.selectors)?,
                kinds: filter.kinds.iter().map(kind).collect::<Result<_, _>>()?,
                with_value: filter.with_value,
            })
        }
        types::Subscription::Storage(filter) => {
            expect_granted("storage")?;
            Subscription::Storage(StorageFilter {
                addresses: addresses(&filter.addresses)?,
                slots: hashes("a slot", &filter.slots)?,
            })
        }
        types::Subscription::Creations => Subscription::Creations,
        types::Subscription::Feed(name) => {
            expect_granted("feeds")?;
            let shown = line(&name, 64);
            if shown != name {
                return Err(format!("no feed can be called `{shown}`"));
            }
            Subscription::Feed(name)
        }
        types::Subscription::Findings(filter) => {
            expect_granted("findings")?;
            let (detectors, kinds) = (names(&filter.detectors)?, names(&filter.kinds)?);
            Subscription::Findings(FindingFilter { detectors, kinds })
        }
        types::Subscription::EveryBlocks(0) | types::Subscription::EverySeconds(0) => {
            return Err("a tick every 0 never comes".to_owned());
        }
        types::Subscription::EveryBlocks(span) => Subscription::EveryBlocks(span),
        types::Subscription::EverySeconds(span) => Subscription::EverySeconds(span),
    })
}

fn transactions(filter: &types::TransactionFilter) -> Result<TransactionFilter, String> {
    Ok(TransactionFilter {
        recipients: addresses(&filter.recipients)?,
        selectors: selectors(&filter.selectors)?,
        senders: addresses(&filter.senders)?,
    })
}

fn items<T>(what: &str, said: &[Vec<u8>], parse: impl Fn(&[u8]) -> Option<T>) -> Result<Vec<T>, String> {
    if said.len() > ITEMS_AT_MOST {
        return Err(format!("a list of {}, {ITEMS_AT_MOST} are allowed", said.len()));
    }
    said.iter().map(|bytes| parse(bytes).ok_or_else(|| format!("{what} of {} bytes", bytes.len()))).collect()
}

/// Names as they may stand in a config; no other ever matches.
fn names(said: &[String]) -> Result<Vec<String>, String> {
    if said.len() > ITEMS_AT_MOST {
        return Err(format!("a list of {}, {ITEMS_AT_MOST} are allowed", said.len()));
    }
    let named = |name: &String| match line(name, 64) == *name {
        true => Ok(name.clone()),
        false => Err(format!("nothing can be called `{}`", line(name, 64))),
    };
    said.iter().map(named).collect()
}

fn addresses(said: &[Vec<u8>]) -> Result<Vec<Address>, String> {
    items("an address", said, |bytes| Address::try_from(bytes).ok())
}

fn hashes(what: &str, said: &[Vec<u8>]) -> Result<Vec<B256>, String> {
    items(what, said, |bytes| B256::try_from(bytes).ok())
}

fn selectors(said: &[Vec<u8>]) -> Result<Vec<[u8; 4]>, String> {
    items("a selector", said, |bytes| bytes.try_into().ok())
}
