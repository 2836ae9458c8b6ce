//! The signed webhook as a channel: the effect as it is, for a program to read.

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::deliver::channel::letter::Letter;
use crate::deliver::channel::{Sent, Service};
use crate::deliver::webhook::{Undelivered, Webhook};

impl Service for Webhook {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Sent, Undelivered>> {
        async move {
            let delivered = self.deliver(&letter.ordered, letter.is_test, letter.now_ms).await;
            delivered.map(|()| Sent::default())
        }
        .boxed()
    }
}
