//! Nodes behind one address that are not the same, and nodes that point elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::Pool;
use crate::source::evm::rpc::Call;

/// Serves a WebSocket whose first connection is on chain 1 and all later ones on chain 5, and which loses the connection at
/// each `lose`. Returns its URL, and how many connections there were.
async fn serve() -> (String, Arc<AtomicU64>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, connections) = (format!("ws://{}", listener.local_addr().unwrap()), Arc::new(AtomicU64::new(0)));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let chain = if counted.fetch_add(1, Ordering::SeqCst) == 0 { "0x1" } else { "0x5" };
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    let Message::Text(text) = message else { continue };
                    let asked: Value = serde_json::from_str(&text).unwrap();
                    if asked["method"] == "lose" {
                        return;
                    }
                    let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": chain });
                    socket.send(Message::Text(answer.to_string().into())).await.unwrap();
                }
            });
        }
    });
    (url, connections)
}

#[tokio::test]
async fn a_connection_that_was_lost_may_lead_to_another_chain() {
    let (url, connections) = serve().await;
    let config: crate::source::evm::config::ChainConfig =
        toml::from_str(&format!("id = 1\nendpoints = ['{url}']\ntimeout_ms = 5000")).unwrap();
    let pool = Pool::new(&config.resolve(std::path::Path::new(".")).unwrap());
    let node = &pool.all()[0];
    pool.admit(node).await.unwrap();
    pool.admit(node).await.unwrap();
    assert_eq!(node.client.call(Call::new("eth_blockNumber", json!([]))).await.unwrap().get(), "\"0x1\"");
    node.client.call(Call::new("lose", json!([]))).await.unwrap_err();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(connections.load(Ordering::SeqCst), 1, "nothing connects anew before it is asked for");
    // Whoever asks without saying what came of it does not make the new connection a known one.
    assert_eq!(node.client.call(Call::new("eth_blockNumber", json!([]))).await.unwrap().get(), "\"0x5\"");
    let fault = pool.admit(node).await.unwrap_err().to_string();
    assert!(fault.contains("it is on chain 5, not on chain 1"), "{fault}");
    let notices = pool.take_notices();
    assert_eq!(notices.iter().map(|notice| notice.kind.as_str()).collect::<Vec<_>>(), ["wrong-chain"]);
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_reported_and_nothing_more_is_asked() {
    let (url, _) = serve().await;
    let config: crate::source::evm::config::ChainConfig =
        toml::from_str(&format!("id = 1\nendpoints = ['{url}']\nmax_requests_per_day = 2")).unwrap();
    let pool = Pool::new(&config.resolve(std::path::Path::new(".")).unwrap());
    let node = &pool.all()[0];
    pool.admit(node).await.unwrap();
    assert!(pool.take_notices().is_empty());
    node.client.call(Call::new("eth_blockNumber", json!([]))).await.unwrap();
    let fault = node.client.call(Call::new("eth_blockNumber", json!([]))).await.unwrap_err().to_string();
    assert!(fault.contains("`max_requests_per_day` is used up"), "{fault}");
    let notices = pool.take_notices();
    assert_eq!(notices.iter().map(|notice| notice.kind.as_str()).collect::<Vec<_>>(), ["budget-spent"]);
    assert!(pool.take_notices().is_empty(), "once");
    assert_eq!(pool.calls()[0].1.today, 2);
}

/// The URL of a node holds its provider's key, which is nobody else's.
#[tokio::test]
async fn where_a_node_points_nobody_is_asked() {
    let (elsewhere, connections) = serve().await;
    let to = elsewhere.replace("ws://", "http://");
    for status in [302, 307, 308] {
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        let to = to.clone();
        let points = axum::Router::new().fallback(move || std::future::ready((status, [("location", to.clone())])));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v3/KEY", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, points).await.unwrap() });
        let config: crate::source::evm::config::ChainConfig =
            toml::from_str(&format!("id = 1\nendpoints = ['{url}']")).unwrap();
        let pool = Pool::new(&config.resolve(std::path::Path::new(".")).unwrap());
        let fault = pool.all()[0].client.call(Call::new("eth_blockNumber", json!([]))).await.unwrap_err().to_string();
        assert!(!fault.contains("KEY"), "{status}: {fault}");
        serving.abort();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0, "a redirect was followed");
}
