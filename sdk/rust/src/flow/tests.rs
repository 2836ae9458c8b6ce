use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};

use super::*;
use crate::Batch;
use crate::testing::{Block, FrameRow};

const SENDER: Address = address!("0x00000000000000000000000000000000000000e1");
const OWN: Address = address!("0x00000000000000000000000000000000000000e2");
const POOL: Address = address!("0x00000000000000000000000000000000000000b0");
const TOKEN: Address = address!("0x00000000000000000000000000000000000000d0");
const WETH: Address = address!("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2");

fn ether(whole: u64) -> U256 {
    U256::from(whole) * U256::from(10).pow(U256::from(18))
}

/// A call by its depth, in the first transaction.
fn call(block: &mut Block, depth: u32, sender: Address, target: Address, signature: &str, words: &[B256]) {
    let mut input = keccak256(signature)[..4].to_vec();
    words.iter().for_each(|word| input.extend_from_slice(word.as_slice()));
    let row = FrameRow { depth, sender, target, input: Bytes::from(input), success: true, ..FrameRow::default() };
    block.frames.push(row);
}

fn transfer(block: &mut Block, depth: u32, token: Address, from: Address, to: Address, amount: U256) {
    call(block, depth, from, token, "transfer(address,uint256)", &[to.into_word(), amount.into()]);
}

fn log(block: Block, token: Address, from: Address, to: Address, amount: U256) -> Block {
    let topics = vec![B256::new(super::transfer::TRANSFER), from.into_word(), to.into_word()];
    let mut block = block.log(token, topics, amount.to_be_bytes_vec());
    if let Some(log) = block.logs.last_mut() {
        log.transaction_index = 0;
    }
    block
}

fn check(block: &Block, look: impl Fn(&Transaction<'_>)) {
    let (reader, batch) = (Reader::new(Prices::shipped()), Batch::new(block));
    let transactions: Vec<_> = reader.transactions(&batch).collect();
    assert_eq!(transactions.len(), 1);
    look(&transactions[0]);
}

/// Lends ether, which comes back after a call.
fn loan() -> Block {
    let mut block = Block::at(1, 1);
    call(&mut block, 0, SENDER, OWN, "go()", &[]);
    call(&mut block, 1, OWN, POOL, "borrow(uint256)", &[ether(100).into()]);
    transfer(&mut block, 2, WETH, POOL, OWN, ether(100));
    call(&mut block, 2, POOL, OWN, "lent()", &[]);
    transfer(&mut block, 3, TOKEN, OWN, SENDER, ether(1));
    transfer(&mut block, 3, WETH, OWN, POOL, ether(101));
    block
}

#[test]
fn a_loan_is_known_by_what_it_does() {
    check(&loan(), |tx| {
        assert_eq!(tx.loans().iter().map(|loan| loan.at).collect::<Vec<_>>(), [1]);
        assert!(tx.has_own_contract());
        assert!(tx.gain() < 0.0);
    });
    let mut kept = loan();
    kept.frames.pop();
    check(&kept, |tx| {
        assert!(tx.loans().is_empty(), "nothing came back");
        assert_eq!(tx.pure_gain(), 20.0);
        assert_eq!(tx.loss(), 20.0);
    });
}

#[test]
fn a_gain_is_none_where_another_kind_of_money_was_spent() {
    let usdc = address!("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48");
    let trade = |dollars: u64| {
        let mut block = Block::at(1, 1);
        call(&mut block, 0, SENDER, OWN, "go()", &[]);
        transfer(&mut block, 1, usdc, OWN, POOL, U256::from(dollars) * U256::from(1_000_000));
        call(&mut block, 1, OWN, POOL, "trade()", &[]);
        transfer(&mut block, 2, WETH, POOL, OWN, ether(50));
        block
    };
    check(&trade(100_000), |tx| assert_eq!(tx.pure_gain(), 0.0));
    check(&trade(1_000), |tx| assert!((tx.pure_gain() - 9.9).abs() < 1e-9));
}

#[test]
fn logs_stand_where_their_calls_stand() {
    let mut block = loan();
    block.transaction_hashes.push(keccak256("it"));
    // A fee that no call asked for, between what calls did ask for.
    let block = log(block, WETH, POOL, OWN, ether(100));
    let block = log(block, TOKEN, OWN, SENDER, ether(1));
    let block = log(block, TOKEN, OWN, POOL, U256::from(5));
    let block = log(block, WETH, OWN, POOL, ether(101));
    check(&block, |tx| {
        assert!(tx.by_logs());
        let at: Vec<u32> = tx.transfers.iter().map(|moved| moved.at).collect();
        assert_eq!(at, [2, 4, 4, 5]);
    });
}

#[test]
fn whoever_delegates_keeps_the_storage() {
    let mut block = Block::at(1, 1);
    call(&mut block, 0, SENDER, POOL, "go()", &[]);
    call(&mut block, 1, POOL, OWN, "go()", &[]);
    block.frames[1].kind = 2;
    call(&mut block, 2, POOL, TOKEN, "balanceOf(address)", &[OWN.into_word()]);
    check(&block, |tx| {
        assert_eq!(tx.parties.address(tx.calls[1].context), POOL);
        assert_eq!((tx.calls[0].end, tx.calls[1].end, tx.entry_at(1)), (3, 3, 0));
        let token = tx.parties.find(&TOKEN.into_array()).map(|token| tx.parties.is_token(token));
        assert_eq!(token, Some(true));
    });
}

#[test]
fn a_router_is_no_actor_and_floats_are_close() {
    let mut block = Block::at(1, 1);
    call(&mut block, 0, SENDER, POOL, "multicall(bytes[])", &[]);
    call(&mut block, 1, POOL, TOKEN, "swap()", &[]);
    check(&block, |tx| assert!(!tx.has_own_contract()));
    assert_eq!(to_f64(U256::from(1) << 200), 2f64.powi(200));
    assert_eq!(signed(U256::from(7).wrapping_neg()), -7.0);
}
