//! `/metrics`, as Prometheus and its like read it: how each detector does, how far each chain is, what the watch lacks.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::app::engine::status::{DetectorMetrics, Metrics};
use crate::app::live::health::{self, Asked};
use crate::app::live::messages::Message;
use crate::app::live::pulse::Pulse;
use crate::app::live::sources::Readers;
use crate::block::ChainId;
use crate::http::serve::{self, is_meant};
use crate::source::evm::budget::Calls;

/// How long a scrape waits for the loop.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Answers `GET /metrics` and `GET /healthz` on an address for as long as the process runs.
///
/// # Errors
///
/// If nobody can listen there.
pub async fn serve(
    listen: SocketAddr,
    messages: mpsc::Sender<Message>,
    pulse: Arc<Pulse>,
    readers: Readers,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("`host.metrics_listen`: nobody can listen on {listen}; is another host running?"))?;
    tracing::info!("metrics on http://{}/metrics, and /healthz beside it", listener.local_addr()?);
    let router = Router::new().route("/metrics", get(answer)).route("/healthz", get(health::answer));
    let router = router.with_state(Asked { messages, pulse, readers });
    let router = router.layer(from_fn(move |request: Request, next: Next| async move {
        match is_meant(listen, request.headers()) {
            true => next.run(request).await,
            false => (StatusCode::MISDIRECTED_REQUEST, "name this address as `localhost`, or by its number\n")
                .into_response(),
        }
    }));
    tokio::spawn(async move { serve::serve("metrics", listener, router, std::future::pending()).await });
    Ok(())
}

async fn answer(State(asked): State<Asked>) -> impl IntoResponse {
    let Asked { messages, pulse, readers } = asked;
    let metrics = async {
        let (reply, metrics) = oneshot::channel();
        messages.send(Message::Metrics(reply)).await.ok()?;
        metrics.await.ok()
    };
    // Of a loop that stands, that alone is told.
    let metrics = match pulse.is_stalled() {
        true => Some(Metrics::default()),
        false => tokio::time::timeout(ANSWERED_WITHIN, metrics).await.unwrap_or_else(|_| Some(Metrics::default())),
    };
    match metrics.and_then(|metrics| text(&metrics, &pulse, &readers.calls()).ok()) {
        Some(text) => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
            text,
        ),
        _ => {
            let told = "the loop has ended\n".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/plain")], told)
        }
    }
}

type Labels = Vec<(String, String)>;
type Number = Gauge<f64, AtomicU64>;
type Count = Counter<f64, AtomicU64>;

/// The OpenMetrics text format.
fn text(metrics: &Metrics, pulse: &Pulse, calls: &[(ChainId, String, Calls)]) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("watchfire");
    let of_detectors = |value: fn(&DetectorMetrics) -> f64| -> Vec<(Labels, f64)> {
        metrics.detectors.iter().map(|of| (labels([("detector", &of.id)]), value(of))).collect()
    };
    let of_chains = |value: fn(&(ChainId, u64, u64)) -> u64| -> Vec<(Labels, f64)> {
        metrics.heads.iter().map(|of| (labels([("chain", &of.0.to_string())]), value(of) as f64)).collect()
    };
    let gaps = metrics.gaps.iter().map(|(kind, subject)| (labels([("kind", kind), ("subject", subject)]), 1.0));
    let known = metrics.journal_seq > 0;
    let of_endpoints = |value: fn(&Calls) -> Option<u64>| -> Vec<(Labels, f64)> {
        let row = |(chain, label, calls): &(ChainId, String, Calls)| {
            Some((labels([("chain", &chain.to_string()), ("endpoint", label)]), value(calls)? as f64))
        };
        calls.iter().filter_map(row).collect()
    };
    let gauges = [
        ("detector_behind_inputs", "Inputs that wait for a detector", of_detectors(|of| of.behind as f64)),
        ("detector_set_aside_inputs", "Inputs that a detector is blind to", of_detectors(|of| of.set_aside as f64)),
        (
            "detector_owed_blocks",
            "Blocks that a detector has not seen because a part of them has not come",
            of_detectors(|of| of.owed_blocks as f64),
        ),
        (
            "detector_slowest_batch_seconds",
            "The batch that took longest since the start",
            of_detectors(|of| of.spent.slowest_ns as f64 / 1e9),
        ),
        ("chain_head_block", "Height of the newest block", of_chains(|of| of.1)),
        ("chain_head_timestamp_seconds", "Chain time of the newest block", of_chains(|of| of.2)),
        ("coverage_gap", "1 for each way in which the watch is weakened now", gaps.collect()),
        (
            "journal_entries",
            "Entries of the journal",
            known.then_some((Labels::new(), metrics.journal_seq as f64)).into_iter().collect(),
        ),
        (
            "journal_head_entry",
            "An entry of this hour; the hash of the chain up to it is the label",
            metrics.anchor.iter().map(|(seq, hash)| (labels([("hash", &hash.to_string())]), *seq as f64)).collect(),
        ),
        (
            "endpoint_requests_today",
            "Calls to an endpoint since midnight, UTC",
            of_endpoints(|calls| Some(calls.today)),
        ),
        (
            "endpoint_requests_per_day_limit",
            "The budget of a day, where there is one",
            of_endpoints(|calls| calls.most_a_day),
        ),
        (
            "loop_stands_seconds",
            "For how long the main loop has not turned",
            vec![(Labels::new(), pulse.stands_for().as_secs_f64())],
        ),
        (
            "loop_stalled",
            "1 if the main loop has not turned for too long; the host's other figures are missing then",
            vec![(Labels::new(), f64::from(u8::from(pulse.is_stalled())))],
        ),
    ];
    let counters = [
        (
            "endpoint_requests",
            "Calls to an endpoint since the start, each of a batch",
            of_endpoints(|calls| Some(calls.total)),
        ),
        ("detector_batches", "Batches shown to a detector since the start", of_detectors(|of| of.spent.batches as f64)),
        ("detector_busy_seconds", "Time that it took for them", of_detectors(|of| of.spent.busy_ns as f64 / 1e9)),
    ];
    gauges.into_iter().for_each(|of| {
        add(&mut registry, of, |gauge: &Number, value| {
            gauge.set(value);
        })
    });
    counters.into_iter().for_each(|of| {
        add(&mut registry, of, |counter: &Count, value| {
            counter.inc_by(value);
        })
    });
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A metric with its help and a value for each of its label sets.
fn add<M>(registry: &mut Registry, (name, help, rows): (&str, &str, Vec<(Labels, f64)>), set: impl Fn(&M, f64))
where
    M: Default + EncodeMetric + TypedMetric + Debug + Send + Sync + 'static,
{
    let family = Family::<Labels, M>::default();
    rows.iter().for_each(|(labels, value)| set(&family.get_or_create(labels), *value));
    registry.register(name, help, family);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::engine::spent::Spent;

    #[test]
    fn what_is_told_is_openmetrics() {
        let spent = Spent { batches: 3, busy_ns: 1_500_000_000, slowest_ns: 700_000_000 };
        let odd = DetectorMetrics { id: "a\"b".into(), behind: 2, set_aside: 1, owed_blocks: 4, spent };
        let calls = Calls { total: 700, today: 5, most_a_day: Some(100) };
        let metrics = Metrics {
            detectors: vec![odd],
            heads: vec![(1, 19_000_000, 1_700_000_000)],
            gaps: vec![("head-stalled".into(), "chain/1".into())],
            journal_seq: 7,
            anchor: Some((6, alloy::primitives::B256::repeat_byte(0xab))),
        };
        let told = text(&metrics, &Pulse::new(Duration::from_secs(60)), &[(1, "http://node/…".into(), calls)]).unwrap();
        for line in [
            "watchfire_detector_behind_inputs{detector=\"a\\\"b\"} 2.0",
            "watchfire_detector_set_aside_inputs{detector=\"a\\\"b\"} 1.0",
            "watchfire_detector_owed_blocks{detector=\"a\\\"b\"} 4.0",
            "watchfire_detector_batches_total{detector=\"a\\\"b\"} 3.0",
            "watchfire_detector_busy_seconds_total{detector=\"a\\\"b\"} 1.5",
            "watchfire_chain_head_block{chain=\"1\"} 19000000.0",
            "watchfire_coverage_gap{kind=\"head-stalled\",subject=\"chain/1\"} 1.0",
            "watchfire_journal_entries 7.0",
            &format!("watchfire_journal_head_entry{{hash=\"0x{}\"}} 6.0", "ab".repeat(32)),
            "watchfire_loop_stalled 0.0",
            "watchfire_endpoint_requests_total{chain=\"1\",endpoint=\"http://node/…\"} 700.0",
            "watchfire_endpoint_requests_today{chain=\"1\",endpoint=\"http://node/…\"} 5.0",
            "watchfire_endpoint_requests_per_day_limit{chain=\"1\",endpoint=\"http://node/…\"} 100.0",
        ] {
            assert!(told.lines().any(|known| known == line), "{line} is not in\n{told}");
        }
        assert!(told.ends_with("# EOF\n"));
    }
}
