//! `watchfire init`: a deployment from a few answers.

mod draft;
mod flags;

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use anyhow::Context;
use clap::{Args as ClapArgs, ValueEnum};

use super::plan::mark_pending;
use super::{Exit, runtime};
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::plan::live::chains_of;
use crate::plan::starter::Kind;
use crate::secret::{Secret, SecretRef};
use draft::{Answers, Asset};
use flags::{asset, contract, endpoint, receiver};

/// Begin a deployment: write a commented watchfire.toml, and a starter plan on your chain.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
What is not given is asked for, unless --yes says to go on with what is there.

Examples:
  watchfire init
  watchfire init --yes --chain 1 --endpoint env:RPC_URL \\
      --contract Vault=0x5FbDB2315678afecb367f032d93F642f64180aa3 \\
      --asset USDC=0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48,6,250000 \\
      --kind lending --protocol Harbor --webhook env:PAGER_URL")]
pub struct Args {
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    /// EIP-155 id of the chain.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    chain: Option<u64>,
    /// URL of a node, or the environment variable that holds it, as `env:RPC_URL`.
    #[arg(long = "endpoint", value_name = "URL", value_parser = endpoint)]
    endpoints: Vec<String>,
    /// A contract that is watched: `Vault=0x…`.
    #[arg(long = "contract", value_name = "LABEL=ADDRESS", value_parser = contract)]
    contracts: Vec<(String, Address)>,
    /// What the contracts hold, as `USDC=0x…,6,250000`: symbol, token, decimals, and how much may leave in an hour before
    /// somebody is told. `native` stands for the chain's coin.
    #[arg(long = "asset", value_name = "SYMBOL=TOKEN,DECIMALS,LIMIT", value_parser = asset)]
    assets: Vec<Asset>,
    /// The kind of protocol, whose starter plan is written.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// The protocol's name.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// Where pages are posted, or the environment variable that holds it.
    #[arg(long, value_name = "URL", value_parser = receiver)]
    webhook: Option<String>,
    /// The folder that is written into.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    into: PathBuf,
}

pub(super) fn main(args: Args) -> anyhow::Result<Exit> {
    let into = args.into.clone();
    let (input, is_asking) = (std::io::stdin(), !args.yes);
    if is_asking && !input.is_terminal() && args.contracts.is_empty() {
        anstream::eprintln!("error: nobody is there to answer; give what is needed by flags, with --yes");
        return Ok(Exit::Refused);
    }
    let answers = match answered(args, &mut Asking { input: input.lock(), is_asking }, &ask_nodes) {
        Ok(answers) => answers,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            return Ok(Exit::Refused);
        }
    };
    if answers.contracts.is_empty() {
        anstream::eprintln!("error: a watch needs a contract: --contract LABEL=ADDRESS");
        return Ok(Exit::Refused);
    }
    let config = draft::config(&answers);
    let (mut plan, mut pending) = (Vec::new(), Vec::new());
    if let Some(kind) = answers.kind {
        plan = kind.files(&answers.protocol, wall_clock_ms(), false);
        plan.iter_mut().for_each(|(name, text)| *text = draft::plan_file(name, text, &answers));
        pending = mark_pending(&mut plan, &config.parse()?)?;
    }
    let mut files = vec![(into.join("watchfire.toml"), config)];
    files.extend(plan.into_iter().map(|(name, text)| (into.join("response").join(name), text)));
    let taken: Vec<String> =
        files.iter().filter(|(path, _)| path.exists()).map(|(path, _)| format!("`{}`", path.display())).collect();
    if !taken.is_empty() {
        let taken = taken.join(", ");
        anstream::eprintln!("error: {taken} is there already, and nothing was written; name another folder by --into");
        return Ok(Exit::Refused);
    }
    files.iter().try_for_each(|(path, text)| write(path, text))?;
    let config = into.join("watchfire.toml");
    let contracts = answers.contracts.len();
    let plural = if contracts == 1 { "" } else { "s" };
    println!("{}: chain {}, {contracts} contract{plural}, two detectors", config.display(), answers.chain);
    for (signal, missing) in &pending {
        println!("pending: signal `{signal}`, as the config has no {}", missing.join(", no "));
    }
    if answers.kind.is_none() {
        println!("no plan: nobody hears of what is found; `watchfire plan new` writes one, as --kind does");
    }
    if answers.webhook.is_none() {
        println!("no channel: nobody can be paged; docs/channels.md has PagerDuty, Slack and others");
    }
    println!("next: `watchfire check --config {}` says what is left", config.display());
    Ok(Exit::Good)
}

/// Writes a file, never over what somebody wrote.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("`{}` can't be made", folder.display()))?;
    }
    let mut file = std::fs::File::create_new(path).with_context(|| format!("`{}` can't be made", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("`{}` can't be written", path.display()))
}

/// The chain that each node says it serves, by what people see of the node; in words, why it does not answer.
type Served = Vec<(String, Result<Option<u64>, String>)>;

fn ask_nodes(endpoints: &[String]) -> anyhow::Result<Served> {
    let secret = |text: &String| match text.strip_prefix("env:") {
        Some(name) => SecretRef::Env(name.to_owned()),
        None => SecretRef::Literal(Secret::new(text)),
    };
    let endpoints: Vec<SecretRef> = endpoints.iter().map(secret).collect();
    runtime()?.block_on(chains_of(&endpoints, Path::new(".")))
}

/// Takes what was given, and asks for the rest, the nodes among others.
fn answered<R: BufRead>(
    args: Args,
    asking: &mut Asking<R>,
    ask_nodes: &dyn Fn(&[String]) -> anyhow::Result<Served>,
) -> anyhow::Result<Answers> {
    let endpoints = match args.endpoints.is_empty() {
        true => asking.list("URL of a node, or env:NAME", |answer| endpoint(&answer).ok())?,
        false => args.endpoints,
    };
    anyhow::ensure!(!endpoints.is_empty(), "a watch needs a node: --endpoint URL");
    let served = ask_nodes(&endpoints).unwrap_or_else(|error| {
        anstream::eprintln!("the nodes were not asked: {error:#}");
        Vec::new()
    });
    for (node, why) in served.iter().filter_map(|(node, chain)| Some((node, chain.as_ref().err()?))) {
        anstream::eprintln!("{node} does not answer now: {why}");
    }
    let known = served.iter().find_map(|(_, chain)| *chain.as_ref().ok()?);
    let chain = match (args.chain, known) {
        (Some(chain), _) => chain,
        (None, Some(known)) if !asking.is_asking => known,
        (None, None) if !asking.is_asking => anyhow::bail!("no node says which chain it serves; give --chain ID"),
        (None, known) => {
            let otherwise = known.unwrap_or(1).to_string();
            asking.until("EIP-155 id of the chain", &otherwise, |answer| answer.parse().ok().filter(|id| *id > 0))?
        }
    };
    for (node, other) in served.iter().filter_map(|(node, chain)| Some((node, (*chain.as_ref().ok()?)?))) {
        anyhow::ensure!(
            other == chain,
            "{node} serves chain {other}, not {chain}; name a node of chain {chain}, or say --chain {other}"
        );
    }
    let contracts = match args.contracts.is_empty() {
        true => asking.list("a contract to watch, as Vault=0x…", |answer| contract(&answer).ok())?,
        false => args.contracts,
    };
    let assets = match args.assets.is_empty() {
        true => asking.list("what they hold, as USDC=0x…,6,250000 (token, decimals, limit an hour)", |answer| {
            asset(&answer).ok()
        })?,
        false => args.assets,
    };
    let kinds = Kind::ALL.map(Kind::name).join(", ");
    let kind = match args.kind {
        Some(kind) => Some(kind),
        None => asking.until(&format!("kind of protocol ({kinds}, none)"), "none", |answer| match answer {
            "none" => Some(None),
            other => Kind::from_str(other, true).ok().map(Some),
        })?,
    };
    let protocol = match (args.protocol, kind) {
        (Some(name), _) => name,
        (None, None) => String::new(),
        (None, Some(_)) => asking.until("name of the protocol", "Your Protocol", |name| Some(name.to_owned()))?,
    };
    let webhook = match args.webhook {
        Some(url) => Some(url),
        None => asking.until("URL that pages are posted to, or env:NAME, or none", "none", |answer| {
            if answer == "none" { Some(None) } else { receiver(answer).ok().map(Some) }
        })?,
    };
    Ok(Answers { chain, endpoints, contracts, assets, kind, protocol, webhook })
}

/// Asks on the terminal, line by line.
struct Asking<R> {
    input: R,
    is_asking: bool,
}

impl<R: BufRead> Asking<R> {
    /// Asks until an answer fits. Nothing means `otherwise`, which is taken unasked where nobody is to be asked.
    fn until<T>(&mut self, what: &str, otherwise: &str, fits: impl Fn(&str) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let answer = if self.is_asking { self.line(&format!("{what} [{otherwise}]"))? } else { None };
            let is_over = answer.is_none();
            let answer = answer.filter(|answer| !answer.is_empty()).unwrap_or_else(|| otherwise.to_owned());
            match fits(&answer) {
                Some(value) => return Ok(value),
                None if is_over => anyhow::bail!("`{answer}` is no {what}"),
                None => anstream::eprintln!("`{answer}` does not fit"),
            }
        }
    }

    /// Asks for one after another, until nothing is answered.
    fn list<T>(&mut self, what: &str, fits: impl Fn(String) -> Option<T>) -> anyhow::Result<Vec<T>> {
        let mut list = Vec::new();
        while self.is_asking {
            let more = if list.is_empty() { "" } else { ", or nothing" };
            let Some(answer) = self.line(&format!("{what}{more}"))?.filter(|answer| !answer.is_empty()) else { break };
            match fits(answer.clone()) {
                Some(value) => list.push(value),
                None => anstream::eprintln!("`{answer}` does not fit"),
            }
        }
        Ok(list)
    }

    /// Reads a line; `None` at the end of what is read.
    fn line(&mut self, what: &str) -> anyhow::Result<Option<String>> {
        anstream::eprint!("{what}: ");
        let mut answer = String::new();
        let read = self.input.read_line(&mut answer)?;
        Ok((read > 0).then(|| answer.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(flags: &[&str]) -> Args {
        Line::parse_from(std::iter::once("init").chain(flags.iter().copied())).args
    }

    const VAULT: &str = "Vault=0x5FbDB2315678afecb367f032d93F642f64180aa3";

    #[test]
    fn questions_go_on_until_an_answer_fits() {
        let typed = format!(
            "http://n\n\none\n31337\n0x5\n{VAULT}\n\nUSDC=6\nETH=native,18,0.5\n\nbank\nlending\nHarbor\nnone\n"
        );
        let mut asking = Asking { input: typed.as_bytes(), is_asking: true };
        let answers = answered(args(&[]), &mut asking, &|_| Ok(Vec::new())).unwrap();
        assert_eq!((answers.chain, answers.endpoints.as_slice()), (31_337, &["http://n".to_owned()][..]));
        assert_eq!((answers.contracts.len(), answers.contracts[0].0.as_str()), (1, "Vault"));
        assert_eq!((answers.kind, answers.protocol.as_str()), (Some(Kind::Lending), "Harbor"));
        assert_eq!(answers.webhook, None);
        assert_eq!((answers.assets.len(), answers.assets[0].decimals), (1, 18));
    }

    #[test]
    fn the_nodes_say_which_chain_it_is() {
        let of = |flags: &[&str], chain: Option<u64>| {
            let base = ["--yes", "--endpoint", "http://n", "--contract", VAULT];
            let mut asking = Asking { input: &b""[..], is_asking: false };
            let served = vec![("n".to_owned(), Ok(chain)), ("m".to_owned(), Err("refused".to_owned()))];
            let came = answered(args(&[&base[..], flags].concat()), &mut asking, &|_| Ok(served.clone()));
            came.map(|answers| answers.chain).map_err(|error| error.to_string())
        };
        assert_eq!(of(&[], Some(31_337)), Ok(31_337));
        assert_eq!(of(&["--chain", "5"], None), Ok(5));
        assert!(of(&[], None).unwrap_err().contains("give --chain ID"));
        let other = of(&["--chain", "1"], Some(31_337)).unwrap_err();
        assert!(other.contains("n serves chain 31337, not 1"), "{other}");
    }

    #[test]
    fn what_no_config_could_say_is_refused_at_once() {
        let check = |flags: &[&str], expected: &str| {
            let said =
                Line::try_parse_from(std::iter::once("init").chain(flags.iter().copied())).unwrap_err().to_string();
            assert!(said.contains(expected), "{flags:?}: {said}");
        };
        check(&["--chain", "0"], "0 is not in 1..");
        check(&["--endpoint", "ftp://x"], "`ftp://x` is no URL of http, https, ws, wss and no `env:NAME`");
        check(&["--endpoint", "env:"], "is no URL");
        check(&["--webhook", "notaurl"], "`notaurl` is no URL of http, https");
        check(&["--contract", "Vault=0x123"], "`0x123` is no address, which is 0x and 40 hexadecimal digits");
        check(&["--contract", "=0x5FbDB2315678afecb367f032d93F642f64180aa3"], "give the contract a label");
        check(&["--asset", "USDC=0x12,6,5"], "is no address");
        check(&["--asset", "USDC=native,78,5"], "from 0 to 77");
        check(&["--asset", "USDC=native,6"], "write it as SYMBOL=0x…,DECIMALS,LIMIT");
        check(&["--asset", "USDC=native,6,much"], "write it as SYMBOL=0x…,DECIMALS,LIMIT");
    }

    #[test]
    fn flags_answer_and_nobody_is_asked() {
        let flags = ["--yes", "--chain", "10", "--endpoint", "env:RPC", "--contract", VAULT, "--kind", "dex"];
        let mut asking = Asking { input: &b""[..], is_asking: false };
        let answers = answered(args(&flags), &mut asking, &|_| Ok(Vec::new())).unwrap();
        assert_eq!((answers.chain, answers.kind, answers.protocol.as_str()), (10, Some(Kind::Dex), "Your Protocol"));
    }
}
