//! How far the chain is settled.

use super::{Closed, Follower, Settled};
use crate::event::Event;
use crate::finding::Severity;
use crate::source::evm::config::Finality;
use crate::source::evm::fault::Meaning;
use crate::source::evm::heads;

impl Follower {
    /// Hands over which blocks became settled.
    pub(super) async fn settle(&mut self) -> Result<(), Closed> {
        let Some(tip) = self.canon.tip() else { return Ok(()) };
        let (safe, finalized) = match self.config.finality {
            Finality::Confirmations(count) => {
                let settled = self.no_higher_than_agreed(tip.number.saturating_sub(count));
                (settled, settled)
            }
            Finality::Tags => {
                // A reorg that is not believed can't undo what lies below it.
                let deepest = self.config.max_reorg_depth.map_or(0, |most| tip.number.saturating_sub(most));
                let (safe, finalized) = match self.wants_agreement() {
                    true => self.agreed_tags(),
                    false => (self.tag("safe").await, self.tag("finalized").await),
                };
                let settled = |tag: Option<u64>| self.no_higher_than_agreed(tag.unwrap_or(0).max(deepest));
                (settled(safe), settled(finalized))
            }
        };
        let now = Settled { safe: safe.max(self.settled.safe), finalized: finalized.max(self.settled.finalized) };
        self.watch_finality(tip.number, now.finalized).await?;
        let known = |number: u64| number > 0 && number >= self.canon.lowest();
        if now == self.settled || !known(now.safe) && !known(now.finalized) {
            return Ok(());
        }
        self.settled = now;
        self.send(Event::Finality { chain: self.config.id, safe: now.safe, finalized: now.finalized }).await
    }

    /// Nothing is final that one operator alone has said, where more must agree.
    fn no_higher_than_agreed(&self, number: u64) -> u64 {
        match self.wants_agreement() {
            true => number.min(self.agreed.unwrap_or(0)),
            false => number,
        }
    }

    /// Reports that finality has been missing for long, and that it is back.
    async fn watch_finality(&self, tip: u64, finalized: u64) -> Result<(), Closed> {
        const KIND: &str = "finality-missing";
        let unsettled = tip.saturating_sub(finalized.max(self.canon.lowest()));
        if unsettled > self.config.unfinal_after_blocks {
            let message = format!(
                "none of the newest {unsettled} blocks is known to be final, so all that undoes them is kept, and the \
                 journal drops nothing of before; if the node does not say what is final, set `finality = {{ \
                 confirmations = … }}` or `max_reorg_depth`"
            );
            self.open(KIND, Severity::Medium, message).await
        } else {
            self.end(KIND, Severity::Medium, format!("blocks up to {finalized} are final")).await
        }
    }

    /// The height of a tag, if the block there is one of ours.
    async fn tag(&self, tag: &'static str) -> Option<u64> {
        for endpoint in self.pool.order() {
            if endpoint.lacks(tag).is_some() {
                continue;
            }
            match heads::name(endpoint, tag).await {
                Ok(name) => {
                    let name = name?;
                    let number = name.number.to::<u64>();
                    return (self.canon.hash_at(number) == Some(name.hash)).then_some(number);
                }
                Err(fault) => {
                    // -32602: a node that knows no such tag takes it for a malformed height.
                    let is_unknown =
                        matches!(fault.meaning(), Meaning::MethodUnknown | Meaning::Other | Meaning::BlockUnknown);
                    if fault.is_answer() && is_unknown {
                        endpoint.note_unknown(tag, fault.to_string());
                    }
                }
            }
        }
        None
    }
}
