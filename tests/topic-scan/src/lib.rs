//! Counts the transfers among all logs of a block: the least that a detector can do, so that what is measured with it is
//! the boundary.

use watchfire_sdk::prelude::*;

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
}

/// From how many transfers on a block is told.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Blocks with fewer transfers are silent.
    report_from: u32,
    /// In place of one finding about a block, so many about each of its transfers, each of a condition of its own: a storm.
    #[serde(default)]
    storm: u32,
}

/// The detector.
pub struct TopicScan {
    report_from: u32,
    storm: u32,
}

impl Detector for TopicScan {
    type Config = Config;

    fn manifest() -> Manifest {
        let version = env!("CARGO_PKG_VERSION");
        Manifest::new("topic-scan", version, "Counts transfers.").kind(
            "transfers",
            Severity::Info,
            "There were transfers.",
        )
    }

    fn start(config: Config) -> Result<(Self, Vec<Subscription>), ConfigError> {
        Ok((Self { report_from: config.report_from, storm: config.storm }, vec![LogFilter::default().into()]))
    }

    fn on_batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Finding>, Error> {
        let transfers = batch.logs().filter(|log| log.is::<Transfer>()).count();
        if transfers < self.report_from as usize {
            return Ok(Vec::new());
        }
        if self.storm > 0 {
            let number = batch.block_number();
            let transfers = batch.logs().filter(|log| log.is::<Transfer>()).zip(0_u32..);
            let findings = transfers.flat_map(|(log, place)| {
                let subject = Subject::address(log.address());
                (0..self.storm).map(move |at| {
                    Finding::new("transfers", Severity::Info, subject.clone())
                        .title("A transfer of a storm")
                        .condition_key(format!("{number}-{place}-{at}"))
                })
            });
            return Ok(findings.collect());
        }
        let subject = Subject { kind: "block".to_owned(), id: batch.block_number().to_string() };
        Ok(vec![Finding::new("transfers", Severity::Info, subject).amount("logs", U256::from(transfers))])
    }
}

watchfire_sdk::export!(TopicScan);
