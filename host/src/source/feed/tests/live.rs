use std::path::Path;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use super::start;

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// Answers one connection after another with these words, and closes it.
async fn say(listener: &TcpListener, words: &str) -> String {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4_096];
    let read = socket.read(&mut request).await.unwrap();
    socket.write_all(words.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    String::from_utf8_lossy(&request[..read]).into_owned()
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = format!(
        "kind = \"http\"\nurl = \"http://{address}/price?key=secret\"\nheaders = {{ x-key = \"hidden\" }}\npointer = \
         \"/data/p\"\ninterval_ms = 100\ntimeout_ms = 400\nmax_body_bytes = 60\nsilent_after_s = 1\n"
    );
    let mut feed = start(&config, Path::new("."), Vec::new());
    let good = answer("200 OK", "", "{\"data\":{\"p\":\"1e3\"}}");
    let request = say(&listener, &good).await;
    assert!(request.contains("x-key: hidden"), "{request}");
    assert_eq!(feed.next().await, "1000");

    // Half a body, an answer that is too long, one that is no JSON.
    say(&listener, &good[..good.len() - 5]).await;
    say(&listener, &answer("200 OK", "", &"1".repeat(100))).await;
    say(&listener, &answer("200 OK", "", "<html>")).await;
    let told = feed.next().await;
    assert!(told.starts_with("feed-malformed: it is no JSON"), "{told}");
    // Too many requests: it waits as it was told.
    let asked = std::time::Instant::now();
    say(&listener, &answer("429 Too Many Requests", "retry-after: 1\r\n", "")).await;
    let told = feed.next().await;
    let why = format!("feed-silent: no value for 1 s: http://{address} answered 429 Too Many Requests");
    assert!(told == why || told.starts_with("feed-silent: no value for 1 s"), "{told}");
    say(&listener, &good).await;
    assert!(asked.elapsed() > Duration::from_millis(950), "{:?}", asked.elapsed());
    assert_eq!(feed.next().await, "feed-silent is over: it speaks again");
    assert_eq!(feed.next().await, "feed-malformed is over: it makes sense again");
    assert_eq!(feed.next().await, "1000");

    // The server is gone, and comes back.
    drop(listener);
    let told = feed.next().await;
    assert!(told.starts_with(&format!("feed-silent: no value for 1 s: http://{address}: ")), "{told}");
    assert!(!told.contains("secret"), "{told}");
    let listener = TcpListener::bind(address).await.unwrap();
    say(&listener, &good).await;
    assert_eq!(feed.next().await, "feed-silent is over: it speaks again");
    assert_eq!(feed.next().await, "1000");

    // It ends at once while an answer is awaited.
    let (_socket, _) = listener.accept().await.unwrap();
    feed.end().await;
}

/// A page is no JSON, and need be no text.
#[tokio::test]
async fn a_page_is_told_by_its_digest() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = format!("kind = \"http\"\nurl = \"http://{address}/\"\ntype = \"digest\"\ninterval_ms = 100\n");
    let mut feed = start(&config, Path::new("."), Vec::new());
    for page in ["<html>swap</html>", "<html>drain</html>"] {
        say(&listener, &answer("200 OK", "", page)).await;
        let digest = alloy::primitives::hex::encode(crate::digest::sha256(page.as_bytes()));
        assert_eq!(feed.next().await, format!("sha256:{digest}"));
    }
    feed.end().await;
}

/// Two answers that differ by a time to live alone say the same.
#[tokio::test]
async fn records_of_a_name_are_told_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = format!("kind = \"http\"\nurl = \"http://{address}/\"\ntype = \"dns\"\ninterval_ms = 100\n");
    let mut feed = start(&config, Path::new("."), Vec::new());
    let record = |at: &str, ttl: u32| format!("{{\"type\":1,\"TTL\":{ttl},\"data\":\"192.0.2.{at}\"}}");
    for records in [[record("1", 9), record("2", 9)], [record("2", 8), record("1", 8)]] {
        let body = format!("{{\"Status\":0,\"Answer\":[{}]}}", records.join(","));
        let request = say(&listener, &answer("200 OK", "", &body)).await;
        assert!(request.contains("accept: application/dns-json"), "{request}");
        assert_eq!(feed.next().await, "A 192.0.2.1\nA 192.0.2.2");
    }
    say(&listener, &answer("200 OK", "", "{\"Status\":2}")).await;
    assert_eq!(feed.next().await, "feed-malformed: the resolver has no answer (code 2)");
    feed.end().await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = format!(
        "kind = \"websocket\"\nurl = \"ws://{address}/?key=secret\"\nsubscribe = [\"please\"]\npointer = \"/p\"\ntype = \
         \"text\"\nsilent_after_s = 2\n"
    );
    let mut feed = start(&config, Path::new("."), Vec::new());
    for value in ["one", "two"] {
        let (socket, _) = listener.accept().await.unwrap();
        let mut peer = tokio_tungstenite::accept_async(socket).await.unwrap();
        assert_eq!(peer.next().await.unwrap().unwrap(), Message::text("please"));
        peer.send(Message::text(format!("{{\"p\":\"{value}\"}}"))).await.unwrap();
        assert_eq!(feed.next().await, value);
        // It goes without a word.
        drop(peer);
    }
    drop(listener);
    let told = feed.next().await;
    assert!(told.starts_with("feed-silent: no value for 2 s: ") && !told.contains("secret"), "{told}");
    feed.end().await;
}
