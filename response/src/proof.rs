//! Proofs of acts: what a person signs when they act, by EIP-712, and how anybody who has the plan checks it.
//!
//! A statement names everything that matters: the protocol, the incident and its plan, who acts, the act with its arguments,
//! the newest entry of the timeline that they had seen, and until when it holds. So it fits no other incident, no other plan,
//! and no other moment.

use alloy_primitives::{Address, B256, Bytes, Signature, U256};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain};
use serde::{Deserialize, Serialize};

use crate::digest::Hasher;
use crate::incident::IncidentId;

/// The longest that a signature may hold, seconds: a day.
pub const LONGEST_S: u64 = 86_400;

/// What ERC-1271 has a contract answer if a signature is its own, in the first four bytes.
pub const ERC1271_MAGIC: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// Acts that are about no incident, or open one.
const ABOUT_NONE: [&str; 4] = ["open", "drill", "halt", "unhalt"];

mod typed {
    #![allow(missing_docs)]
    alloy_sol_types::sol! {
        struct Act {
            string protocol;
            uint256 incident;
            bytes32 plan;
            string person;
            string act;
            string arguments;
            bytes32 head;
            uint64 expires;
        }
        function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4 magic);
    }
}

/// What a person signed, and what was made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Name of the protocol; empty if the host has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// The plan that the incident is under.
    pub plan: B256,
    /// The act with its arguments, as the text that was signed: JSON of a deed.
    pub arguments: String,
    /// Hash of the newest entry of the incident's timeline that the person had seen; zero if it is about no incident.
    pub head: B256,
    /// Until when the signature may be handed in, seconds since the Unix epoch.
    pub expires_s: u64,
    /// The signature: 65 bytes of a key, or whatever a contract takes.
    pub signature: Bytes,
    /// What the contract said, if the signer is one. The host writes it, never whoever acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Word>,
}

/// What a contract said of a signature, as of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// EIP-155 id of the chain.
    pub chain: u64,
    /// The block after which it was asked.
    pub block: u64,
    /// Hash of the block.
    pub hash: B256,
    /// Whether it takes the signature for its own.
    pub is_valid: bool,
    /// What it answered, or why it did not.
    pub said: String,
}

/// Who must have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A key, by its address.
    Key(Address),
    /// A contract on a chain, by ERC-1271.
    Contract(u64, Address),
}

impl Proof {
    /// Makes a proof that is yet to be signed, of an act as JSON.
    pub fn unsigned(protocol: &str, plan: B256, arguments: String, head: B256, expires_s: u64) -> Self {
        Self {
            protocol: protocol.to_owned(),
            plan,
            arguments,
            head,
            expires_s,
            signature: Bytes::new(),
            contract: None,
        }
    }

    /// Returns the hash that is signed, by EIP-712.
    pub fn digest(&self, incident: IncidentId, person: &str) -> B256 {
        self.typed(incident, person).eip712_signing_hash(&domain())
    }

    /// Returns the typed data as wallets read it (`eth_signTypedData_v4`).
    pub fn typed_data(&self, incident: IncidentId, person: &str) -> serde_json::Value {
        let field = |name: &str, kind: &str| serde_json::json!({ "name": name, "type": kind });
        let typed = self.typed(incident, person);
        serde_json::json!({
            "types": {
                "EIP712Domain": [field("name", "string"), field("version", "string")],
                "Act": [
                    field("protocol", "string"), field("incident", "uint256"), field("plan", "bytes32"),
                    field("person", "string"), field("act", "string"), field("arguments", "string"),
                    field("head", "bytes32"), field("expires", "uint64"),
                ],
            },
            "primaryType": "Act",
            "domain": { "name": "Watchfire", "version": "1" },
            "message": {
                "protocol": typed.protocol, "incident": typed.incident.to_string(), "plan": self.plan, "person": person,
                "act": typed.act, "arguments": self.arguments, "head": self.head,
                "expires": self.expires_s.to_string(),
            },
        })
    }

    /// Returns the calldata by which a contract is asked (ERC-1271).
    pub fn question(&self, incident: IncidentId, person: &str) -> Bytes {
        use alloy_sol_types::SolCall;
        let call =
            typed::isValidSignatureCall { hash: self.digest(incident, person), signature: self.signature.clone() };
        call.abi_encode().into()
    }

    /// Checks that the signature is the signer's.
    ///
    /// # Errors
    ///
    /// If it is not, or nobody can say: why, in a clause.
    pub fn check(&self, incident: IncidentId, person: &str, signer: Signer) -> Result<(), String> {
        match signer {
            Signer::Key(address) => {
                let signature = Signature::from_raw(&self.signature)
                    .map_err(|_| format!("a signature of a key has 65 bytes, and this has {}", self.signature.len()))?;
                if signature.normalize_s().is_some() {
                    return Err("its `s` is the higher of two that would do; wallets write the lower".to_owned());
                }
                let by = signature
                    .recover_address_from_prehash(&self.digest(incident, person))
                    .map_err(|error| format!("nobody can have signed this: {error}"))?;
                if by == address {
                    return Ok(());
                }
                Err(format!(
                    "it is signed by {by}, and the plan has {address} for `{person}`; or other words were signed"
                ))
            }
            Signer::Contract(chain, address) => match &self.contract {
                Some(word) if word.chain == chain && word.is_valid => Ok(()),
                Some(word) if word.chain == chain => {
                    Err(format!("{address} on chain {chain} does not take it at block {}: {}", word.block, word.said))
                }
                _ => Err(format!("{address} on chain {chain} was not asked whether it is its signature")),
            },
        }
    }

    /// Returns a hash of the whole proof, for the chain of the timeline.
    pub fn seal(&self, incident: IncidentId, person: &str) -> B256 {
        let word = self.contract.as_ref().map(|word| {
            Hasher::new("word")
                .number(word.chain)
                .number(word.block)
                .bytes(word.hash.as_slice())
                .number(u64::from(word.is_valid))
                .text(&word.said)
                .finish()
        });
        let digest = self.digest(incident, person);
        Hasher::new("proof")
            .bytes(digest.as_slice())
            .bytes(&self.signature)
            .optional(word.as_ref().map(|word| word.as_slice()))
            .finish()
    }

    /// Whether what was signed is about no incident that was there then: it was signed with 0 in the place of its number, and on
    /// no entry of a timeline.
    pub fn is_about_none(&self) -> bool {
        ABOUT_NONE.contains(&self.act().as_str())
    }

    /// Returns the name of the act that was signed; empty if what was signed is none.
    pub fn act(&self) -> String {
        let arguments = serde_json::from_str::<serde_json::Value>(&self.arguments).unwrap_or_default();
        arguments["act"].as_str().unwrap_or_default().to_owned()
    }

    fn typed(&self, incident: IncidentId, person: &str) -> typed::Act {
        typed::Act {
            protocol: self.protocol.clone(),
            incident: U256::from(if self.is_about_none() { 0 } else { incident }),
            plan: self.plan,
            person: person.to_owned(),
            act: self.act(),
            arguments: self.arguments.clone(),
            head: self.head,
            expires: self.expires_s,
        }
    }
}

/// No chain and no contract: a statement is checked by people and hosts, never on a chain.
fn domain() -> Eip712Domain {
    eip712_domain! { name: "Watchfire", version: "1", }
}
