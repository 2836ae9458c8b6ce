//! What a running host tells Prometheus.

use watchfire_tests::anvil::{Anvil, free_port};
use watchfire_tests::guests::guest;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::Deployment;

#[tokio::test]
async fn a_scrape_tells_lag_heads_and_blind_spots() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let port = free_port().unwrap();
    let more = format!(
        "[host]\nmetrics_listen = \"127.0.0.1:{port}\"\n\n[detector.guest]\ncomponent = \"guest.wasm\"\n\
         grant = [\"state\", \"chain\"]\n"
    );
    let deployment = Deployment { more, ..Deployment::of(anvil.url()) };
    let folder = deployment.make().unwrap();
    std::fs::write(folder.path().join("guest.wasm"), guest("trap").unwrap()).unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    anvil.mine().await.unwrap();
    host.until("two failures", |lines| {
        lines.iter().filter(|line| line["type"] == "finding" && line["kind"] == "detector-failed").count() == 2
    })
    .await
    .unwrap();
    let url = format!("http://127.0.0.1:{port}/metrics");
    let answer = watchfire::http::client_builder().build().unwrap().get(&url).send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let told = answer.text().await.unwrap();
    for line in [
        "watchfire_detector_set_aside_inputs{detector=\"guest\"} 2.0",
        "watchfire_detector_behind_inputs{detector=\"guest\"} 0.0",
        "watchfire_detector_batches_total{detector=\"guest\"} 2.0",
        "watchfire_chain_head_block{chain=\"31337\"} 1.0",
        "watchfire_loop_stalled 0.0",
        "watchfire_coverage_gap{kind=\"detector-failed\",subject=\"detector/guest\"} 1.0",
    ] {
        assert!(told.lines().any(|known| known == line), "{line} is not in\n{told}");
    }

    // A gap in the watch is no reason to restart the host.
    let url = format!("http://127.0.0.1:{port}/healthz");
    let answer = watchfire::http::client_builder().build().unwrap().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let health: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(health["status"], "weakened", "{health}");
    assert!(health["gaps"].as_array().unwrap().iter().any(|gap| gap["kind"] == "detector-failed"), "{health}");
    assert!(health["loop_stands_for_ms"].as_u64().unwrap() < 15_000, "{health}");

    // Another host can't have the address, and says so before it watches anything.
    let other = deployment.make().unwrap();
    std::fs::write(other.path().join("guest.wasm"), guest("trap").unwrap()).unwrap();
    let refused = watchfire(other.path(), &["run"]).unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains(&format!("nobody can listen on 127.0.0.1:{port}")), "{told}");
    host.stop().unwrap();
}
