//! What `watchfire init` writes: a commented config from a few answers.

use std::fmt::Write;

use alloy::primitives::Address;

use crate::plan::starter::Kind;

/// What is known of a deployment that is begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    /// EIP-155 id of the chain.
    pub chain: u64,
    /// URLs of nodes, or names of environment variables that hold them, as `env:RPC_URL`.
    pub endpoints: Vec<String>,
    /// What is watched: labels and addresses.
    pub contracts: Vec<(String, Address)>,
    /// What the contracts hold.
    pub assets: Vec<Asset>,
    /// The kind of protocol whose starter plan is written; `None` for no plan.
    pub kind: Option<Kind>,
    /// Name of the protocol.
    pub protocol: String,
    /// Where pages are posted; `None` if that is left for later.
    pub webhook: Option<String>,
}

/// A token that the contracts hold, or the chain's coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asset {
    /// What people call it.
    pub symbol: String,
    /// Its contract; `None` for the chain's coin.
    pub token: Option<Address>,
    /// How many of the digits stand behind the decimal point.
    pub decimals: u8,
    /// How much may leave in an hour, in whole units.
    pub limit: String,
}

impl Asset {
    /// Returns what findings call it.
    fn name(&self) -> String {
        self.token.map_or_else(|| "native".to_owned(), |token| token.to_string())
    }
}

/// The contract that starters call, which stands for the protocol's own.
const STARTERS_CONTRACT: &str = "0x2000000000000000000000000000000000000010";

/// Returns the config.
pub(super) fn config(answers: &Answers) -> String {
    let mut text = "# Written by `watchfire init`. Each section is explained in docs/config.md; `watchfire check` says what is left.\n\n\
                    [journal]\npath = \"watchfire.db\"\n\n"
        .to_owned();
    chain(answers, &mut text);
    detectors(answers, &mut text);
    if answers.kind.is_some() {
        text.push_str("\n# Who may do what about an attack. `watchfire check --plan response` says what is missing.\n[plan]\npath = \"response\"\n");
    }
    channel(answers, &mut text);
    text
}

/// Returns a starter plan's file with its powers on the chain and the first contract of the answers. The powers have the units
/// of the assets beside them.
pub(super) fn plan_file(name: &str, text: &str, answers: &Answers) -> String {
    let mut text = on_chain(text, answers.chain);
    if let Some((_, contract)) = answers.contracts.first() {
        text = text.replace(STARTERS_CONTRACT, &contract.to_string());
    }
    if name == "powers.toml" && !answers.assets.is_empty() {
        text.push_str(
            "\n# Units in which losses are told. With `usd`, what one is worth, they are told in money too.\n",
        );
        for (index, asset) in answers.assets.iter().enumerate() {
            let (name, symbol) = (quoted(&asset.name()), quoted(&asset.symbol));
            let _ = write!(
                text,
                "[asset.held-{}]\nnames = [{name}]\nsymbol = {symbol}\ndecimals = {}\n\n",
                index + 1,
                asset.decimals
            );
        }
        text.truncate(text.trim_end().len() + 1);
    }
    text
}

fn on_chain(text: &str, chain: u64) -> String {
    let moved = |line: &str| match line.trim() {
        "chain = 1" => format!("chain = {chain}"),
        _ => line.to_owned(),
    };
    text.lines().map(moved).collect::<Vec<_>>().join("\n") + "\n"
}

fn chain(answers: &Answers, text: &mut String) {
    let endpoints: Vec<String> = answers.endpoints.iter().map(|endpoint| secret(endpoint)).collect();
    let lone = match endpoints.len() {
        0 | 1 => "# Two nodes of two operators see more than one: what one of them hides or lacks, the other has.\n",
        _ => "",
    };
    let _ = write!(
        text,
        "# The chain that is followed. A URL with a key in it belongs into the environment: {{ env = \"RPC_URL\" }}.\n{lone}\
         [chain.main]\nid = {}\nendpoints = [{}]\n",
        answers.chain,
        endpoints.join(", ")
    );
    if !matches!(answers.chain, 1 | 10 | 137 | 8_453 | 42_161 | 11_155_111) {
        text.push_str("# If the node has no `finalized` tag, say after how many blocks one is final.\n# finality = { confirmations = 64 }\n");
    }
    text.push('\n');
}

fn detectors(answers: &Answers, text: &mut String) {
    let watched: Vec<String> = answers
        .contracts
        .iter()
        .map(|(label, address)| format!("    {{ address = \"{address}\", label = {} }},\n", quoted(label)))
        .collect();
    let watched = format!("watch = [\n{}]\n", watched.concat());
    let _ = write!(
        text,
        "# Who controls the contracts: upgrades, owners, roles, Safes.\n\
         [detector.privileged-control]\nuse = \"privileged-control\"\n\n\
         [detector.privileged-control.config]\n{watched}\
         # Owners, holders and code that are no surprise.\nexpected = []\n\
         # These need a node that gives storage changes and call frames: `watchfire check --probe` says whether yours does.\n\
         watch_slots = false\nwatch_delegatecalls = false\n\n"
    );
    let _ = write!(
        text,
        "# More value leaving than usual. Give `assets` with a `limit` each for what you hold: without, every token counts by\n\
         # its own history alone.\n\
         [detector.outflow]\nuse = \"outflow\"\n\n\
         [detector.outflow.config]\n{watched}{}\
         window_s = 3600\nhistory_multiple = \"4.5\"\n",
        held(&answers.assets)
    );
}

fn held(assets: &[Asset]) -> String {
    if assets.is_empty() {
        return "# assets = [{ address = \"0x…\", symbol = \"USDC\", decimals = 6, limit = \"250000\" }]\n".to_owned();
    }
    let rows: Vec<String> = assets
        .iter()
        .map(|asset| {
            let (name, symbol, limit) = (quoted(&asset.name()), quoted(&asset.symbol), quoted(&asset.limit));
            format!("    {{ address = {name}, symbol = {symbol}, decimals = {}, limit = {limit} }},\n", asset.decimals)
        })
        .collect();
    format!("assets = [\n{}]\n", rows.concat())
}

fn channel(answers: &Answers, text: &mut String) {
    match &answers.webhook {
        Some(url) => {
            let _ = write!(
                text,
                "\n# Every effect is posted here, signed if you give `secret`. docs/channels.md has PagerDuty, Slack and others.\n\
                 [webhook.pager]\nurl = {}\n# secret = {{ env = \"PAGER_SECRET\" }}\n",
                secret(url)
            );
        }
        None => text.push_str(
            "\n# Nobody is reached yet: name a channel that carries the plan's addresses (docs/channels.md).\n\
             # [webhook.pager]\n# url = { env = \"PAGER_URL\" }\n",
        ),
    }
}

/// A value of the file, or the environment's.
fn secret(value: &str) -> String {
    match value.strip_prefix("env:") {
        Some(name) => format!("{{ env = {} }}", quoted(name)),
        None => quoted(value),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a config that is written says; detectors that ship with a release are beside its binary.
    fn loaded(answers: &Answers) -> toml::Table {
        let text = config(answers);
        text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn answers() -> Answers {
        Answers {
            chain: 31_337,
            endpoints: vec!["http://127.0.0.1:8545".into(), "env:PATH".into()],
            contracts: vec![("The \"vault\"\n".into(), Address::repeat_byte(7))],
            assets: vec![
                Asset {
                    symbol: "hUSD".into(),
                    token: Some(Address::repeat_byte(8)),
                    decimals: 6,
                    limit: "250000".into(),
                },
                Asset { symbol: "ETH".into(), token: None, decimals: 18, limit: "0.5".into() },
            ],
            kind: Some(Kind::Lending),
            protocol: "Harbor".into(),
            webhook: Some("http://127.0.0.1:9".into()),
        }
    }

    #[test]
    fn what_is_written_loads_and_says_what_was_answered() {
        let config = loaded(&answers());
        let chain = &config["chain"]["main"];
        assert_eq!((chain["id"].as_integer(), chain["endpoints"][1]["env"].as_str()), (Some(31_337), Some("PATH")));
        let watched = &config["detector"]["outflow"]["config"]["watch"][0];
        assert_eq!(watched["label"].as_str(), Some("The \"vault\"\n"));
        assert_eq!(config["detector"]["privileged-control"]["use"].as_str(), Some("privileged-control"));
        assert!(config.contains_key("plan") && config.contains_key("webhook"));
        let bare = loaded(&Answers { kind: None, webhook: None, ..answers() });
        assert!(!bare.contains_key("plan") && !bare.contains_key("webhook"));
    }

    #[test]
    fn a_starter_takes_the_contract_and_the_units_of_the_answers() {
        let powers = Kind::Lending.files("Harbor", 1_795_608_000_000, false);
        let text = &powers.iter().find(|(name, _)| name == "powers.toml").unwrap().1;
        let plan: toml::Table = plan_file("powers.toml", text, &answers()).parse().unwrap();
        let contract = Address::repeat_byte(7).to_string();
        let pause = &plan["intervention"]["pause-everything"];
        assert_eq!(pause["calls"][0]["target"].as_str(), Some(contract.as_str()));
        assert_eq!(pause["done_by"][0]["subject"]["id"].as_str(), Some(contract.as_str()));
        assert_eq!(plan["asset"]["held-1"]["decimals"].as_integer(), Some(6));
        assert_eq!(plan["asset"]["held-2"]["names"][0].as_str(), Some("native"));
        let config = loaded(&answers());
        let assets = &config["detector"]["outflow"]["config"]["assets"];
        assert_eq!((assets[0]["symbol"].as_str(), assets[1]["address"].as_str()), (Some("hUSD"), Some("native")));
        assert_eq!(
            Kind::ALL
                .iter()
                .filter(|kind| {
                    let files = kind.files("Harbor", 1_795_608_000_000, false);
                    files.iter().any(|(_, text)| text.contains(STARTERS_CONTRACT))
                })
                .count(),
            Kind::ALL.len(),
            "each starter calls the protocol's contract by that address"
        );
    }

    #[test]
    fn a_starter_moves_to_the_chain() {
        let powers = Kind::Lending.files("Harbor", 1_795_608_000_000, false);
        let text = &powers.iter().find(|(name, _)| name == "powers.toml").unwrap().1;
        let moved = on_chain(text, 31_337);
        assert!(text.contains("\nchain = 1\n") && !moved.contains("\nchain = 1\n"));
        assert_eq!(text.matches("chain = 1\n").count(), moved.matches("chain = 31337\n").count());
    }
}
