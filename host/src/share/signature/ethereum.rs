//! Signatures of Ethereum accounts: EIP-712 over digest, name and version, and ERC-1271 for contracts such as a Safe.

use alloy::primitives::{Address, B256, Bytes, Signature};
use alloy_sol_types::{SolCall, SolStruct, eip712_domain, sol};
use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::Statement;
use crate::http::client_builder;

sol! {
    struct Detector {
        bytes32 digest;
        string name;
        string version;
    }

    function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
}

/// What a contract answers that stands by a signature.
const STANDS_BY: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// Largest answer of a node or wallet, bytes.
const ANSWER_BYTES: u64 = 1 << 20;

/// Name and version of the domain. It names no chain: what an account vouches for is not of one.
const DOMAIN: (&str, &str) = ("Watchfire detector", "1");

/// Returns the hash that an account signs.
fn hash(statement: &Statement) -> B256 {
    let detector =
        Detector { digest: statement.digest.0, name: statement.name.clone(), version: statement.version.clone() };
    detector.eip712_signing_hash(&eip712_domain! { name: DOMAIN.0, version: DOMAIN.1, })
}

/// Returns what a wallet is to sign, as `eth_signTypedData_v4` takes it.
pub fn typed_data(statement: &Statement) -> Value {
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    json!({
        "types": {
            "EIP712Domain": [field("name", "string"), field("version", "string")],
            "Detector": [field("digest", "bytes32"), field("name", "string"), field("version", "string")],
        },
        "primaryType": "Detector",
        "domain": { "name": DOMAIN.0, "version": DOMAIN.1 },
        "message": { "digest": statement.digest.0, "name": statement.name, "version": statement.version },
    })
}

/// Returns the account that made a signature; `None` if it is none.
pub fn recover(statement: &Statement, signature: &[u8]) -> Option<Address> {
    let signature = Signature::from_raw(signature).ok()?;
    let signed = secp256k1::Message::from_digest(hash(statement).0);
    let key = secp256k1::SECP256K1.recover_ecdsa(signed, &signature.to_secp256k1().ok()?).ok()?;
    Some(Address::from_secp256k1_public_key(&key))
}

/// Asks a node whether a contract stands by a signature.
///
/// # Errors
///
/// If the node can't be asked, or there is no such contract.
pub async fn vouches(node: &str, contract: Address, statement: &Statement, signature: &[u8]) -> anyhow::Result<bool> {
    let call = isValidSignatureCall { hash: hash(statement), signature: Bytes::copy_from_slice(signature) };
    let transaction = json!({ "to": contract, "data": Bytes::from(call.abi_encode()) });
    let answer = match ask(node, "eth_call", json!([transaction, "latest"])).await? {
        Ok(answer) => answer,
        // A contract that reverts says no.
        Err(_) => return Ok(false),
    };
    let bytes: Bytes = serde_json::from_value(answer).context("the node answers no bytes to `eth_call`")?;
    ensure!(!bytes.is_empty(), "there is no contract at {contract} that answers `isValidSignature`");
    Ok(bytes.len() >= 32 && bytes[..4] == STANDS_BY && bytes[4..32].iter().all(|byte| *byte == 0))
}

/// Has a wallet sign for one of its accounts.
///
/// # Errors
///
/// If the wallet can't be asked, or refuses.
pub async fn by_wallet(wallet: &str, account: Address, statement: &Statement) -> anyhow::Result<Vec<u8>> {
    let answer = ask(wallet, "eth_signTypedData_v4", json!([account, typed_data(statement)])).await?;
    let answer = answer.map_err(|message| anyhow::anyhow!("the wallet refuses: {message}"))?;
    let signature: Bytes = serde_json::from_value(answer).context("the wallet answers no signature")?;
    Ok(signature.to_vec())
}

/// Asks a node. Returns its answer, or the message of its error.
async fn ask(url: &str, method: &str, params: Value) -> anyhow::Result<Result<Value, String>> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let client = client_builder().timeout(std::time::Duration::from_secs(120)).build()?;
    // The address may hold a key, which is in no message.
    let failed = |error: reqwest::Error| anyhow::anyhow!("the node can't be asked: {}", error.without_url());
    let mut answer = client.post(url).json(&request).send().await.map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        ensure!(bytes.len() as u64 + chunk.len() as u64 <= ANSWER_BYTES, "the node's answer is too long");
        bytes.extend_from_slice(&chunk);
    }
    let mut value: Value = serde_json::from_slice(&bytes).context("the node answers no JSON")?;
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        return Ok(Err(error["message"].as_str().unwrap_or("without a message").chars().take(200).collect()));
    }
    match value.get_mut("result").map(Value::take) {
        Some(result) => Ok(Ok(result)),
        None => bail!("the node answers neither a result nor an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::digest::Digest;

    #[test]
    fn a_signature_is_of_one_account_and_covers_digest_name_and_version() {
        let statement = Statement { digest: Digest::of(b"x"), name: "outflow".into(), version: "1.0.0".into() };
        let key = secp256k1::SecretKey::from_byte_array([7; 32]).unwrap();
        let signed = secp256k1::Message::from_digest(hash(&statement).0);
        let (id, compact) = secp256k1::SECP256K1.sign_ecdsa_recoverable(signed, &key).serialize_compact();
        let signature = [&compact[..], &[27 + i32::from(id) as u8]].concat();
        let account = Address::from_secp256k1_public_key(&key.public_key(secp256k1::SECP256K1));
        assert_eq!(recover(&statement, &signature), Some(account));
        for other in [
            Statement { digest: Digest::of(b"y"), ..statement.clone() },
            Statement { name: "outflows".into(), ..statement.clone() },
            Statement { version: "1.0.1".into(), ..statement.clone() },
        ] {
            assert_ne!(recover(&other, &signature), Some(account));
        }
        assert_eq!(recover(&statement, &signature[..64]), None);
    }
}
