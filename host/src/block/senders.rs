//! Who sent a block's transactions: known, or recovered from what they signed once somebody asks.
//!
//! To recover a public key takes more time than all other checks of a block together. A transaction's hash commits to its
//! signature, and so to its sender: where the hash was checked, the sender can be had at any later time, in a replay too.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use alloy::primitives::{Address, B256, Signature, U256};
use rayon::prelude::*;
use serde::{Deserialize, Serialize, Serializer};

use crate::column::Fixed;

/// Fewer recoveries than this are not worth spreading over threads.
const PARALLEL_FROM: usize = 16;
/// So many false senders are kept until somebody takes them; one says as much as a thousand.
const FALSE_KEPT: usize = 64;

/// A sender that turned out to be another than its source said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FalseSender {
    /// Whoever gave the block, by the number that it was marked with.
    pub source: usize,
    /// The block's height.
    pub block: u64,
    /// The transaction's place in it.
    pub row: usize,
    /// Who the source says it is.
    pub stated: Address,
    /// Who signed; zero if nobody did.
    pub signed: Address,
}

/// Where false senders are noted when they are found out, which may be on any thread and long after the block came.
#[derive(Debug, Default)]
pub struct FalseSenders(Mutex<Vec<FalseSender>>);

impl FalseSenders {
    /// Takes what was noted since the last time.
    pub fn take(&self) -> Vec<FalseSender> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, found: FalseSender) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < FALSE_KEPT {
            kept.push(found);
        }
    }
}

/// What a sender signed, and how: all that it takes to recover who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The hash that was signed.
    pub digest: B256,
    /// Its signature. High `s` values stand: blocks before Homestead have them.
    pub signature: Signature,
}

impl Proof {
    /// True if the numbers of the signature are such as a signature can have. Whether it is somebody's only recovering it says.
    pub fn is_plausible(&self) -> bool {
        self.signature.to_secp256k1().is_ok()
    }

    /// Recovers who signed; `None` if the signature is nobody's.
    pub fn recover(&self) -> Option<Address> {
        let signed = secp256k1::Message::from_digest(self.digest.0);
        let key = secp256k1::SECP256K1.recover_ecdsa(signed, &self.signature.to_secp256k1().ok()?).ok()?;
        Some(Address::from_secp256k1_public_key(&key))
    }

    /// `r`, `s` and 27 or 28, end to end: never all zero.
    fn bytes(&self) -> [u8; 65] {
        let mut bytes = [0; 65];
        bytes[..32].copy_from_slice(&self.signature.r().to_be_bytes::<32>());
        bytes[32..64].copy_from_slice(&self.signature.s().to_be_bytes::<32>());
        bytes[64] = 27 + u8::from(self.signature.v());
        bytes
    }

    fn of(digest: &[u8; 32], bytes: &[u8; 65]) -> Self {
        let number = |bytes: &[u8]| U256::from_be_slice(bytes);
        let signature = Signature::new(number(&bytes[..32]), number(&bytes[32..64]), bytes[64] == 28);
        Self { digest: B256::from(*digest), signature }
    }
}

/// The senders of transactions, by row.
///
/// A row is either known, or proved by what was signed: then it is recovered when it is first asked for, and the source's
/// word for it counts for nothing.
#[derive(Clone, Default, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Senders {
    /// What the source says.
    stated: Fixed<20>,
    /// One proof for each row, if any row has one.
    proofs: Option<Box<Proofs>>,
    /// Where false ones are noted, of which source and block these are.
    noted_with: Option<(Arc<FalseSenders>, usize, u64)>,
}

#[derive(Clone, Default)]
struct Proofs {
    digests: Fixed<32>,
    /// As [`Proof::bytes`] has them; zero where the row is known.
    signatures: Fixed<65>,
    recovered: Vec<OnceLock<[u8; 20]>>,
}

impl Proofs {
    fn push(&mut self, digest: &[u8; 32], signature: &[u8; 65]) {
        self.digests.push(digest);
        self.signatures.push(signature);
        self.recovered.push(OnceLock::new());
    }

    fn has(&self, row: usize) -> bool {
        self.signatures.get(row)[64] != 0
    }

    /// Recovers a row; zero if its signature is nobody's. `found` is given what is recovered now.
    fn recover(&self, row: usize, found: impl FnOnce(&[u8; 20])) -> [u8; 20] {
        let proof = || Proof::of(self.digests.get(row), self.signatures.get(row));
        *self.recovered[row].get_or_init(|| {
            let signed = proof().recover().unwrap_or_default().into_array();
            found(&signed);
            signed
        })
    }
}

impl Senders {
    /// Appends a sender that is known.
    pub fn push(&mut self, sender: &[u8; 20]) {
        self.stated.push(sender);
        if let Some(proofs) = &mut self.proofs {
            proofs.push(&[0; 32], &[0; 65]);
        }
    }

    /// Appends a sender that is what the signature says, and what the source says of it.
    pub fn push_signed(&mut self, stated: &[u8; 20], proof: &Proof) {
        let proofs = self.proofs.get_or_insert_with(|| {
            let mut known = Box::new(Proofs::default());
            (0..self.stated.len()).for_each(|_| known.push(&[0; 32], &[0; 65]));
            known
        });
        proofs.push(&proof.digest, &proof.bytes());
        self.stated.push(stated);
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.stated.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.stated.is_empty()
    }

    /// Returns a sender, recovering it if it is not known yet; zero if what it signed is nobody's signature. Panics past the
    /// end, as a slice does.
    pub fn get(&self, row: usize) -> [u8; 20] {
        match &self.proofs {
            Some(proofs) if proofs.has(row) => self.recovered(proofs, row),
            _ => *self.stated.get(row),
        }
    }

    /// Marks them as those of a block that `source` gave, whose word stands beside each: whichever of them turns out to be false
    /// is noted with `to`.
    pub fn tell(&mut self, to: Arc<FalseSenders>, source: usize, block: u64) {
        self.noted_with = Some((to, source, block));
        let Some(proofs) = &self.proofs else { return };
        let known =
            (0..self.len()).filter(|row| proofs.has(*row)).filter_map(|row| Some((row, proofs.recovered[row].get()?)));
        known.for_each(|(row, signed)| self.compare(row, signed));
    }

    fn recovered(&self, proofs: &Proofs, row: usize) -> [u8; 20] {
        proofs.recover(row, |signed| self.compare(row, signed))
    }

    /// Notes a sender that is another than the source says.
    fn compare(&self, row: usize, signed: &[u8; 20]) {
        if let Some((to, source, block)) = &self.noted_with
            && self.stated.get(row) != signed
        {
            let (stated, signed) = (Address::from(*self.stated.get(row)), Address::from(*signed));
            to.note(FalseSender { source: *source, block: *block, row, stated, signed });
        }
    }

    /// Returns what the source says. It is not kept where what was signed is: there it is zero once the block was stored.
    pub fn stated(&self, row: usize) -> &[u8; 20] {
        self.stated.get(row)
    }

    /// Recovers these rows, as far as they are not known, on all cores.
    pub fn recover(&self, rows: impl Iterator<Item = usize>) {
        let Some(proofs) = &self.proofs else { return };
        let open: Vec<usize> = rows.filter(|row| proofs.has(*row) && proofs.recovered[*row].get().is_none()).collect();
        match open.len() < PARALLEL_FROM {
            true => open.iter().for_each(|row| _ = self.recovered(proofs, *row)),
            false => open.par_iter().for_each(|row| _ = self.recovered(proofs, *row)),
        }
    }

    /// How many were not recovered yet.
    pub fn open(&self) -> usize {
        let Some(proofs) = &self.proofs else { return 0 };
        (0..self.len()).filter(|row| proofs.has(*row) && proofs.recovered[*row].get().is_none()).count()
    }

    /// Returns all senders end to end.
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.proofs.is_none() {
            return self.stated.as_bytes().to_vec();
        }
        self.recover(0..self.len());
        (0..self.len()).flat_map(|row| self.get(row)).collect()
    }

    /// Returns the chosen senders end to end.
    pub fn gather(&self, rows: &[u32]) -> Vec<u8> {
        self.recover(rows.iter().map(|row| *row as usize));
        rows.iter().flat_map(|row| self.get(*row as usize)).collect()
    }
}

impl PartialEq for Senders {
    /// By who they are, recovered or not.
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for Senders {}

impl std::fmt::Debug for Senders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} senders, {} of them not recovered", self.len(), self.open())
    }
}

/// As they are stored. What the source says of a sender is left out where what it signed is there: so what is stored does not
/// depend on who asked for which of them meanwhile, and holds nothing that was not checked.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    #[serde(default, skip_serializing_if = "Fixed::is_empty")]
    digests: Fixed<32>,
    #[serde(default, skip_serializing_if = "Fixed::is_empty")]
    signatures: Fixed<65>,
}

impl Serialize for Senders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = self.stated.as_bytes().to_vec();
        let (mut digests, mut signatures) = (Fixed::default(), Fixed::default());
        if let Some(proofs) = &self.proofs {
            let (rows, _) = bytes.as_chunks_mut::<20>();
            rows.iter_mut().enumerate().filter(|(row, _)| proofs.has(*row)).for_each(|(_, sender)| *sender = [0; 20]);
            (digests, signatures) = (proofs.digests.clone(), proofs.signatures.clone());
        }
        Stored { bytes, digests, signatures }.serialize(serializer)
    }
}

impl TryFrom<Stored> for Senders {
    type Error = String;

    fn try_from(Stored { bytes, digests, signatures }: Stored) -> Result<Self, String> {
        let stated = Fixed::<20>::try_from(bytes)?;
        if digests.is_empty() && signatures.is_empty() {
            return Ok(Self { stated, proofs: None, noted_with: None });
        }
        if digests.len() != stated.len() || signatures.len() != stated.len() {
            return Err("senders have another number of signatures than of rows".to_owned());
        }
        let recovered = vec![OnceLock::new(); stated.len()];
        Ok(Self { stated, proofs: Some(Box::new(Proofs { digests, signatures, recovered })), noted_with: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The account of a key, and what it signed.
    fn signed(key: u8) -> ([u8; 20], Proof) {
        let secret = secp256k1::SecretKey::from_byte_array([key; 32]).unwrap();
        let digest = B256::repeat_byte(key);
        let message = secp256k1::Message::from_digest(digest.0);
        let (id, compact) = secp256k1::SECP256K1.sign_ecdsa_recoverable(message, &secret).serialize_compact();
        let account = Address::from_secp256k1_public_key(&secret.public_key(secp256k1::SECP256K1));
        let number = |bytes: &[u8]| U256::from_be_slice(bytes);
        let signature = Signature::new(number(&compact[..32]), number(&compact[32..]), i32::from(id) == 1);
        (account.into_array(), Proof { digest, signature })
    }

    fn mixed() -> (Senders, Vec<[u8; 20]>) {
        let (mut senders, mut expected) = (Senders::default(), Vec::new());
        senders.push(&[9; 20]);
        expected.push([9; 20]);
        for key in 1..=40 {
            let (account, proof) = signed(key);
            // The source lies.
            senders.push_signed(&[0xee; 20], &proof);
            expected.push(account);
        }
        senders.push(&[8; 20]);
        expected.push([8; 20]);
        (senders, expected)
    }

    #[test]
    fn a_sender_is_whoever_signed_whatever_the_source_says() {
        let (senders, expected) = mixed();
        assert_eq!((senders.len(), senders.open()), (42, 40));
        assert_eq!((senders.get(3), senders.open()), (expected[3], 39), "one alone is recovered");
        assert_eq!((senders.get(0), senders.stated(3)), ([9; 20], &[0xee; 20]));
        assert_eq!(senders.gather(&[41, 5, 0]), [expected[41], expected[5], expected[0]].concat());
        assert_eq!(senders.open(), 38);
        senders.recover(0..42);
        assert_eq!((senders.open(), senders.to_bytes()), (0, expected.concat()));
    }

    #[test]
    fn a_sender_that_turns_out_to_be_false_is_noted_once_with_its_source() {
        let (mut senders, expected) = mixed();
        let honest = Senders { stated: expected.concat().try_into().unwrap(), ..senders.clone() };
        let (noted, source, block) = (Arc::new(FalseSenders::default()), 3, 77);
        senders.get(2);
        senders.tell(noted.clone(), source, block);
        let of = |row: usize| {
            let (stated, signed) = (Address::repeat_byte(0xee), Address::from(expected[row]));
            FalseSender { source, block, row, stated, signed }
        };
        assert_eq!(noted.take(), [of(2)], "what was known before");
        senders.get(0);
        assert_eq!((senders.get(5), noted.take()), (expected[5], vec![of(5)]));
        assert_eq!((senders.get(5), noted.take()), (expected[5], vec![]), "once");
        senders.recover(0..42);
        let mut rest: Vec<usize> = noted.take().into_iter().map(|found| found.row).collect();
        rest.sort_unstable();
        assert_eq!(rest, (1..=40).filter(|row| ![2, 5].contains(row)).collect::<Vec<_>>());
        let mut honest = honest;
        honest.tell(noted.clone(), source, block);
        assert_eq!((honest.to_bytes(), noted.take()), (expected.concat(), vec![]));
        // What was stored has no word of the source.
        let read: Senders = rmp_serde::from_slice(&rmp_serde::to_vec_named(&senders).unwrap()).unwrap();
        assert_eq!((read.to_bytes(), noted.take()), (expected.concat(), vec![]));
    }

    #[test]
    fn no_more_false_senders_are_kept_than_say_something() {
        let noted = FalseSenders::default();
        let found = FalseSender { source: 0, block: 1, row: 0, stated: Address::ZERO, signed: Address::ZERO };
        (0..1_000).for_each(|row| noted.note(FalseSender { row, ..found.clone() }));
        assert_eq!(noted.take().len(), FALSE_KEPT);
        assert_eq!(noted.take(), []);
    }

    #[test]
    fn what_is_stored_is_the_proof_and_not_the_word_of_the_source() {
        let (senders, expected) = mixed();
        let stored = |senders: &Senders| rmp_serde::to_vec_named(senders).unwrap();
        let before = stored(&senders);
        assert!(!before.windows(20).any(|part| part == [0xee; 20]), "an unchecked word is stored");
        let read: Senders = rmp_serde::from_slice(&before).unwrap();
        assert_eq!((read.open(), read.to_bytes()), (40, expected.concat()));
        assert_eq!((read == senders, stored(&read)), (true, before), "it depends on who asked");
        // Known ones alone are stored as before there were proofs.
        let mut known = Senders::default();
        known.push(&[9; 20]);
        let mut column = Fixed::<20>::default();
        column.push(&[9; 20]);
        assert_eq!(stored(&known), rmp_serde::to_vec_named(&column).unwrap());
    }

    #[test]
    fn a_signature_that_is_nobodys_is_nobody() {
        let (account, mut proof) = signed(3);
        assert_eq!((proof.is_plausible(), proof.recover()), (true, Some(account.into())));
        proof.signature = Signature::new(U256::MAX, U256::from(1), false);
        assert_eq!((proof.is_plausible(), proof.recover()), (false, None));
        let mut senders = Senders::default();
        senders.push_signed(&[7; 20], &proof);
        assert_eq!(senders.get(0), [0; 20]);
    }

    #[test]
    fn senders_without_their_proofs_are_not_read() {
        let read = |value: serde_json::Value| serde_json::from_value::<Senders>(value).is_ok();
        let column = |bytes: usize| serde_json::json!({ "bytes": vec![1; bytes] });
        assert!(read(serde_json::json!({ "bytes": vec![1; 20] })));
        assert!(read(serde_json::json!({ "bytes": vec![1; 20], "digests": column(32), "signatures": column(65) })));
        assert!(!read(serde_json::json!({ "bytes": vec![1; 20], "digests": column(32) })));
        assert!(!read(serde_json::json!({ "bytes": vec![1; 40], "digests": column(32), "signatures": column(65) })));
        assert!(!read(serde_json::json!({ "bytes": vec![1; 21] })));
    }
}
