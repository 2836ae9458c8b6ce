//! Prices that a vault says within one transaction.

use std::collections::BTreeMap;

use watchfire_sdk::prelude::*;

use crate::config::{Rules, Watched};

sol! {
    function convertToAssets(uint256 shares) returns (uint256 assets);
    function convertToShares(uint256 assets) returns (uint256 shares);
    function previewRedeem(uint256 shares) returns (uint256 assets);
    function exchangeRateStored() returns (uint256 rate);
    function getPricePerFullShare() returns (uint256 price);
    function pricePerShare() returns (uint256 price);
}

/// What others ask vaults for prices.
const QUESTIONS: [[u8; 4]; 6] = [
    convertToAssetsCall::SELECTOR,
    convertToSharesCall::SELECTOR,
    previewRedeemCall::SELECTOR,
    exchangeRateStoredCall::SELECTOR,
    getPricePerFullShareCall::SELECTOR,
    pricePerShareCall::SELECTOR,
];
/// A question about fewer units than this is answered too coarsely to compare.
const COARSE: u64 = 1_000_000;

/// The subscription to all questions about prices.
pub(crate) fn questions(rules: &Rules) -> Subscription {
    let mut filter = FrameFilter::default().targets(rules.vaults.iter().map(|watched| watched.vault.address));
    filter.selectors = QUESTIONS.to_vec();
    filter.selectors.extend(rules.vaults.iter().filter_map(|watched| watched.question.first_chunk().copied()));
    filter.selectors.sort_unstable();
    filter.selectors.dedup();
    filter.into()
}

/// Transactions in which the same question was answered differently by more than a price may rise.
pub(crate) fn find(watched: &Watched, batch: &Batch<'_>) -> Vec<Finding> {
    // By transaction and question: the least and the most that was answered, in the order of the block.
    let mut answers: BTreeMap<(u32, &[u8]), (U256, U256)> = BTreeMap::new();
    for frame in batch.frames().filter(|frame| frame.target() == watched.vault.address && frame.success()) {
        let Some(answer) = frame.output().first_chunk::<32>() else { continue };
        let answer = U256::from_be_bytes(*answer);
        let range = answers.entry((frame.transaction_index(), frame.input())).or_insert((answer, answer));
        *range = (range.0.min(answer), range.1.max(answer));
    }
    let (vault, mut findings) = (&watched.vault, Vec::<Finding>::new());
    for ((index, _), (least, most)) in answers {
        let (low, high) = (Decimal::from_units(least, 0), Decimal::from_units(most, 0));
        // Two units: what rounding makes of two answers.
        if most < U256::from(COARSE) || most - least <= U256::from(2) || !high.is_further_than(&low, vault.max_rise_bps)
        {
            continue;
        }
        let hash = batch.transaction_hash(index);
        if findings.iter().any(|finding| finding.condition_key == hash.to_string()) {
            continue;
        }
        let distance = high.distance_bps(&low).map_or_else(|| "from nothing".to_owned(), |bps| format!("by {bps} bps"));
        let is_far = vault.max_rise_bps.checked_mul(10).is_none_or(|bps| high.is_further_than(&low, bps));
        let severity = if is_far { Severity::Critical } else { Severity::High };
        findings.push(
            Finding::new("share-price-bent", severity, Subject::address(vault.address))
                .title(format!("{}: its price differs {distance} within one transaction", vault.label))
                .description(format!(
                    "The same question was answered by {least} and by {most} in one transaction; {} basis points are allowed. Whoever \
                     lends or trades by this price is cheated while it is bent.",
                    vault.max_rise_bps
                ))
                .condition_key(hash)
                .transaction(hash)
                .attribute("label", &vault.label)
                .attribute("least", least)
                .attribute("most", most),
        );
    }
    findings
}
