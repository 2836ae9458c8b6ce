//! `watchfire plugin sign` and `verify`.

use std::path::PathBuf;

use alloy::primitives::{Address, Bytes};
use anyhow::{Context, ensure};
use clap::{ArgGroup, Args as ClapArgs};
use jiff::Timestamp;

use super::{Deployment, offer, sharing, untrusted};
use crate::app::deploy::sandbox::Sandboxes;
use crate::app::live::output::Format;
use crate::app::share::indexes;
use crate::cli::{Exit, runtime};
use crate::secret::Secret;
use crate::share::artefact::{Descriptor, MANIFEST, OciManifest};
use crate::share::index::INDEX_TYPE;
use crate::share::reference::Reference;
use crate::share::registry::{Credentials, Repository};
use crate::share::signature::{
    PASSWORD, PrivateKey, Statement, attach_cosign, attach_ethereum, by_wallet, payload, recover, typed_data,
};
use crate::text::line;

/// Vouch for a detector.
#[derive(Debug, ClapArgs)]
#[command(
    group(ArgGroup::new("by").required(true).args(["account", "key"])),
    after_help = "\
Examples:
  watchfire plugin sign oci://ghcr.io/harbor/outflow:1.2.0 --account 0x7099… --wallet http://127.0.0.1:1248
  watchfire plugin sign oci://ghcr.io/harbor/outflow:1.2.0 --account 0x7099… > typed-data.json
  watchfire plugin sign oci://ghcr.io/harbor/outflow:1.2.0 --account 0x7099… --signature 0x…
  watchfire plugin sign oci://ghcr.io/harbor/outflow:1.2.0 --key cosign.key

An account signs EIP-712 typed data over digest, name and version: by a wallet that answers `eth_signTypedData_v4`, or in two
steps by any other, such as a Safe. watchfire holds no account's key. A key is PKCS #8 on P-256, or what `cosign
generate-key-pair` wrote, with its password in COSIGN_PASSWORD; what it signs, cosign verifies."
)]
pub struct Sign {
    /// What is vouched for.
    reference: Reference,
    /// The Ethereum account, or the Safe.
    #[arg(long, value_name = "ADDRESS")]
    account: Option<Address>,
    /// The URL of the wallet that signs for the account.
    #[arg(
        long,
        value_name = "URL",
        requires = "account",
        conflicts_with = "signature",
        env = "WATCHFIRE_WALLET",
        hide_env_values = true
    )]
    wallet: Option<String>,
    /// The account's signature, made elsewhere.
    #[arg(long, value_name = "HEX", requires = "account")]
    signature: Option<Bytes>,
    /// The signature is a contract's (ERC-1271), which is checked when it is verified.
    #[arg(long, requires = "signature")]
    contract: bool,
    /// The file of a private key on P-256.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Say who vouches for a detector.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire plugin verify oci://ghcr.io/harbor/outflow:1.2.0
  watchfire plugin verify oci://ghcr.io/harbor/outflow:1.2.0 --config deploy/watchfire.toml --format json

The exit code is 1 where it is not enough for `[trust]`.")]
pub struct Verify {
    /// What is asked about.
    reference: Reference,
    #[command(flatten)]
    of: Deployment,
}

pub(super) fn sign(args: &Sign, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    let (statement, size) = runtime.block_on(statement(&args.reference, sandboxes))?;
    let digest = statement.digest;
    if let Some(path) = &args.key {
        let text = std::fs::read_to_string(path).with_context(|| format!("`{}` can't be read", path.display()))?;
        let password = std::env::var(PASSWORD).ok().map(Secret::new);
        let key = PrivateKey::from_pem(&text, password.as_ref()).with_context(|| path.display().to_string())?;
        let payload = payload(&args.reference, digest);
        let signature = key.sign(&payload)?;
        runtime.block_on(async {
            let repository = Repository::open(&args.reference, &Credentials::of_user()).await?;
            attach_cosign(&repository, digest, &payload, &signature).await
        })?;
        println!("{digest} is signed by the key {}", key.public().fingerprint());
        return Ok(Exit::Good);
    }
    let account = args.account.context("clap asks for one of the two")?;
    let signature = match (&args.signature, &args.wallet) {
        (Some(signature), _) => signature.to_vec(),
        (None, Some(wallet)) => runtime.block_on(by_wallet(wallet, account, &statement))?,
        (None, None) => {
            println!("{}", serde_json::to_string_pretty(&typed_data(&statement))?);
            anstream::eprintln!("have {account} sign this, and attach it by `--signature 0x…`");
            return Ok(Exit::Good);
        }
    };
    let is_own = recover(&statement, &signature) == Some(account);
    ensure!(
        is_own || args.contract,
        "this is no signature of {account} over {digest}, {} {}; a Safe's is attached with `--contract`",
        statement.name,
        statement.version
    );
    runtime.block_on(async {
        let repository = Repository::open(&args.reference, &Credentials::of_user()).await?;
        let subject = Descriptor {
            media_type: MANIFEST.to_owned(),
            digest,
            size,
            artifact_type: None,
            annotations: Default::default(),
        };
        attach_ethereum(&repository, &subject, account, &signature).await
    })?;
    match is_own {
        true => println!("{digest} is signed by {account}"),
        false => println!(
            "{digest} has what is said to be a signature of the contract {account}: that was not checked, `verify` does it"
        ),
    }
    Ok(Exit::Good)
}

/// Returns what is vouched for, a detector or an index, and the size of its manifest.
async fn statement(reference: &Reference, sandboxes: &Sandboxes) -> anyhow::Result<(Statement, u64)> {
    let repository = Repository::open(reference, &Credentials::of_user()).await?;
    let (bytes, digest) = repository.manifest_bytes(&reference.wanted(), MANIFEST).await?;
    let kind = serde_json::from_slice::<OciManifest>(&bytes).ok().and_then(|manifest| manifest.artifact_type);
    // By its digest, so that what is described is what is signed.
    let reference = reference.at(digest);
    let statement = if kind.as_deref() == Some(INDEX_TYPE) {
        let repository = Repository::open(&reference, &Credentials::of_user()).await?;
        let (index, _, digest, _) = indexes::take(&repository).await?;
        indexes::statement(digest, &index)
    } else {
        offer(&reference, sandboxes).await?.statement()
    };
    Ok((statement, bytes.len() as u64))
}

pub(super) fn verify(args: &Verify, sandboxes: &Sandboxes) -> anyhow::Result<Exit> {
    let Some(sharing) = sharing(&args.of)? else { return Ok(Exit::Refused) };
    let (offer, verdict) = runtime()?.block_on(async {
        let offer = offer(&args.reference, sandboxes).await?;
        let verdict = offer.judge(&sharing.trust, &sharing.folder, Timestamp::now()).await;
        anyhow::Ok((offer, verdict))
    })?;
    let misnamed = offer.misnamed();
    match args.of.format {
        Format::Json => println!("{}", serde_json::to_string(&offer.shown(&verdict))?),
        Format::Pretty => {
            println!("{}  {} {}", offer.taken.digest, offer.manifest.name, offer.manifest.version);
            verdict.signers.iter().for_each(|(name, identity)| println!("  signed by `{name}` ({identity})"));
            verdict.others.iter().for_each(|other| println!("  {}", line(other, 1_000)));
            match (&verdict.refusal, &misnamed) {
                (None, None) => println!("  that is enough"),
                (None, Some(why)) => println!("  it would not be taken: {why}"),
                (Some(why), _) => println!("  not enough: {}", untrusted(&sharing, why)),
            }
        }
    }
    Ok(if verdict.refusal.is_none() && misnamed.is_none() { Exit::Good } else { Exit::No })
}
