//! What the detector finds in a transaction that is made by hand.

// Each test that has this uses a part of it.
#![allow(dead_code)]
#![allow(clippy::unwrap_used)]

use attacks::Attacks;
use serde_json::{Value, json};
use watchfire_sdk::prelude::*;
pub use watchfire_sdk::testing::{Bench, CallTree as Tree, whole_units as weth, word};

pub const THIEF: Address = address!("0x00000000000000000000000000000000000000e1");
pub const OWN: Address = address!("0x00000000000000000000000000000000000000e2");
pub const VAULT: Address = address!("0x00000000000000000000000000000000000000aa");
pub const ALICE: Address = address!("0x00000000000000000000000000000000000000a1");
pub const WETH: Address = address!("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2");

pub trait Check: Sized {
    fn check(self, expected: &[&str]) {
        self.check_by(json!({}), expected);
    }

    fn check_by(self, config: Value, expected: &[&str]);
}

impl Check for Tree {
    fn check_by(self, config: Value, expected: &[&str]) {
        let findings = self.feed(&mut Bench::<Attacks>::start(config).unwrap()).unwrap();
        let kinds: Vec<&str> = findings.iter().map(|finding| finding.kind.as_str()).collect();
        assert_eq!(kinds, expected);
    }
}
