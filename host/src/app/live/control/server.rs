//! The host's end.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Json, Router};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::app::live::control::{Answer, Ask, Order, socket_of};
use crate::http::serve::serve_socket;

/// How many questions may wait.
const WAITING: usize = 16;

/// A socket that is listened on for as long as it is held.
pub struct Control {
    orders: mpsc::Receiver<Order>,
    listening: Option<(JoinHandle<()>, PathBuf)>,
}

impl Control {
    /// Listens beside a journal. The journal's lock says that no other host does.
    pub fn beside(journal: &Path) -> Self {
        let (ask, orders) = mpsc::channel(WAITING);
        let path = socket_of(journal);
        let listening = match listen(&path) {
            Ok(listener) => {
                let router = Router::new().route("/", post(answer)).with_state(ask);
                let serving = tokio::spawn(async move {
                    let router = |stream: &UnixStream| router.clone().layer(Extension(Peer::of(stream)));
                    serve_socket("the control socket", listener, router).await;
                });
                Some((serving, path))
            }
            Err(error) => {
                tracing::warn!(
                    "`{}`: {error}; `watchfire plugin status` and the like can't reach this host",
                    path.display()
                );
                None
            }
        };
        Self { orders, listening }
    }

    /// Waits for the next question.
    pub async fn next(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some((serving, path)) = &self.listening {
            serving.abort();
            // One that stays behind is taken over by the next host.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn listen(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Whose process is at the other end, by the kernel's word.
#[derive(Clone, Debug)]
struct Peer {
    proof: String,
}

impl Peer {
    fn of(stream: &UnixStream) -> Self {
        let proof = match stream.peer_cred() {
            Ok(peer) => format!("uid {} on this machine", peer.uid()),
            Err(error) => format!("an account that is not known: {error}"),
        };
        Self { proof }
    }
}

async fn answer(
    Extension(peer): Extension<Peer>,
    State(orders): State<mpsc::Sender<Order>>,
    Json(mut ask): Json<Ask>,
) -> Json<Answer> {
    if let Ask::Act { act } = &mut ask {
        act.proof = peer.proof;
    }
    let (reply, answered) = oneshot::channel();
    let is_ending = || Answer::Refused { why: vec!["the host is ending".to_owned()] };
    if orders.send((ask, reply)).await.is_err() {
        return Json(is_ending());
    }
    Json(answered.await.unwrap_or_else(|_| is_ending()))
}
