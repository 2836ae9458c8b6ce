//! Attacks, and for each its benign twin: a transaction that does nearly the same and harms nobody. A detector should find the one and be
//! silent about the other.
//!
//! ```no_run
//! # use watchfire_sdk::prelude::*;
//! # use watchfire_sdk::testing::{Bench, twins};
//! # fn check<D: Detector>(bench: &mut Bench<D>) {
//! for twins in twins::all() {
//!     let found = bench.feed(&twins.attack).unwrap();
//!     println!("{}: {} findings", twins.name, found.len());
//!     assert!(bench.feed(&twins.benign).unwrap().is_empty(), "{}", twins.name);
//! }
//! # }
//! ```
//!
//! These are on chain 1, without logs: what moves is known by calls. [`watched`] has those of detectors that must be told what to watch, each with
//! a config and several blocks. `cargo xtask twins` of Watchfire's repository plays the same kinds on real nodes.

use alloy_primitives::{Address, address};

mod watched;

pub use watched::{WatchedTwins, watched};

use super::Block;
use super::call_tree::{CallTree, calldata, whole_units, word};

/// An attack and its benign twin.
#[derive(Clone, Debug)]
pub struct Twins {
    /// What the attack does.
    pub name: &'static str,
    /// A block with the attack.
    pub attack: Block,
    /// A block with what looks like it.
    pub benign: Block,
}

/// Who sends each attack.
pub const SENDER: Address = address!("0x00000000000000000000000000000000000000e1");
/// The sender's contract.
pub const OWN: Address = address!("0x00000000000000000000000000000000000000e2");
/// Who is attacked.
pub const VICTIM: Address = address!("0x00000000000000000000000000000000000000aa");

const PAIR: Address = address!("0x00000000000000000000000000000000000000bb");
const TOKEN: Address = address!("0x00000000000000000000000000000000000000cc");
const ALICE: Address = address!("0x00000000000000000000000000000000000000a1");
const WETH: Address = address!("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2");
const TRANSFER: &str = "transfer(address,uint256)";
const TRANSFER_FROM: &str = "transferFrom(address,address,uint256)";
const SWAP: &str = "swap(uint256,uint256,address,bytes)";

/// All of them.
pub fn all() -> Vec<Twins> {
    vec![
        reentrancy(),
        pulled_allowance(),
        dictated_call(),
        forged_callback(),
        spoofed_asset(),
        emptied_pair(),
        self_transfer(),
        takeover(),
        overflow(),
    ]
}

fn twins(name: &'static str, attack: CallTree, benign: CallTree) -> Twins {
    Twins { name, attack: attack.block, benign: benign.block }
}

fn begin() -> CallTree {
    CallTree::new().call(0, SENDER, OWN, "run()", &[])
}

fn takes(tree: CallTree, depth: u32) -> CallTree {
    let tree = tree.call(depth, OWN, VICTIM, "take(uint256)", &[whole_units(10)]);
    tree.call(depth + 1, VICTIM, OWN, "", &[]).value(10)
}

fn reentrancy() -> Twins {
    twins("takes again while it is being paid", takes(takes(begin(), 1), 3), takes(takes(begin(), 1), 1))
}

fn pulled_allowance() -> Twins {
    let pull = || {
        let words = [word(ALICE), word(OWN), whole_units(50)];
        begin().call(1, OWN, VICTIM, "run(bytes)", &[]).call(2, VICTIM, WETH, TRANSFER_FROM, &words)
    };
    twins("moves what somebody approved", pull(), pull().call(1, OWN, ALICE, "", &[]).value(50))
}

fn dictated_call() -> Twins {
    let pull = calldata(TRANSFER_FROM, &[word(ALICE), word(SENDER), whole_units(9)]);
    let run =
        |input: Vec<u8>| CallTree::new().call_with(0, SENDER, VICTIM, input).call_with(1, VICTIM, TOKEN, pull.clone());
    let passed_on = calldata("run(bytes)", &[]).into_iter().chain(pull.clone()).collect();
    twins("dictates the call that a router makes", run(passed_on), run(calldata("fill(uint256)", &[whole_units(1)])))
}

fn forged_callback() -> Twins {
    let call = |tree: CallTree| {
        let words = [whole_units(9), whole_units(0)];
        let tree = tree.call(1, OWN, VICTIM, "uniswapV3SwapCallback(int256,int256,bytes)", &words);
        tree.call(2, VICTIM, TOKEN, TRANSFER, &[word(OWN), whole_units(9)])
    };
    let lends = begin().call(1, OWN, WETH, TRANSFER, &[word(VICTIM), whole_units(9)]);
    twins("calls a contract as a pool would", call(begin()), call(lends))
}

fn spoofed_asset() -> Twins {
    let deposit = |asset: Address| {
        let words = [word(OWN), word(VICTIM), whole_units(9)];
        begin()
            .call(1, OWN, VICTIM, "deposit(address,uint256)", &[word(asset), whole_units(9)])
            .call(2, VICTIM, asset, TRANSFER_FROM, &words)
            .call(2, VICTIM, TOKEN, "mint(address,uint256)", &[word(OWN), whole_units(9)])
    };
    twins("deposits a token that is its own contract", deposit(OWN), deposit(WETH))
}

fn emptied_pair() -> Twins {
    let trade = |back: u64| {
        begin()
            .call(1, OWN, WETH, TRANSFER, &[word(PAIR), whole_units(10)])
            .call(1, OWN, PAIR, SWAP, &[whole_units(900), whole_units(0), word(OWN)])
            .call(2, PAIR, TOKEN, TRANSFER, &[word(OWN), whole_units(900)])
            .call(1, OWN, TOKEN, TRANSFER, &[word(PAIR), whole_units(900)])
            .call(1, OWN, PAIR, SWAP, &[whole_units(0), whole_units(back), word(OWN)])
            .call(2, PAIR, WETH, TRANSFER, &[word(OWN), whole_units(back)])
    };
    twins("trades a pair there and back, and gains", trade(12), trade(9))
}

fn self_transfer() -> Twins {
    let sell = |to: Address| {
        begin()
            .call(1, OWN, TOKEN, TRANSFER, &[word(to), whole_units(9)])
            .call(1, OWN, TOKEN, TRANSFER, &[word(PAIR), whole_units(18)])
            .call(1, OWN, PAIR, "sell(uint256)", &[whole_units(18)])
            .call(2, PAIR, OWN, "", &[])
            .value(3)
    };
    twins("sends itself a token that grows by it", sell(OWN), sell(PAIR))
}

fn takeover() -> Twins {
    let pays = |to: Address| {
        begin()
            .call(1, OWN, VICTIM, "setOwner(address)", &[word(OWN)])
            .call(1, OWN, VICTIM, "pay(address)", &[word(to)])
            .call(2, VICTIM, to, "", &[])
            .value(20)
    };
    twins("makes itself the owner, and is paid", pays(OWN), pays(ALICE))
}

fn overflow() -> Twins {
    let batch = |amount| {
        let words = [whole_units(0), amount, alloy_primitives::B256::with_last_byte(2), word(SENDER), word(OWN)];
        CallTree::new().call(0, SENDER, VICTIM, "batchTransfer(address[],uint256)", &words)
    };
    let half = alloy_primitives::B256::from(alloy_primitives::U256::from(1) << 255);
    twins("sends amounts whose sum overflows", batch(half), batch(whole_units(1)))
}
