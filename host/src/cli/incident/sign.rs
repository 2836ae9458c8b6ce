//! `--sign`: proves an act by the person's own key, over one statement by EIP-712. Wallets keep their keys: a keystore and a
//! Ledger sign by Foundry's `cast`, and any other wallet by what is printed. A host never has a key, and no transaction can be
//! signed this way.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use alloy::primitives::{Address, B256, Bytes};
use anyhow::{Context, bail, ensure};
use secp256k1::{Message, SECP256K1, SecretKey};

use crate::app::live::main_loop::wall_clock_ms;
use crate::desk::Desks;
use crate::entry::Entry;
use crate::event::{Event, Stamped};
use crate::incident::IncidentId;
use crate::journal::{Filter, Journal, Row};
use crate::operator::Deed;
use crate::proof::Proof;

/// The variable that `--sign env` reads a key from.
const KEY_VARIABLE: &str = "WATCHFIRE_SIGNER_KEY";
/// The program that signs by keystores and Ledgers.
const WALLET: &str = "cast";

/// What signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// A keystore's file (Web3 Secret Storage, as geth and Foundry write it), by `cast`, which asks for its password.
    Keystore(PathBuf),
    /// A Ledger at this machine, by `cast`.
    Ledger,
    /// A key in a variable, in hex.
    Env(String),
    /// A wallet elsewhere: the typed data is printed, and its signature read.
    Stdin,
}

impl FromStr for Signing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("keystore", file) if !file.is_empty() => Ok(Self::Keystore(file.into())),
            ("env", "") => Ok(Self::Env(KEY_VARIABLE.to_owned())),
            ("env", name) => Ok(Self::Env(name.to_owned())),
            ("stdin", "") => Ok(Self::Stdin),
            ("ledger", "") => Ok(Self::Ledger),
            _ => Err("it is keystore:FILE, ledger, env, env:VARIABLE or stdin".to_owned()),
        }
    }
}

/// What an act is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum On<'a> {
    /// An incident, by its number.
    Incident(IncidentId),
    /// A protocol, by its name; empty if the host has one.
    Protocol(&'a str),
}

/// Makes the proof of an act as the journal has what it is about now, and has it signed.
///
/// # Errors
///
/// If the journal has no such incident or protocol, or nothing signs.
pub(super) fn prove(
    (journal, desks): (&Path, &Desks),
    on: On<'_>,
    by: &str,
    deed: &Deed,
    signing: &Signing,
    valid_min: u64,
) -> anyhow::Result<Proof> {
    let journal = Journal::open_existing_read_only(journal)?;
    let expires_s = (wall_clock_ms() / 1_000).saturating_add(valid_min.saturating_mul(60));
    let (incident, mut proof) = match on {
        On::Incident(incident) => (incident, of_incident(&journal, incident, deed, expires_s)?),
        On::Protocol(name) => {
            let (name, plan) = followed(&journal, name)?;
            let proof = Proof::unsigned(&name, plan, deed.arguments(), B256::ZERO, expires_s);
            anstream::eprintln!("signing as {by}, under plan {plan}: {}", proof.arguments);
            (0, proof)
        }
    };
    // Wallets show it: whoever signs sees for which protocol.
    if proof.protocol.is_empty() {
        let plan = match on {
            On::Incident(incident) => desks.plan_of(incident),
            On::Protocol(_) => desks.plan("").cloned(),
        };
        proof.protocol = plan.map(|plan| plan.tables().protocol.name.clone()).unwrap_or_default();
    }
    proof.signature = match signing {
        Signing::Keystore(file) => {
            ensure!(file.exists(), "there is no keystore `{}`", file.display());
            by_wallet(&proof, incident, by, &["--keystore".as_ref(), file.as_os_str()])?
        }
        Signing::Ledger => by_wallet(&proof, incident, by, &["--ledger".as_ref()])?,
        Signing::Env(name) => {
            let key = std::env::var(name).with_context(|| format!("{name} holds no key"))?;
            let key = hex::decode(key.trim().trim_start_matches("0x"))
                .map_err(|_| anyhow::anyhow!("{name} holds no key in hex"))?;
            by_key(&key, proof.digest(incident, by))?
        }
        Signing::Stdin => by_hand(&proof, incident, by)?,
    };
    Ok(proof)
}

fn of_incident(journal: &Journal, incident: IncidentId, deed: &Deed, expires_s: u64) -> anyhow::Result<Proof> {
    let last = |kind: &str| -> anyhow::Result<Option<Row>> {
        let kinds = vec![kind.to_owned()];
        let filter = Filter { kinds, incident: Some(incident), last: Some(1), ..Filter::default() };
        Ok(journal.entries(&filter)?.next()?)
    };
    let (Some(Row { entry: Entry::Incident(known), .. }), Some(Row { entry: Entry::Timeline(head), .. })) =
        (last("incident")?, last("timeline")?)
    else {
        bail!("the journal has no incident {incident}; `watchfire incident list` has those that are open");
    };
    let proof = Proof::unsigned(&known.protocol, known.plan, deed.arguments(), head.hash, expires_s);
    anstream::eprintln!("signing on incident {incident} as of entry {}: {}", head.number, proof.arguments);
    Ok(proof)
}

/// The name and the plan of a protocol that is followed; of the only one, if none is named.
fn followed(journal: &Journal, name: &str) -> anyhow::Result<(String, B256)> {
    let mut plans: BTreeMap<String, B256> = BTreeMap::new();
    let mut rows = journal.desk_entries()?;
    while let Some(row) = rows.next()? {
        if let Entry::Input(Stamped { event: Event::Plan { protocol, hash, .. }, .. }) = row.entry {
            match protocol.is_retired() {
                true => drop(plans.remove(&protocol.name)),
                false => drop(plans.insert(protocol.name, hash)),
            }
        }
    }
    let known = plans.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (plans.remove_entry(name), plans.len()) {
        (Some(found), _) => Ok(found),
        (None, 1) if name.is_empty() => plans.pop_first().context("there is one"),
        (None, 0) => bail!("the journal has no plan yet; is a host running?"),
        (None, _) => bail!("say of which protocol by `--protocol`: {known}"),
    }
}

/// Has Foundry's `cast` sign the typed data. It asks for what it needs at the terminal.
fn by_wallet(proof: &Proof, incident: IncidentId, by: &str, with: &[&OsStr]) -> anyhow::Result<Bytes> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(proof.typed_data(incident, by).to_string().as_bytes())?;
    file.flush()?;
    let mut command = Command::new(WALLET);
    command.args(["wallet", "sign"]).args(with).args(["--data", "--from-file"]).arg(file.path());
    let output = command.stdin(Stdio::inherit()).stderr(Stdio::inherit()).output().with_context(|| {
        format!(
            "`{WALLET}` of Foundry signs by keystores and Ledgers, and can't be run; `--sign stdin` needs no program"
        )
    })?;
    ensure!(output.status.success(), "`{WALLET} wallet sign` has not signed");
    signature_of(&String::from_utf8_lossy(&output.stdout))
}

fn signature_of(text: &str) -> anyhow::Result<Bytes> {
    let signature = hex::decode(text.trim().trim_start_matches("0x")).context("that is no signature in hex")?;
    ensure!(!signature.is_empty(), "no signature was given");
    Ok(signature.into())
}

fn by_key(key: &[u8], digest: B256) -> anyhow::Result<Bytes> {
    let key = <[u8; 32]>::try_from(key).ok().and_then(|key| SecretKey::from_byte_array(key).ok());
    let key = key.context("that is no key: a key has 32 bytes")?;
    let (id, bytes) = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &key).serialize_compact();
    let public = key.public_key(SECP256K1).serialize_uncompressed();
    anstream::eprintln!("signed by {}", Address::from_raw_public_key(&public[1..]));
    let v = 27 + i32::from(id) as u8;
    Ok([bytes.as_slice(), &[v]].concat().into())
}

/// Prints what a wallet is to sign, and reads what it made of it.
fn by_hand(proof: &Proof, incident: IncidentId, by: &str) -> anyhow::Result<Bytes> {
    println!("{}", proof.typed_data(incident, by));
    anstream::eprintln!(
        "sign that as typed data (hash {}), and give the signature in hex:",
        proof.digest(incident, by)
    );
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    signature_of(&line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Signer;

    #[test]
    fn a_key_signs_what_its_address_is_checked_against() {
        // The first account of every development node: hardhat's and anvil's well-known key.
        let key = hex::decode("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80").unwrap();
        let address: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse().unwrap();
        let deed = Deed::Approve { ruling: 1 };
        let mut proof = Proof::unsigned("", B256::repeat_byte(1), deed.arguments(), B256::repeat_byte(2), 5);
        proof.signature = by_key(&key, proof.digest(7, "ana")).unwrap();
        proof.check(7, "ana", Signer::Key(address)).unwrap();
        assert!(proof.check(8, "ana", Signer::Key(address)).is_err(), "another incident");
        assert!(proof.check(7, "bo", Signer::Key(address)).is_err(), "another person");
        assert!(proof.check(7, "ana", Signer::Contract(1, address)).unwrap_err().contains("was not asked"));
        assert!(by_key(&[1; 31], B256::ZERO).is_err());
    }

    #[test]
    fn what_signs_is_named() {
        assert_eq!("keystore:ana.json".parse(), Ok(Signing::Keystore("ana.json".into())));
        assert_eq!("env".parse(), Ok(Signing::Env(KEY_VARIABLE.into())));
        assert_eq!("stdin".parse(), Ok(Signing::Stdin));
        assert_eq!("ledger".parse(), Ok(Signing::Ledger));
        assert!("trezor".parse::<Signing>().unwrap_err().contains("stdin"));
        assert!("keystore:".parse::<Signing>().is_err());
    }
}
