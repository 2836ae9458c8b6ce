use std::net::TcpListener;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Client;
use sha2::Sha256;

use super::super::outlet::now_ms;
use super::{Running, start};

fn client() -> Client {
    crate::http::client_builder().build().unwrap()
}

/// What a sender sends, each part of which may be wrong.
struct Post {
    key: &'static str,
    id: &'static str,
    age_s: i64,
    body: String,
    /// What is sent in place of the body that was signed.
    forged: Option<&'static str>,
}

fn post(id: &'static str, body: &str) -> Post {
    Post { key: "new key", id, age_s: 0, body: body.to_owned(), forged: None }
}

async fn send(url: &str, post: Post) -> (u16, String) {
    let timestamp = (now_ms() as i64 / 1_000 - post.age_s).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(post.key.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{}.{}", post.id, post.body).as_bytes());
    let signature = format!("v1={}", hex::encode(mac.finalize().into_bytes()));
    let request = client()
        .post(url)
        .header("x-watchfire-timestamp", timestamp)
        .header("x-watchfire-delivery", post.id)
        .header("x-watchfire-signature", signature)
        .body(post.forged.map_or(post.body, str::to_owned));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn listening(more: &str, recent: Vec<crate::event::Observation>) -> (String, Running) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = format!(
        "kind = \"webhook\"\nlisten = \"{address}\"\npath = \"/price\"\nsecrets = [\"old key\", \"new key\"]\npointer = \
         \"/p\"\nmax_body_bytes = 100\n{more}"
    );
    (format!("http://{address}/price"), start(&config, std::path::Path::new("."), recent))
}

async fn up(url: &str) {
    while client().get(url).send().await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn only_what_is_signed_fresh_and_new_is_taken() {
    let (url, mut feed) = listening("", Vec::new());
    up(&url).await;
    let refuse = async |post: Post, status: u16, what: &str| {
        let (came, text) = send(&url, post).await;
        assert_eq!(came, status, "{text}");
        assert!(text.starts_with(what), "{text}");
    };
    let good = "{\"p\":1.50}";
    let foreign = "the signature is of another key, or of another body";
    refuse(Post { key: "another", ..post("a", good) }, 401, foreign).await;
    refuse(Post { forged: Some("{\"p\":9}"), ..post("a", good) }, 401, foreign).await;
    refuse(Post { age_s: 400, ..post("a", good) }, 401, "the timestamp is 40").await;
    refuse(Post { age_s: -400, ..post("a", good) }, 401, "the timestamp is ").await;
    refuse(post("a", &"x".repeat(200)), 413, "").await;
    let unsigned = client().post(&url).body(good).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    assert_eq!(unsigned.text().await.unwrap(), "the header `x-watchfire-timestamp` is missing");
    refuse(post("a", "{\"q\":1}"), 422, "there is no `/p` in it: `p` is not there").await;
    assert_eq!(feed.next().await, "feed-malformed: there is no `/p` in it: `p` is not there");

    // Either key is good while one replaces the other, and the answer waits for the journal.
    for (id, key) in [("b", "old key"), ("c", "new key")] {
        let url = url.clone();
        let mut sent = tokio::spawn(async move { send(&url, Post { key, ..post(id, good) }).await });
        if id == "b" {
            assert_eq!(feed.next().await, "feed-malformed is over: it makes sense again");
        }
        let (value, done) = feed.next_with().await;
        assert_eq!(value, "1.50");
        let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut sent).await;
        assert!(early.is_err(), "answered before it was journaled: {early:?}");
        done.unwrap().send(()).unwrap();
        assert_eq!(sent.await.unwrap(), (200, "journaled".to_owned()));
    }
    refuse(post("b", good), 409, "this delivery was taken already").await;

    // What was taken before a restart is known after it.
    let observed = feed.end().await;
    let (url, feed) = listening("", observed);
    up(&url).await;
    assert_eq!(send(&url, post("c", good)).await, (409, "this delivery was taken already".to_owned()));
    feed.end().await;
}

#[tokio::test]
async fn the_second_silence_is_told_as_well() {
    let (url, mut feed) = listening("silent_after_s = 1\n", Vec::new());
    assert_eq!(feed.next().await, "feed-silent: no value for 1 s: nobody posted");
    let sent = tokio::spawn(async move { send(&url, post("a", "{\"p\":1}")).await });
    assert_eq!(feed.next().await, "feed-silent is over: it speaks again");
    let (_, done) = feed.next_with().await;
    done.unwrap().send(()).unwrap();
    assert_eq!(sent.await.unwrap().0, 200);
    assert_eq!(feed.next().await, "feed-silent: no value for 1 s: nobody posted");
    feed.end().await;
}
