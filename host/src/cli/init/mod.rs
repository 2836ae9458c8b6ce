//! `watchfire init`: a deployment from a few answers.

mod draft;

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use anyhow::Context;
use clap::{Args as ClapArgs, ValueEnum};

use super::Exit;
use super::plan::mark_pending;
use crate::app::live::main_loop::wall_clock_ms;
use crate::plan::starter::Kind;
use draft::Answers;

/// Begin a deployment: write a commented watchfire.toml, and a starter plan on your chain.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
What is not given is asked for, unless --yes says to go on with what is there.

Examples:
  watchfire init
  watchfire init --yes --chain 1 --endpoint env:RPC_URL --contract Vault=0x5FbDB2315678afecb367f032d93F642f64180aa3 \\
      --kind lending --protocol Harbor --webhook env:PAGER_URL")]
pub struct Args {
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    /// EIP-155 id of the chain.
    #[arg(long, value_name = "ID")]
    chain: Option<u64>,
    /// URL of a node, or the environment variable that holds it, as `env:RPC_URL`.
    #[arg(long = "endpoint", value_name = "URL")]
    endpoints: Vec<String>,
    /// A contract that is watched: `Vault=0x…`.
    #[arg(long = "contract", value_name = "LABEL=ADDRESS", value_parser = contract)]
    contracts: Vec<(String, Address)>,
    /// The kind of protocol, whose starter plan is written.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// The protocol's name.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// Where pages are posted, or the environment variable that holds it.
    #[arg(long, value_name = "URL")]
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
    let answers = answered(args, &mut Asking { input: input.lock(), is_asking })?;
    if answers.contracts.is_empty() || answers.endpoints.is_empty() {
        anstream::eprintln!("error: a watch needs a node and a contract: --endpoint URL --contract LABEL=ADDRESS");
        return Ok(Exit::Refused);
    }
    let config = draft::config(&answers);
    let (mut plan, mut pending) = (Vec::new(), Vec::new());
    if let Some(kind) = answers.kind {
        plan = kind.files(&answers.protocol, wall_clock_ms(), false);
        plan.iter_mut().for_each(|(_, text)| *text = draft::on_chain(text, answers.chain));
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

/// Takes what was given, and asks for the rest.
fn answered<R: BufRead>(args: Args, asking: &mut Asking<R>) -> anyhow::Result<Answers> {
    let chain = match args.chain {
        Some(chain) => chain,
        None => asking.until("EIP-155 id of the chain", "1", |answer| answer.parse().ok())?,
    };
    let endpoints = match args.endpoints.is_empty() {
        true => asking.list("URL of a node, or env:NAME", Some)?,
        false => args.endpoints,
    };
    let contracts = match args.contracts.is_empty() {
        true => asking.list("a contract to watch, as Vault=0x…", |answer| contract(&answer).ok())?,
        false => args.contracts,
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
            Some(Some(answer.to_owned()).filter(|answer| answer != "none"))
        })?,
    };
    Ok(Answers { chain, endpoints, contracts, kind, protocol, webhook })
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

fn contract(text: &str) -> Result<(String, Address), String> {
    let (label, address) = text.split_once('=').ok_or("write it as LABEL=0x…")?;
    let address = address.trim().parse().map_err(|error| format!("`{address}` is no address: {error}"))?;
    Ok((label.trim().to_owned(), address))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
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
        let typed = format!("one\n31337\nhttp://n\n\n0x5\n{VAULT}\n\nbank\nlending\nHarbor\nnone\n");
        let mut asking = Asking { input: typed.as_bytes(), is_asking: true };
        let answers = answered(args(&[]), &mut asking).unwrap();
        assert_eq!((answers.chain, answers.endpoints.as_slice()), (31_337, &["http://n".to_owned()][..]));
        assert_eq!((answers.contracts.len(), answers.contracts[0].0.as_str()), (1, "Vault"));
        assert_eq!((answers.kind, answers.protocol.as_str()), (Some(Kind::Lending), "Harbor"));
        assert_eq!(answers.webhook, None);
    }

    #[test]
    fn flags_answer_and_nobody_is_asked() {
        let flags = ["--yes", "--chain", "10", "--endpoint", "env:RPC", "--contract", VAULT, "--kind", "dex"];
        let mut asking = Asking { input: &b""[..], is_asking: false };
        let answers = answered(args(&flags), &mut asking).unwrap();
        assert_eq!((answers.chain, answers.kind, answers.protocol.as_str()), (10, Some(Kind::Dex), "Your Protocol"));
    }
}
