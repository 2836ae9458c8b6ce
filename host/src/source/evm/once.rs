//! Connections that are never made anew by themselves.

use alloy::pubsub::{ConnectionHandle, PubSubConnect};
use alloy::transports::{TransportErrorKind, TransportResult};

/// Connects once. A connection that was lost is made anew by whoever then asks first which chain the node is on, and knows
/// other nodes to turn to.
#[derive(Clone, Debug)]
pub(super) struct Once<C>(pub C);

impl<C: PubSubConnect> PubSubConnect for Once<C> {
    fn is_local(&self) -> bool {
        self.0.is_local()
    }

    fn connect(&self) -> impl Future<Output = TransportResult<ConnectionHandle>> + Send {
        self.0.connect()
    }

    fn try_reconnect(&self) -> impl Future<Output = TransportResult<ConnectionHandle>> + Send {
        std::future::ready(Err(TransportErrorKind::non_retryable_str("the connection was lost")))
    }
}
