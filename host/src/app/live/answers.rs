//! Where answers come in: an address that services post to and people follow links to. Who is let in is each door's; what an
//! answer does, and whether it came before, is the loop's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::app::live::callouts::{Callouts, FIRST};
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::messages::Message;
use crate::deliver::answer::{About, Answer, Answerer, Asks, Door, Found, Posted, Reply, There};

/// Largest body that is read, bytes.
const MAX_BODY_BYTES: usize = 256 * 1_024;
/// How long the loop may take, so that a service that waits three seconds hears in time.
const ANSWERED_WITHIN: Duration = Duration::from_millis(2_500);
/// How long a service may take to show why an answer was not taken.
const TOLD_WITHIN: Duration = Duration::from_secs(10);
/// How often a refusal is logged.
const REFUSALS_LOGGED: Quota = Quota::per_minute(NonZeroU32::new(6).expect("six is not zero"));

/// What makes and reads the tokens of answers, and each channel's door by its name.
pub type Open = (Asks, BTreeMap<String, Door>);

/// Who is let in, as the config has it now.
#[derive(Clone, Default)]
pub struct Doors(Arc<RwLock<Option<Open>>>);

impl Doors {
    /// Lets others in from here on.
    pub fn replace(&self, doors: Option<Open>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = doors;
    }

    fn asks(&self) -> Option<Asks> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(asks, _)| asks.clone())
    }

    fn door(&self, channel: &str) -> Option<Door> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .and_then(|(_, doors)| doors.get(channel).cloned())
    }
}

#[derive(Clone)]
struct Desk {
    doors: Doors,
    messages: mpsc::Sender<Message>,
    callouts: Callouts,
    refusals: Arc<DefaultDirectRateLimiter>,
}

/// Listens until the process ends.
///
/// # Errors
///
/// If nobody can listen on the address.
pub async fn serve(
    listen: SocketAddr,
    doors: Doors,
    messages: mpsc::Sender<Message>,
    callouts: Callouts,
) -> anyhow::Result<()> {
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("nobody can listen on {listen} (answers.listen)"))?;
    tracing::info!("taking answers on http://{}", listener.local_addr()?);
    let desk = Desk { doors, messages, callouts, refusals: Arc::new(RateLimiter::direct(REFUSALS_LOGGED)) };
    let router = Router::new()
        .route("/answer/{channel}", post(by_service))
        .route("/a/{token}", get(show).post(by_link))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(desk);
    tokio::spawn(async move { crate::http::serve::serve("answers", listener, router, std::future::pending()).await });
    Ok(())
}

impl Desk {
    fn refuse(&self, channel: &str, status: StatusCode, why: &str) -> Response {
        if self.refusals.check().is_ok() {
            tracing::warn!(channel, "an answer was refused: {why}");
        }
        // Whoever may not answer need not hear why.
        (status, "refused\n").into_response()
    }

    /// Gives an answer to the callout that is under way if it is its own, or else to the loop. Returns what came of it, in a
    /// line for whoever answered.
    async fn give(&self, channel: &str, answer: Answer) -> Result<Result<String, String>, Response> {
        let Some(callout) = self.callouts.under_way() else { return give_to(&self.messages, channel, answer).await };
        match &answer.about {
            About::Incident(id) if *id >= FIRST => give_to(&callout, channel, answer).await,
            About::Incident(_) => give_to(&self.messages, channel, answer).await,
            About::Mark(_) => match give_to(&callout, channel, answer.clone()).await {
                Ok(Ok(line)) => Ok(Ok(line)),
                _ => give_to(&self.messages, channel, answer).await,
            },
            // Whoever was sent a test and has not answered it answers that: an incident that nobody takes goes on paging, and one
            // that was taken by mistake does not.
            About::OnlyOne => match give_to(&callout, channel, answer.clone()).await {
                Ok(Ok(line)) => Ok(Ok(line)),
                _ => give_to(&self.messages, channel, answer).await,
            },
        }
    }
}

/// Gives an answer to whoever takes it. Returns what came of it, in a line for whoever answered.
async fn give_to(
    to: &mpsc::Sender<Message>,
    channel: &str,
    answer: Answer,
) -> Result<Result<String, String>, Response> {
    let given = async {
        let (reply, done) = oneshot::channel();
        to.send(Message::Answer { channel: channel.to_owned(), answer, reply }).await.ok()?;
        done.await.ok()
    };
    match tokio::time::timeout(ANSWERED_WITHIN, given).await {
        Ok(Some(done)) => Ok(done),
        // The service, or the person, tries again.
        _ => Err((StatusCode::SERVICE_UNAVAILABLE, "the host did not take it in time\n").into_response()),
    }
}

async fn by_service(
    State(desk): State<Desk>,
    Path(channel): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (Some(door), Some(asks)) = (desk.doors.door(&channel), desk.doors.asks()) else {
        return desk.refuse(&channel, StatusCode::NOT_FOUND, "there is no such channel, or it takes no answers");
    };
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let url = format!("{}{path}", asks.public_url);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let found = door.open(&Posted { url: &url, header: &header, body: &body, now_s: wall_clock_ms() / 1_000 });
    match found {
        Err(why) => desk.refuse(&channel, StatusCode::UNAUTHORIZED, &why),
        Ok(Found::Nothing(say)) if say.starts_with('<') => xml(say),
        Ok(Found::Nothing(say)) => say.into_response(),
        Ok(Found::Answer(answer, reply)) => match desk.give(&channel, answer).await {
            Err(response) => response,
            Ok(done) => {
                if let Err(why) = &done
                    && desk.refusals.check().is_ok()
                {
                    tracing::warn!(channel, "an answer was not taken: {why}");
                }
                if let (Reply::Refusal(url), Err(why)) = (&reply, &done) {
                    tokio::spawn(tell(url.clone(), why.clone()));
                }
                said(reply, &done.unwrap_or_else(|why| why))
            }
        },
    }
}

/// Says what came of an answer in the form of its service. The service did its part: it is not told to come again.
fn said(reply: Reply, line: &str) -> Response {
    let escaped = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    match reply {
        Reply::Empty | Reply::Refusal(_) => StatusCode::OK.into_response(),
        // <https://core.telegram.org/bots/api#making-requests-when-getting-updates>; 200 characters at most.
        Reply::Callback(id) => axum::Json(serde_json::json!({
            "method": "answerCallbackQuery", "callback_query_id": id, "text": line.chars().take(200).collect::<String>(),
        }))
        .into_response(),
        Reply::Text => xml(format!("<Response><Message>{escaped}</Message></Response>")),
        Reply::Speech => xml(format!("<Response><Say>{escaped}</Say></Response>")),
    }
}

/// Tells whoever pressed a button, and nobody else, why it was not taken: they believe that they have it.
async fn tell(url: String, why: String) {
    let client = crate::http::client_builder().timeout(TOLD_WITHIN).redirect(reqwest::redirect::Policy::none()).build();
    let Ok(client) = client else { return };
    let text = format!("{} You do not have it.", plain(&why));
    let body = serde_json::json!({ "response_type": "ephemeral", "replace_original": false, "text": text });
    let sent = client.post(url).json(&body).send().await.and_then(reqwest::Response::error_for_status);
    if let Err(error) = sent {
        tracing::warn!("who pressed a button was not told that it was not taken: {}", error.without_url());
    }
}

fn xml(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], text).into_response()
}

/// Shows a link's page. It does nothing yet: mail scanners and previews follow links, and none of them has the incident.
async fn show(State(desk): State<Desk>, Path(token): Path<String>) -> Response {
    let claim =
        desk.doors.asks().ok_or_else(String::new).and_then(|asks| asks.pass.read(&token, wall_clock_ms() / 1_000));
    match claim {
        Err(why) => desk.refuse("link", StatusCode::NOT_FOUND, &why),
        Ok(claim) if claim.incident >= FIRST => page(
            StatusCode::OK,
            "<p>A test of whether you are reached. There is no incident.</p>\
             <form method=\"post\"><button>I was reached</button></form>",
        ),
        Ok(claim) => page(
            StatusCode::OK,
            &format!(
                "<p>Incident {}.</p><form method=\"post\"><button>I have it</button></form>\
                 <p>This says that you look at it. It decides nothing.</p>",
                claim.incident
            ),
        ),
    }
}

async fn by_link(State(desk): State<Desk>, Path(token): Path<String>) -> Response {
    let claim =
        desk.doors.asks().ok_or_else(String::new).and_then(|asks| asks.pass.read(&token, wall_clock_ms() / 1_000));
    let claim = match claim {
        Ok(claim) if !claim.person.is_empty() => claim,
        Ok(_) => return desk.refuse("link", StatusCode::NOT_FOUND, "the token is a button's, and says nobody"),
        Err(why) => return desk.refuse("link", StatusCode::NOT_FOUND, &why),
    };
    let mac = token.rsplit('.').next().unwrap_or_default();
    let answer = Answer {
        from: Answerer::Person(claim.person),
        about: About::Incident(claim.incident),
        id: format!("link/{mac}"),
        there: There::Nothing,
    };
    match desk.give("link", answer).await {
        Err(response) => response,
        Ok(Ok(line)) => page(StatusCode::OK, &format!("<p>{}</p>", plain(&line))),
        Ok(Err(line)) => page(StatusCode::CONFLICT, &format!("<p>{}</p>", plain(&line))),
    }
}

fn plain(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Watchfire</title>{body}\n"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; form-action 'self'; frame-ancestors 'none'"),
    ];
    (status, headers, html).into_response()
}
