//! A connection that speaks by itself, and is made again when it breaks.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rand::RngExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::config::WebsocketSource;
use super::outlet::{Closed, Outlet};
use super::until_stopped;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that says nothing for so long is asked whether it lives, and given up when it does not answer.
const PING_AFTER: Duration = Duration::from_secs(30);

pub(super) async fn run(
    source: WebsocketSource,
    mut outlet: Outlet,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let (mut failures, mut why) = (0_u32, String::new());
    let mut next = Instant::now();
    loop {
        tokio::select! {
            () = until_stopped(&mut stop) => return Ok(()),
            () = sleep_until(outlet.silence_due()) => outlet.silent(&why).await?,
            () = sleep_until(next) => {
                match connect(&source).await {
                    Ok(stream) => {
                        failures = 0;
                        outlet.reached().await?;
                        match listen(stream, &mut outlet, &mut stop).await? {
                            None => return Ok(()),
                            Some(broke) => why = broke,
                        }
                    }
                    Err(failed) => {
                        why = failed;
                        outlet.failed(&why).await?;
                    }
                }
                tracing::warn!(feed = outlet.name(), "{}: {why}", source.url);
                let wait = (Duration::from_secs(1) * 2_u32.saturating_pow(failures.min(6))).min(LONGEST_WAIT);
                failures += 1;
                next = Instant::now() + wait.mul_f64(rand::rng().random_range(1.0..1.25));
            }
        }
    }
}

async fn connect(source: &WebsocketSource) -> Result<Stream, String> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(source.max_body_bytes))
        .max_frame_size(Some(source.max_body_bytes));
    let connecting = connect_async_with_config(source.url.expose(), Some(config), false);
    let (mut stream, _) = timeout(Duration::from_millis(source.timeout_ms), connecting)
        .await
        .map_err(|_| format!("no connection within {} ms", source.timeout_ms))?
        .map_err(|error| error.to_string())?;
    for message in &source.subscribe {
        stream.send(Message::text(message.clone())).await.map_err(|error| error.to_string())?;
    }
    Ok(stream)
}

/// Listens until the connection breaks, and returns how; `None` if it was stopped.
async fn listen(
    mut stream: Stream,
    outlet: &mut Outlet,
    stop: &mut watch::Receiver<bool>,
) -> Result<Option<String>, Closed> {
    let mut asked = false;
    let mut quiet_until = Instant::now() + PING_AFTER;
    loop {
        tokio::select! {
            () = until_stopped(stop) => return Ok(None),
            () = sleep_until(outlet.silence_due()) => outlet.silent("the connection stands, and says nothing").await?,
            () = sleep_until(outlet.held_due()) => outlet.release().await?,
            () = sleep_until(quiet_until) => {
                if asked {
                    return Ok(Some("it no longer answers".to_owned()));
                }
                asked = true;
                quiet_until = Instant::now() + PING_AFTER;
                if let Err(error) = stream.send(Message::Ping(Vec::new().into())).await {
                    return Ok(Some(error.to_string()));
                }
            }
            message = stream.next() => {
                asked = false;
                quiet_until = Instant::now() + PING_AFTER;
                match message {
                    None => return Ok(Some("the other side closed the connection".to_owned())),
                    Some(Err(error)) => return Ok(Some(error.to_string())),
                    Some(Ok(Message::Text(text))) => outlet.message(text.as_str(), String::new()).await?,
                    Some(Ok(Message::Binary(bytes))) => match std::str::from_utf8(&bytes) {
                        Ok(text) => outlet.message(text, String::new()).await?,
                        Err(_) => outlet.malformed("a binary message that is not UTF-8".to_owned()).await?,
                    },
                    Some(Ok(_)) => {}
                }
            }
        }
    }
}
