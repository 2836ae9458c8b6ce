//! `/metrics`, as Prometheus and its like read it: how each detector does, how far each chain is, what the watch lacks.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::app::costs::Spent;
use crate::app::engine::Engine;
use crate::app::turn::Turn;
use crate::block::ChainId;

/// How long a scrape waits for the loop.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// What is told at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// In order of their ids.
    pub detectors: Vec<DetectorMetrics>,
    /// Each chain's newest block: its height and its time, seconds since the Unix epoch.
    pub heads: Vec<(ChainId, u64, u64)>,
    /// Live coverage findings: kind and subject.
    pub gaps: Vec<(String, String)>,
    /// Newest entry of the journal.
    pub journal_seq: u64,
}

/// How one detector does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectorMetrics {
    /// Its id in the config.
    pub id: String,
    /// Inputs that wait for it.
    pub behind: usize,
    /// Inputs that it failed on, or rested through, and has not seen since.
    pub set_aside: usize,
    /// What it has taken since the host started.
    pub spent: Spent,
}

impl Engine {
    /// What there is to tell now. Reads nothing that grows with the journal.
    pub fn metrics(&self) -> anyhow::Result<Metrics> {
        let detectors = self.fleet.ids().into_iter().map(|id| DetectorMetrics {
            behind: self.owed.behind_on(&id).len(),
            set_aside: self.owed.set_aside(&id).len(),
            spent: self.spent(&id),
            id,
        });
        let head =
            |(chain, (block, _, timestamp_s)): (ChainId, crate::plugin::Head)| (chain, block.number, timestamp_s);
        Ok(Metrics {
            detectors: detectors.collect(),
            heads: self.heads(u64::MAX)?.into_iter().map(head).collect(),
            gaps: self.gaps.all(),
            journal_seq: self.newest_seq(),
        })
    }
}

/// Answers `GET /metrics` on an address for as long as the process runs.
pub async fn serve(listen: SocketAddr, turns: mpsc::Sender<Turn>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("`host.metrics_listen`: nobody can listen on {listen}; is another host running?"))?;
    tracing::info!("metrics on http://{}/metrics", listener.local_addr()?);
    let router = Router::new().route("/metrics", get(answer)).with_state(turns);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!("metrics are told no more: {error}");
        }
    });
    Ok(())
}

async fn answer(State(turns): State<mpsc::Sender<Turn>>) -> impl IntoResponse {
    let asked = async {
        let (reply, metrics) = oneshot::channel();
        turns.send(Turn::Metrics(reply)).await.ok()?;
        metrics.await.ok()
    };
    match tokio::time::timeout(ANSWERED_WITHIN, asked).await {
        Ok(Some(metrics)) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text(&metrics))
        }
        _ => {
            let told = "the loop did not answer\n".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/plain")], told)
        }
    }
}

type Labels = Vec<(String, String)>;

/// The OpenMetrics text format.
fn text(metrics: &Metrics) -> String {
    let mut registry = Registry::with_prefix("watchfire");
    let mut gauge = |name: &str, help: &str, rows: Vec<(Labels, f64)>| {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in rows {
            family.get_or_create(&labels).set(value);
        }
        registry.register(name, help, family);
    };
    let each = |value: fn(&DetectorMetrics) -> f64| -> Vec<(Labels, f64)> {
        metrics.detectors.iter().map(|of| (vec![("detector".to_owned(), of.id.clone())], value(of))).collect()
    };
    gauge("detector_behind_inputs", "Inputs that wait for a detector", each(|of| of.behind as f64));
    gauge("detector_set_aside_inputs", "Inputs that a detector is blind to", each(|of| of.set_aside as f64));
    let slowest = each(|of| of.spent.slowest_ns as f64 / 1e9);
    gauge("detector_slowest_batch_seconds", "The batch that took longest since the start", slowest);
    let chain = |value: fn(&(ChainId, u64, u64)) -> u64| -> Vec<(Labels, f64)> {
        metrics.heads.iter().map(|of| (vec![("chain".to_owned(), of.0.to_string())], value(of) as f64)).collect()
    };
    gauge("chain_head_block", "Height of the newest block", chain(|of| of.1));
    gauge("chain_head_timestamp_seconds", "Chain time of the newest block", chain(|of| of.2));
    let gap = |(kind, subject): &(String, String)| {
        (vec![("kind".to_owned(), kind.clone()), ("subject".to_owned(), subject.clone())], 1.0)
    };
    gauge("coverage_gap", "1 for each way in which the watch is weakened now", metrics.gaps.iter().map(gap).collect());
    gauge("journal_entries", "Entries of the journal", vec![(Vec::new(), metrics.journal_seq as f64)]);
    let mut counter = |name: &str, help: &str, rows: Vec<(Labels, f64)>| {
        let family = Family::<Labels, Counter<f64, AtomicU64>>::default();
        for (labels, value) in rows {
            family.get_or_create(&labels).inc_by(value);
        }
        registry.register(name, help, family);
    };
    counter(
        "detector_batches",
        "Batches that a detector was shown since the start",
        each(|of| of.spent.batches as f64),
    );
    let busy = each(|of| of.spent.busy_ns as f64 / 1e9);
    counter("detector_busy_seconds", "Time that a detector took for them", busy);
    let mut text = String::new();
    encode(&mut text, &registry).expect("memory takes all");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_openmetrics() {
        let spent = Spent { batches: 3, busy_ns: 1_500_000_000, slowest_ns: 700_000_000 };
        let odd = DetectorMetrics { id: "a\"b".into(), behind: 2, set_aside: 1, spent };
        let told = text(&Metrics {
            detectors: vec![odd],
            heads: vec![(1, 19_000_000, 1_700_000_000)],
            gaps: vec![("head-stalled".into(), "chain/1".into())],
            journal_seq: 7,
        });
        for line in [
            "watchfire_detector_behind_inputs{detector=\"a\\\"b\"} 2.0",
            "watchfire_detector_set_aside_inputs{detector=\"a\\\"b\"} 1.0",
            "watchfire_detector_batches_total{detector=\"a\\\"b\"} 3.0",
            "watchfire_detector_busy_seconds_total{detector=\"a\\\"b\"} 1.5",
            "watchfire_chain_head_block{chain=\"1\"} 19000000.0",
            "watchfire_coverage_gap{kind=\"head-stalled\",subject=\"chain/1\"} 1.0",
            "watchfire_journal_entries 7.0",
        ] {
            assert!(told.lines().any(|known| known == line), "{line} is not in\n{told}");
        }
        assert!(told.ends_with("# EOF\n"));
    }
}
