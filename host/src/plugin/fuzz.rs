//! What guests say, made of any bytes: each value in the shape that the interface lets through.

use crate::plugin::boundary::bindings::watchfire::detector::types;
use crate::plugin::boundary::manifest::Manifest;
use crate::plugin::boundary::{claim, subscribe};
use crate::plugin::limits::Limits;

/// Bytes, taken from the front; zeros and nothing once they are used up.
struct Said<'a>(&'a [u8]);

impl Said<'_> {
    fn number(&mut self) -> u64 {
        let (&first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        // Small numbers mostly, and the largest ones.
        if first == 0xff { u64::MAX } else { first.into() }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = (self.number() as usize).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes.to_vec()
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let length = self.number();
        (0..length).map_while(|_| (!self.0.is_empty()).then(|| item(self))).collect()
    }

    fn severity(&mut self) -> types::Severity {
        use types::Severity::{Critical, High, Info, Low, Medium};
        [Info, Low, Medium, High, Critical][self.number() as usize % 5]
    }

    fn transactions(&mut self) -> types::TransactionFilter {
        types::TransactionFilter {
            recipients: self.list(Self::bytes),
            selectors: self.list(Self::bytes),
            senders: self.list(Self::bytes),
        }
    }

    fn subscription(&mut self) -> types::Subscription {
        use types::Subscription as S;
        match self.number() % 10 {
            0 => S::Logs(types::LogFilter {
                addresses: self.list(Self::bytes),
                topics: self.list(|said| said.list(Self::bytes)),
            }),
            1 => S::Transactions(self.transactions()),
            2 => S::Frames(types::FrameFilter {
                targets: self.list(Self::bytes),
                selectors: self.list(Self::bytes),
                kinds: self.list(Self::text),
                with_value: self.number() == 1,
            }),
            3 => S::Storage(types::StorageFilter { addresses: self.list(Self::bytes), slots: self.list(Self::bytes) }),
            4 => S::Creations,
            5 => S::Feed(self.text()),
            6 => S::Findings(types::FindingFilter { detectors: self.list(Self::text), kinds: self.list(Self::text) }),
            7 => S::EveryBlocks(self.number()),
            8 => S::EverySeconds(self.number()),
            _ => S::Pending(self.transactions()),
        }
    }

    fn manifest(&mut self) -> types::Manifest {
        types::Manifest {
            name: self.text(),
            version: self.text(),
            summary: self.text(),
            finding_kinds: self.list(|said| types::FindingKind {
                id: said.text(),
                default_severity: said.severity(),
                description: said.text(),
                runbook_url: said.text(),
            }),
            capabilities: self.list(Self::text),
            config_schema: self.text(),
        }
    }

    fn finding(&mut self) -> types::Finding {
        types::Finding {
            kind: self.text(),
            severity: self.severity(),
            confidence_percent: self.number() as u8,
            title: self.text(),
            description: self.text(),
            subject: types::Subject { kind: self.text(), id: self.text() },
            transactions: self.list(Self::bytes),
            logs: self
                .list(|said| types::LogReference { block_number: said.number(), log_index: said.number() as u32 }),
            amounts: self.list(|said| types::Amount { asset: said.text(), value: said.text() }),
            attributes: self.list(|said| (said.text(), said.text())),
            condition_key: self.text(),
        }
    }
}

/// A manifest, subscriptions and findings. What is let through is bounded, printable and can be matched.
pub(crate) fn said(data: &[u8]) {
    let mut said = Said(data);
    let Ok(manifest) = Manifest::of(said.manifest()) else { return };
    let subscriptions = said.list(Said::subscription);
    if let Ok(subscriptions) = subscribe::subscriptions(subscriptions, &manifest.capabilities, &["*".to_owned()]) {
        let matcher = crate::narrow::Matcher::new(&subscriptions);
        std::hint::black_box((matcher.is_combiner(), matcher.wants_feed("x"), matcher.wants_finding("x", "y")));
        let routed = crate::narrow::Router::new([(0, &matcher)]);
        std::hint::black_box(routed.select_pending(&crate::block::Transactions::default()));
    }
    let findings = said.list(Said::finding);
    let limits = Limits::default();
    for claim in claim::claims(findings, &manifest, &limits).unwrap_or_default() {
        let text = serde_json::to_string(&claim).expect("a claim is plain data");
        assert!(text.len() <= 8 * limits.finding_bytes, "a claim is bounded: {} bytes", text.len());
        assert!(!claim.title.chars().any(char::is_control) && claim.confidence_percent <= 100);
    }
}
