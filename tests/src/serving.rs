//! Servers of the kit, each on a port of its own.

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Serves until the test ends, or the task is ended. Returns the port.
///
/// # Errors
///
/// If no port is free.
pub(crate) async fn serve(router: Router) -> anyhow::Result<(u16, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let task = tokio::spawn(async move {
        // It ends with the test.
        let _ = axum::serve(listener, router).await;
    });
    Ok((port, task))
}
