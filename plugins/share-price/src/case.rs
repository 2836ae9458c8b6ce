//! One look at a vault. Thresholds are decided in whole numbers.

use watchfire_sdk::batch::Log;
use watchfire_sdk::chain::ChainError;
use watchfire_sdk::prelude::*;

use crate::config::Watched;
use crate::gift::Gift;
use crate::memory::{Look, Memory};
use crate::totalSupplyCall;

/// Most transactions that one finding names.
const EVIDENCE_AT_MOST: usize = 20;
/// A fall of this many basis points is critical.
const CRITICAL_FALL_BPS: u32 = 100;

/// A vault at one batch.
pub(crate) struct Case<'a, 'b> {
    pub(crate) watched: &'a Watched,
    pub(crate) memory: &'a mut Memory,
    pub(crate) block: u64,
    pub(crate) every_blocks: u64,
    /// Logs of the vault's.
    pub(crate) own: &'a [Log<'b>],
    pub(crate) gifts: &'a [Gift<'b>],
    pub(crate) findings: Vec<Finding>,
}

impl Case<'_, '_> {
    /// Reads supply and price, and tells what is wrong with them.
    pub(crate) fn look(&mut self) {
        let supply = match chain::call(self.watched.vault.address, &totalSupplyCall {}) {
            Ok(supply) => Some(supply),
            // What is asked for a rate need not be a token, but dust can't be told then.
            Err(error) => {
                if self.watched.dust.is_some() {
                    log::warn(&format!("{}: no supply: {error}", self.watched.vault.label));
                }
                None
            }
        };
        if let Some(supply) = supply {
            self.dust(supply);
        }
        // Without shares a vault answers by a rate of its own making, from which no real one can be judged.
        if supply.is_some_and(|supply| supply.is_zero()) {
            self.memory.look = None;
            return;
        }
        match chain::call_raw(self.watched.vault.address, &self.watched.question).and_then(|answer| first_word(&answer))
        {
            Ok(price) => {
                self.memory.begins("share-price-unreadable", false);
                let before = self.memory.look.replace(Look { price, block: self.block });
                if let Some(before) = before {
                    self.compare(before, price, supply);
                }
            }
            Err(error @ (ChainError::Reverted(_) | ChainError::Malformed(_))) => self.unreadable(&error),
            // The last price known stays, and the next look is compared with it.
            Err(error) => log::warn(&format!("{}: no price: {error}", self.watched.vault.label)),
        }
    }

    fn compare(&mut self, before: Look, price: U256, supply: Option<U256>) {
        let (now, then) = (Decimal::from_units(price, 0), Decimal::from_units(before.price, 0));
        let vault = &self.watched.vault;
        if price > before.price {
            // A price may rise so much in each span: whoever was away for ten has ten.
            let spans = self.block.saturating_sub(before.block).div_ceil(self.every_blocks.max(1)).max(1);
            let allowed = u32::try_from(u64::from(vault.max_rise_bps).saturating_mul(spans)).unwrap_or(u32::MAX);
            if !now.is_further_than(&then, allowed) {
                return;
            }
            let is_far = allowed.checked_mul(10).is_none_or(|bps| now.is_further_than(&then, bps));
            let severity = if is_far { Severity::Critical } else { Severity::High };
            let (kind, why) = match self.gifts {
                [] => (
                    "share-price-rose",
                    "Interest and fees do not do that; a gift, a bent balance or a broken sum of assets does.",
                ),
                _ => (
                    "gift-moves-price",
                    "Somebody sent the vault its asset past its functions: whoever borrows against shares, or \
                       deposits next, pays by the new price.",
                ),
            };
            self.moved(kind, severity, "more", before, price, allowed, why);
        } else {
            let fell = before.price - price;
            // One unit: what rounding makes of two answers.
            if fell <= U256::from(1) || !now.is_further_than(&then, vault.max_fall_bps) {
                return;
            }
            let is_far = now.is_further_than(&then, CRITICAL_FALL_BPS.max(vault.max_fall_bps));
            let severity = if is_far { Severity::Critical } else { Severity::High };
            let left =
                supply.map_or_else(String::new, |supply| format!(" {} shares share the loss.", self.decimal(supply)));
            let why = format!(
                "Assets left without their shares, were written off, or shares were made for less than they are worth.{left}"
            );
            self.moved("share-price-fell", severity, "less", before, price, vault.max_fall_bps, &why);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn moved(
        &mut self,
        kind: &str,
        severity: Severity,
        than: &str,
        before: Look,
        price: U256,
        allowed: u32,
        why: &str,
    ) {
        let vault = &self.watched.vault;
        let (now, then) = (Decimal::from_units(price, 0), Decimal::from_units(before.price, 0));
        let distance = now.distance_bps(&then).map_or_else(|| "infinitely".to_owned(), |bps| format!("{bps} bps"));
        let mut finding = Finding::new(kind, severity, Subject::address(vault.address))
            .title(format!("{}: a share is worth {distance} {than} than before", vault.label))
            .description(format!(
                "`{}` says {price} after block {} and said {} after block {}; {allowed} basis points are allowed. {why}",
                vault.price, self.block, before.price, before.block
            ))
            .condition_key(self.block)
            .attribute("label", &vault.label)
            .attribute("price", price)
            .attribute("price-before", before.price)
            .attribute("since-block", before.block);
        for gift in self.gifts.iter().take(EVIDENCE_AT_MOST) {
            let asset = vault.asset.map(|asset| asset.to_string()).unwrap_or_default();
            finding = finding.amount(asset, gift.amount).attribute("giver", gift.from).evidence(&gift.log);
        }
        for log in self.own.iter().take(EVIDENCE_AT_MOST) {
            finding = finding.transaction(log.transaction_hash());
        }
        self.findings.push(finding);
    }

    fn dust(&mut self, supply: U256) {
        let Some(dust) = self.watched.dust else { return };
        let holds = !supply.is_zero() && supply < dust;
        if !self.memory.begins("supply-dust", holds) {
            return;
        }
        let vault = &self.watched.vault;
        let (left, least) = (self.decimal(supply), self.decimal(dust));
        let finding = Finding::new("supply-dust", Severity::Medium, Subject::address(vault.address))
            .title(format!("{}: {left} shares are left, fewer than {least}", vault.label))
            .description(
                "With so few shares, a gift to the vault multiplies their price, and deposits are rounded away."
                    .to_owned(),
            )
            .attribute("label", &vault.label)
            .attribute("supply", supply);
        let evidence = self.own.iter().take(EVIDENCE_AT_MOST).map(Log::transaction_hash);
        self.findings.push(evidence.fold(finding, Finding::transaction));
    }

    fn unreadable(&mut self, error: &ChainError) {
        if !self.memory.begins("share-price-unreadable", true) {
            return;
        }
        let vault = &self.watched.vault;
        self.findings.push(
            Finding::new("share-price-unreadable", Severity::High, Subject::address(vault.address))
                .title(format!("{}: it does not say what a share is worth", vault.label))
                .description(format!(
                    "`{}` gives no number: {error}. Whatever reads this price stands still.",
                    vault.price
                ))
                .attribute("label", &vault.label),
        );
    }

    fn decimal(&self, units: U256) -> Decimal {
        Decimal::from_units(units, self.watched.vault.share_decimals)
    }
}

fn first_word(answer: &[u8]) -> Result<U256, ChainError> {
    let word = answer
        .first_chunk::<32>()
        .ok_or_else(|| ChainError::Malformed(format!("{} bytes where 32 are due", answer.len())))?;
    Ok(U256::from_be_bytes(*word))
}
