//! What comes in by feeds and goes out by webhooks, on real sockets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use watchfire_tests::anvil::{ALICE, Anvil, BOB, free_port};
use watchfire_tests::host::Host;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::watch::{Deployment, ETHER};

type Taken = Arc<Mutex<Vec<(HeaderMap, String)>>>;

fn sign(key: &str, timestamp: &str, id: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{id}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={hex}")
}

async fn take(State(taken): State<Taken>, headers: HeaderMap, body: String) -> StatusCode {
    let mut taken = taken.lock().unwrap();
    taken.push((headers, body));
    // The first attempt of all is refused: the effect must come again.
    if taken.len() == 1 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
}

#[tokio::test]
async fn effects_reach_a_webhook_that_was_dead_when_they_were_ordered() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let port = free_port().unwrap();
    let more = format!("[webhook.ops]\nurl = \"http://127.0.0.1:{port}/hook\"\nsecret = \"key\"\n");
    let folder = Deployment { more, ..Deployment::of(anvil.url()) }.make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until("effects", |lines| lines.iter().any(|line| line["type"] == "effect")).await.unwrap();
    // Nobody listens yet, and the host is killed: the outbox must remember.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let ordered = host.of("effect").len();
    host.kill();

    let taken: Taken = Arc::default();
    let router = Router::new().route("/hook", post(take)).with_state(taken.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut host = Host::start(folder.path(), &[]).unwrap();
    // The refused one comes again, beside each of the others.
    host.until("all effects, and the refused one again", |_| taken.lock().unwrap().len() > ordered).await.unwrap();
    host.stop().unwrap();
    let taken = taken.lock().unwrap();
    let ids: std::collections::BTreeSet<&str> =
        taken.iter().map(|(headers, _)| headers["x-watchfire-delivery"].to_str().unwrap()).collect();
    assert_eq!(ids.len(), ordered, "each effect arrived");
    assert_eq!(taken.len(), ordered + 1, "and only the refused one came twice");
    for (headers, body) in taken.iter() {
        let header = |name: &str| headers[name].to_str().unwrap();
        let (timestamp, id) = (header("x-watchfire-timestamp"), header("x-watchfire-delivery"));
        assert_eq!(header("x-watchfire-signature"), sign("key", timestamp, id, body));
        assert!(body.contains(id), "{body}");
    }
}

#[tokio::test]
async fn a_webhook_feed_takes_what_is_signed_and_fresh_and_once() {
    let port = free_port().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[feed.price]\nkind = \"webhook\"\nlisten = \"127.0.0.1:{port}\"\npath = \"/p\"\npointer = \"/price\"\n\
         secrets = [\"new\", \"old\"]\nmax_skew_s = 60\n"
    );
    std::fs::write(folder.path().join("watchfire.toml"), text).unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    let http = watchfire::http::client_builder().build().unwrap();
    let url = format!("http://127.0.0.1:{port}/p");
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let send = async |key: &str, at: u64, id: &str, signed: &str, body: &str| {
        let at = at.to_string();
        let request = http.post(&url).header("x-watchfire-timestamp", &at).header("x-watchfire-delivery", id);
        let request = request.header("x-watchfire-signature", sign(key, &at, id, signed));
        request.body(body.to_owned()).send().await.map(|answer| answer.status().as_u16())
    };
    let good = r#"{"price":"2000.15"}"#;
    for _ in 0..200 {
        if send("new", now(), "probe", good, good).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let cases = [
        ("old", now(), "a", good, good, 200),
        ("new", now(), "a", good, good, 409),
        ("wrong", now(), "b", good, good, 401),
        ("new", now(), "c", good, r#"{"price":"1"}"#, 401),
        ("new", now() - 3_600, "d", good, good, 401),
        ("new", now(), "e", r#"{"price":"many"}"#, r#"{"price":"many"}"#, 422),
        ("new", now(), "f", "{", "{", 422),
    ];
    for (key, at, id, signed, body, expected) in cases {
        assert_eq!(send(key, at, id, signed, body).await.unwrap(), expected, "{key} {id} {body}");
    }
    host.until("both", |lines| lines.iter().filter(|line| line["type"] == "observation").count() == 2).await.unwrap();
    // Answered means journaled: after a kill the delivery is still known.
    host.kill();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    let mut again = None;
    for _ in 0..200 {
        again = send("new", now(), "a", good, good).await.ok();
        if again.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(again, Some(409));
    assert!(host.is_running(), "{}", host.log());
    assert_eq!(host.stop().unwrap().1, Some(0));
}

#[tokio::test]
async fn a_file_feed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[feed.price]\nkind = \"jsonl\"\nfile = \"prices.jsonl\"\npointer = \"/p\"\n";
    std::fs::write(folder.path().join("watchfire.toml"), text).unwrap();
    let file = folder.path().join("prices.jsonl");
    std::fs::write(&file, "{\"p\":1}\n{\"p\":2}\n{\"p\":").unwrap();
    let seen = |host: &Host| -> Vec<String> {
        let observed = host.of("observation");
        observed.iter().map(|line| line["observation"]["value"]["value"].as_str().unwrap().to_owned()).collect()
    };
    let count = |count: usize| {
        move |lines: &[serde_json::Value]| lines.iter().filter(|line| line["type"] == "observation").count() == count
    };
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until("two values", count(2)).await.unwrap();
    assert_eq!(seen(&host), ["1", "2"]);
    host.kill();
    std::fs::write(&file, "{\"p\":1}\n{\"p\":2}\n{\"p\":3}\n{\"p\":4}\n").unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until("two more", count(2)).await.unwrap();
    assert_eq!(seen(&host), ["3", "4"]);
    // Rotated: another file under the same name.
    std::fs::rename(&file, folder.path().join("prices.1")).unwrap();
    std::fs::write(&file, "{\"p\":5}\n").unwrap();
    host.until("the first of the new file", count(3)).await.unwrap();
    assert_eq!(seen(&host), ["3", "4", "5"]);
    host.stop().unwrap();
}
