//! A small deployment for tests: one anvil, the outflow detector on one account's native coin, and a plan.

use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::anvil::ALICE;
use crate::host::component;

/// One ether in wei.
pub const ETHER: u128 = 1_000_000_000_000_000_000;

/// What differs from test to test.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Nodes, in order of preference.
    pub endpoints: Vec<String>,
    /// More settings of the chain, one TOML line each.
    pub chain: Vec<String>,
    /// The outflow limit in whole ether within an hour.
    pub limit: String,
    /// More sections, as TOML text.
    pub more: String,
}

impl Deployment {
    /// Watches the account [`ALICE`] on one node.
    pub fn of(endpoint: String) -> Self {
        Self { endpoints: vec![endpoint], chain: Vec::new(), limit: "10".into(), more: String::new() }
    }

    /// Writes it to a folder of its own.
    pub fn make(&self) -> anyhow::Result<TempDir> {
        let folder = tempfile::tempdir()?;
        self.write(folder.path())?;
        let plan = folder.path().join("response");
        std::fs::create_dir(&plan)?;
        std::fs::write(plan.join("plan.toml"), self::plan())?;
        Ok(folder)
    }

    /// Writes or replaces its `watchfire.toml`, by a rename as editors do.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let endpoints: Vec<String> = self.endpoints.iter().map(|endpoint| format!("\"{endpoint}\"")).collect();
        let text = format!(
            "[chain.local]\nid = 31337\nendpoints = [{}]\nstart = 0\npoll_interval_ms = 50\n{}\n\n\
             [detector.outflow]\ncomponent = \"{}\"\nchains = [\"local\"]\ngrant = [\"state\", \"traces\"]\n\n\
             [detector.outflow.config]\nwatch = [{{ address = \"{ALICE}\", label = \"treasury\" }}]\n\
             assets = [{{ address = \"native\", symbol = \"ETH\", decimals = 18, limit = \"{}\" }}]\nwindow_s = 3600\n\n\
             [plan]\npath = \"response\"\n\n{}\n",
            endpoints.join(", "),
            self.chain.join("\n"),
            component("outflow")?.display(),
            self.limit,
            self.more,
        );
        let new = folder.join("watchfire.toml.new");
        std::fs::write(&new, text)?;
        std::fs::rename(&new, folder.join("watchfire.toml")).context("the config can't be replaced")
    }
}

/// The plan of these deployments: its authority was verified today.
pub fn plan() -> String {
    PLAN.replace("TODAY", &Timestamp::now().strftime("%Y-%m-%d").to_string())
}

const PLAN: &str = r#"
[person.ana]
name = "Ana"
channels = { urgent = ["phone:+351 555 010 101"] }

[person.bo]
name = "Bo"
channels = { urgent = ["phone:+46 555 010 102"] }

[role.guardian]
kind = "decision-owner"
members = ["ana", "bo"]

[authority.guardian]
kind = "guardian"
chain = 31337
address = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
role = "guardian"
verified_at = TODAY

[intervention.pause]
summary = "Stop everything"
kind = "pause"
authority = "guardian"
owner = "guardian"
automation = "presigned"
reaction_s = 5
limits = { uses = 1, max_duration_s = 3600 }
cost = { trust = 3, why = "nobody can leave", blocks = ["exit"], inside_boundary = true }

[intervention.late]
summary = "A power that has ended"
kind = "cap"
authority = "guardian"
owner = "guardian"
automation = "presigned"
reaction_s = 5
limits = { uses = 1, not_after = 2020-01-01T00:00:00Z, max_duration_s = 3600 }
cost = { trust = 4, why = "some can't leave", inside_boundary = true }

[signal.drain]
summary = "Funds leave the treasury"
match = [{ detector = "outflow" }]
group_by = ["chain", "subject"]
window_s = 3600
interventions = ["pause", "late"]

[signal.blind]
summary = "The watch has a gap"
match = [{ detector = "watchfire/coverage" }]
group_by = ["subject", "kind"]
window_s = 3600
interventions = ["pause"]
"#;
