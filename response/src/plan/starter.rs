//! Starters: whole plans to begin with, for four kinds of protocol.

use jiff::Timestamp;

/// A kind of protocol.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Lends against collateral.
    Lending,
    /// Moves assets between chains.
    Bridge,
    /// Trades from pools.
    Dex,
    /// Issues a coin against collateral.
    Stablecoin,
}

const PEOPLE: &str = include_str!("../../starters/people.toml");
const OUTSIDE: &str = include_str!("../../starters/outside.toml");
const PLAYBOOKS: &str = include_str!("../../starters/playbooks.toml");

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Lending, Self::Bridge, Self::Dex, Self::Stablecoin];

    /// Returns its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lending => "lending",
            Self::Bridge => "bridge",
            Self::Dex => "dex",
            Self::Stablecoin => "stablecoin",
        }
    }

    /// Powers, signals and risks, and the degraded mode in which nothing new is taken on.
    fn texts(self) -> ([&'static str; 3], &'static str) {
        macro_rules! of {
            ($kind:literal) => {
                [
                    include_str!(concat!("../../starters/", $kind, "/powers.toml")),
                    include_str!(concat!("../../starters/", $kind, "/signals.toml")),
                    include_str!(concat!("../../starters/", $kind, "/risks.toml")),
                ]
            };
        }
        match self {
            Self::Lending => (of!("lending"), "no-new-loans"),
            Self::Bridge => (of!("bridge"), "slow-lane"),
            Self::Dex => (of!("dex"), "one-pool-closed"),
            Self::Stablecoin => (of!("stablecoin"), "no-new-supply"),
        }
    }

    /// The starter's files, by name: for a protocol of this name, as of a moment, milliseconds since the Unix epoch. Where
    /// everything `is_verified`, the lines that wait for somebody to make sure are true.
    pub fn files(self, name: &str, now_ms: u64, is_verified: bool) -> Vec<(String, String)> {
        let ([powers, signals, risks], mode) = self.texts();
        let files = [
            ("outside", OUTSIDE),
            ("people", PEOPLE),
            ("playbooks", PLAYBOOKS),
            ("powers", powers),
            ("risks", risks),
            ("signals", signals),
        ];
        let attacks = attacks(signals);
        let today = date(now_ms);
        // Rotas begin a fortnight ago, so that they hold today wherever it is.
        let monday = date(now_ms - now_ms % WEEK_MS + MONDAY_MS - 2 * WEEK_MS);
        let quoted = toml::Value::String(name.to_owned()).to_string();
        let pool = format!("0x{}", "00".repeat(32));
        let filled = |text: &str| {
            let text = if is_verified { text.replace("#! ", "") } else { text.to_owned() };
            let of = [
                ("{NAME}", quoted.as_str()),
                ("{TODAY}", &today),
                ("{MONDAY}", &monday),
                ("{MODE}", mode),
                ("{POOL}", &pool),
                ("{SIGNALS}", &attacks),
            ];
            of.iter().fold(text, |text, (what, with)| text.replace(what, with))
        };
        files.iter().map(|(file, text)| (format!("{file}.toml"), filled(text))).collect()
    }
}

/// Lists the signals of a starter that attacks give, as a plan writes them.
fn attacks(signals: &str) -> String {
    let ids = signals.lines().filter_map(|line| line.strip_prefix("[signal.")?.strip_suffix(']'));
    ids.filter(|id| *id != "watch-weakened").map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ")
}

const DAY_MS: u64 = 86_400_000;
const WEEK_MS: u64 = 7 * DAY_MS;
/// The Unix epoch began on a Thursday.
const MONDAY_MS: u64 = 4 * DAY_MS;

fn date(at_ms: u64) -> String {
    let at = Timestamp::from_millisecond(i64::try_from(at_ms).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX);
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, readiness};

    /// A Wednesday, a year's end, and a leap day.
    const DAYS_MS: [u64; 3] = [1_795_608_000_000, 1_798_675_200_000, 1_835_395_200_000];

    #[test]
    fn each_starter_is_ready_once_somebody_made_sure() {
        for (kind, now_ms) in Kind::ALL.into_iter().flat_map(|kind| DAYS_MS.map(|now_ms| (kind, now_ms))) {
            let found = readiness(&kind.files("Harbor \"One\"\n\\ & co", now_ms, true), now_ms).found;
            let listed: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert!(listed.is_empty(), "{}: {}", kind.name(), listed.join("\n"));
        }
    }

    #[test]
    fn until_then_it_loads_and_says_what_nobody_made_sure_of() {
        for kind in Kind::ALL {
            let files = kind.files("Harbor", DAYS_MS[0], false);
            if let Err(found) = Plan::load(&files) {
                panic!("{}: {found:#?}", kind.name());
            }
            let found = readiness(&files, DAYS_MS[0]).found;
            assert!(!found.iter().any(|found| found.is_error()), "{}: {found:#?}", kind.name());
            assert!(found.iter().any(|found| found.key.starts_with("person.first")), "{found:#?}");
            assert!(files.iter().all(|(_, text)| !text.contains('{') || !text.contains("{TODAY}")), "all is filled in");
        }
    }
}
