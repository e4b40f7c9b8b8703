//! Connections to other servers, with what every one of them needs of the kernel.

use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

/// How often a peer that says nothing is asked whether it is still there: below the shortest idle time-outs of NAT gateways
/// (350 s at AWS), and soon enough to notice a dead peer.
pub(crate) const KEEPALIVE: Duration = Duration::from_mins(1);

/// Connects for HTTP, with TLS above it or without.
///
/// Nothing waits to be sent with something later (`TCP_NODELAY`): what is written here is a whole message or a part of a large
/// one, and the last part would wait until the peer has acknowledged all others, for which it may take 40 ms.
pub(crate) fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    // What may be spoken to without TLS is decided where the URL comes from.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn nothing_that_is_written_waits_for_what_was_written_before() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
        assert!(connector().oneshot(uri).await.unwrap().inner().nodelay().unwrap());
    }
}
