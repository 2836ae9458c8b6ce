//! One transaction: from its JSON to the bytes that were signed, its hash and its sender.

use alloy::consensus::transaction::{RlpEcdsaEncodableTx, SignableTransaction, from_eip155_value};
use alloy::consensus::{TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy};
use alloy::primitives::{Address, Signature, TxKind, U128, keccak256};

use super::family::{Family, Recover, SelfSigned, Unsigned};
use super::refusal::{Check, Refusal, same};
use super::wire::{WireSigned, WireTransaction};
use crate::block::Proof;

/// The newest transaction type that Ethereum has; others are other chains' own.
const NEWEST_TYPE: u64 = 4;

/// What a transaction's own bytes say.
pub(super) struct Signed {
    /// EIP-2718 encoding, as the transactions trie holds it.
    pub encoded: Vec<u8>,
    /// Who signed it.
    pub sender: By,
}

/// Who a transaction is by.
pub(super) enum By {
    /// Known.
    Sender(Address),
    /// Whoever made this signature.
    Proof(Proof),
}

/// Encodes a transaction anew, and checks its hash; recovers who signed it, now or later.
///
/// # Errors
/// If it is of a type of another chain, if a member is missing, if its hash is not its own, or its signature nobody's.
pub(super) fn verify(
    index: usize,
    transaction: &WireTransaction,
    parts: &WireSigned,
    family: Family,
    recover: Recover,
) -> Result<Signed, Refusal> {
    let kind = parts.kind.unwrap_or_default().to::<u64>();
    if kind > NEWEST_TYPE {
        return Err(family.unknown_type(index, kind));
    }
    let lacks = |field: &str| {
        Refusal::new(Check::Shape, format!("an incomplete transaction at place {index}"), field, "no such member")
            .advise("set `verify = \"header\"` for a chain whose transactions have none")
    };
    let mut encoded = Vec::with_capacity(transaction.input().len() + 256);
    let (r, s) = (parts.r.ok_or_else(|| lacks("`r`"))?, parts.s.ok_or_else(|| lacks("`s`"))?);
    if r.is_zero() && s.is_zero() {
        let what = format!("a transaction that nobody signed at place {index}");
        return Err(Refusal::new(Check::Sender, what, "a signature", "none").advise(
            "such are a system's own (state syncs of Polygon and its like), and stand in no root and no bloom: set \
             `verify = \"links\"` for this chain",
        ));
    }
    let proof = if kind == 0 {
        let v = parts.v.ok_or_else(|| lacks("`v`"))?;
        let (parity, chain_id) = u128::try_from(v).ok().and_then(from_eip155_value).ok_or_else(|| {
            Refusal::new(Check::Sender, format!("no signature at place {index}"), "27, 28 or 35 up", v)
        })?;
        let unsigned = TxLegacy {
            chain_id,
            nonce: transaction.nonce(),
            gas_price: parts.gas_price.ok_or_else(|| lacks("`gasPrice`"))?.to(),
            gas_limit: parts.gas.to(),
            to: transaction.to.map_or(TxKind::Create, TxKind::Call),
            value: transaction.value,
            input: transaction.input().clone(),
        };
        sign(&unsigned, Signature::new(r, s, parity), 0, &mut encoded)
    } else {
        let parity = match (parts.y_parity, parts.v) {
            (Some(parity), _) => parity.to::<u64>(),
            (None, Some(v)) => u64::try_from(v).unwrap_or(u64::MAX),
            (None, None) => return Err(lacks("`yParity`")),
        };
        if parity > 1 {
            return Err(Refusal::new(Check::Sender, format!("no signature at place {index}"), "0 or 1", parity));
        }
        let signature = Signature::new(r, s, parity == 1);
        typed(kind, transaction, parts, signature, &mut encoded, &lacks)?
    };
    proved(index, transaction, SelfSigned { encoded, proof }, recover)
}

/// Checks the hash of a transaction, and recovers who signed it, now or later.
///
/// # Errors
/// If its hash is not its own, or its signature nobody's.
pub(super) fn proved(
    index: usize,
    transaction: &WireTransaction,
    signed: SelfSigned,
    recover: Recover,
) -> Result<Signed, Refusal> {
    let SelfSigned { encoded, proof } = signed;
    same(
        Check::TransactionHash,
        || format!("a transaction that is not what its hash says at place {index}"),
        transaction.hash,
        keccak256(&encoded),
    )?;
    let sender = match recover {
        Recover::Now => proof.recover().map(By::Sender),
        Recover::Later => proof.is_plausible().then_some(By::Proof(proof)),
    };
    let sender = sender.ok_or_else(|| {
        Refusal::new(
            Check::Sender,
            format!("a signature that is nobody's in transaction {index}"),
            transaction.sender(),
            "no such public key",
        )
        .advise("a test node that impersonates accounts makes such: set `verify = \"header\"` for it")
    })?;
    Ok(Signed { encoded, sender })
}

/// Checks the hash of a transaction that nobody signed.
///
/// # Errors
/// If it is not its own.
pub(super) fn unsigned(index: usize, transaction: &WireTransaction, unsigned: Unsigned) -> Result<Signed, Refusal> {
    let Unsigned { encoded, sender } = unsigned;
    let what = || format!("a transaction that is not what its hash says at place {index}");
    same(Check::TransactionHash, what, transaction.hash, keccak256(&encoded))?;
    Ok(Signed { encoded, sender: By::Sender(sender) })
}

/// Transactions of EIP-2718; gives what was signed.
fn typed(
    kind: u64,
    transaction: &WireTransaction,
    parts: &WireSigned,
    signature: Signature,
    encoded: &mut Vec<u8>,
    lacks: &dyn Fn(&str) -> Refusal,
) -> Result<Proof, Refusal> {
    let chain_id = parts.chain_id.ok_or_else(|| lacks("`chainId`"))?.to();
    let access_list = parts.access_list.clone().unwrap_or_default();
    let (nonce, gas_limit, value) = (transaction.nonce(), parts.gas.to(), transaction.value);
    let input = transaction.input().clone();
    let recipient = transaction.to.map_or(TxKind::Create, TxKind::Call);
    let called = || transaction.to.ok_or_else(|| lacks("`to`"));
    let fee = |fee: Option<U128>, name: &str| fee.map(|fee| fee.to::<u128>()).ok_or_else(|| lacks(name));
    if kind == 1 {
        let gas_price = fee(parts.gas_price, "`gasPrice`")?;
        let unsigned = TxEip2930 { chain_id, nonce, gas_price, gas_limit, to: recipient, value, input, access_list };
        return Ok(sign(&unsigned, signature, 1, encoded));
    }
    let max_fee_per_gas = fee(parts.max_fee_per_gas, "`maxFeePerGas`")?;
    let max_priority_fee_per_gas = fee(parts.max_priority_fee_per_gas, "`maxPriorityFeePerGas`")?;
    Ok(match kind {
        2 => {
            let unsigned = TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to: recipient,
                value,
                access_list,
                input,
            };
            sign(&unsigned, signature, 2, encoded)
        }
        3 => {
            let unsigned = TxEip4844 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to: called()?,
                value,
                access_list,
                blob_versioned_hashes: parts
                    .blob_versioned_hashes
                    .clone()
                    .ok_or_else(|| lacks("`blobVersionedHashes`"))?,
                max_fee_per_blob_gas: fee(parts.max_fee_per_blob_gas, "`maxFeePerBlobGas`")?,
                input,
            };
            sign(&unsigned, signature, 3, encoded)
        }
        _ => {
            let unsigned = TxEip7702 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to: called()?,
                value,
                access_list,
                authorization_list: parts.authorization_list.clone().ok_or_else(|| lacks("`authorizationList`"))?,
                input,
            };
            sign(&unsigned, signature, 4, encoded)
        }
    })
}

/// Encodes with the signature; gives what was signed.
fn sign<T: RlpEcdsaEncodableTx + SignableTransaction<Signature>>(
    unsigned: &T,
    signature: Signature,
    kind: u8,
    encoded: &mut Vec<u8>,
) -> Proof {
    unsigned.eip2718_encode_with_type(&signature, kind, encoded);
    Proof { digest: unsigned.signature_hash(), signature }
}
