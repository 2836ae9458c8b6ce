//! Serves HTTP to strangers: whoever connects and says nothing, says it slowly, or comes a thousand times, uses up a bounded part of
//! the host.

use std::future::Future;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Most connections to one address at once; more wait until one ends.
const CONNECTIONS: usize = 128;
/// How long a connection may take to send the head of a request, the wait between two requests among it.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// The same on a socket of this machine.
const LOCAL_HEAD_WITHIN: Duration = Duration::from_millis(500);
/// How long a request may take from its head to its answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// Longest head, bytes, and most headers.
const HEAD_BYTES: usize = 32 * 1_024;
const HEADERS: usize = 100;
/// How long is waited after the system refused a connection, as it does when no descriptors are left.
const REFUSED_REST: Duration = Duration::from_millis(500);
/// How long requests that are under way may take once the server is to end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// Serves until `until` is done. `what` names the address in the log.
pub async fn serve(what: &str, listener: TcpListener, router: Router, until: impl Future<Output = ()>) {
    let router = router.layer(from_fn(in_time));
    serve_each(what, listener, HEAD_WITHIN, |_| router.clone(), until).await;
}

/// Serves a socket of this machine, whose users' requests may take as long as they take. `router` makes the router of a connection.
pub async fn serve_socket(what: &str, listener: UnixListener, router: impl Fn(&UnixStream) -> Router) {
    serve_each(what, listener, LOCAL_HEAD_WITHIN, router, std::future::pending()).await;
}

/// Where connections come in.
trait Listens {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next one.
    fn next(&self) -> impl Future<Output = std::io::Result<Self::Stream>> + Send;
}

impl Listens for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> std::io::Result<TcpStream> {
        Ok(self.accept().await?.0)
    }
}

impl Listens for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> std::io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}

async fn serve_each<L: Listens>(
    what: &str,
    listener: L,
    head_within: Duration,
    router: impl Fn(&L::Stream) -> Router,
    until: impl Future<Output = ()>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let (mut refused, mut was_full) = (false, false);
    tokio::pin!(until);
    loop {
        if room.available_permits() == 0 && !std::mem::replace(&mut was_full, true) {
            tracing::warn!("{what}: {CONNECTIONS} connections are open; others wait. Put a proxy before it");
        }
        let accepted = async {
            // Before a connection is accepted, so that one that waits costs no descriptor.
            let permit = room.clone().acquire_owned().await;
            (listener.next().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            () = &mut until => break,
            accepted = accepted => accepted,
        };
        let stream = match accepted {
            Ok(accepted) => accepted,
            // The other side has gone already.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => continue,
            Err(error) => {
                if !std::mem::replace(&mut refused, true) {
                    tracing::error!("{what}: no connection is accepted: {error}; see to the limit on open files");
                }
                tokio::time::sleep(REFUSED_REST).await;
                continue;
            }
        };
        refused = false;
        was_full &= room.available_permits() == 0;
        let service = TowerToHyperService::new(router(&stream));
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(head_within)
                .max_buf_size(HEAD_BYTES)
                .max_headers(HEADERS);
            // What a stranger's connection ends with is of no interest.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
    }
    drop(listener);
    let all = room.acquire_many(CONNECTIONS as u32);
    let _ = tokio::time::timeout(ENDS_WITHIN, all).await;
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWERED_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "it took too long\n").into_response(),
    }
}

/// Tells whether a request to an address of this machine alone names it as its own users do. A page in somebody's browser that
/// had its own name point here names another.
pub fn is_meant(listen: SocketAddr, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(of_v6) => of_v6.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    !listen.ip().is_loopback() || name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "here" })).route("/", post(|body: String| async { body }));
        tokio::spawn(async move { serve("test", listener, router, std::future::pending()).await });
        address
    }

    #[tokio::test]
    async fn whoever_says_half_a_head_is_shown_out_and_others_come_in() {
        let address = server().await;
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS + 20 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.unwrap();
            idle.push(stream);
        }
        let began = std::time::Instant::now();
        let mut honest = TcpStream::connect(address).await.unwrap();
        honest.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        honest.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        assert!(began.elapsed() < HEAD_WITHIN * 3, "{:?}", began.elapsed());
        let mut first = idle.swap_remove(0);
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(HEAD_WITHIN * 3, first.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "the first is closed");
    }

    #[tokio::test]
    async fn whoever_keeps_silent_at_a_socket_keeps_no_operator_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sock");
        let listener = UnixListener::bind(&path).unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(async move { serve_socket("test", listener, |_| router.clone()).await });
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS {
            idle.push(UnixStream::connect(&path).await.unwrap());
        }
        let mut honest = UnixStream::connect(&path).await.unwrap();
        honest.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let answered = tokio::time::timeout(Duration::from_secs(60), honest.read_to_string(&mut answer)).await;
        assert!(answered.is_ok() && answer.ends_with("here"), "{answer}");
    }

    #[test]
    fn a_name_that_points_here_is_not_meant() {
        let here: SocketAddr = "127.0.0.1:9464".parse().unwrap();
        let is_meant = |listen, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            is_meant(listen, &headers)
        };
        for host in ["127.0.0.1:9464", "localhost:9464", "LOCALHOST", "[::1]:9464", "127.0.0.1"] {
            assert!(is_meant(here, host), "{host}");
        }
        for host in ["evil.example:9464", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!is_meant(here, host), "{host}");
        }
        assert!(
            is_meant("0.0.0.0:9464".parse().unwrap(), "watchfire.internal:9464"),
            "others may name it as they like"
        );
    }
}
