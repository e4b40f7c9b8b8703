//! Connections, with what they need of the kernel.

use std::{io, time::Duration};

use hyper_util::client::legacy::connect::HttpConnector;
use tokio::net::TcpStream;

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

/// A connection that was taken in. No answer waits for the peer's delayed acknowledgement of the one before it, and a peer
/// that reads nothing of what was written for as long as `patience`, or has gone without a word, loses its connection: what
/// was written is held for it. What HTTP/2 holds back for want of a window is not written. The kernel counts that time
/// (`TCP_USER_TIMEOUT`, tcp(7), RFC 5482), where it can: on Linux.
///
/// # Errors
/// What the kernel refused; the connection can be used all the same.
pub(crate) fn taken_in(stream: &TcpStream, patience: Duration) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    let bounded = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(patience));
    #[cfg(not(target_os = "linux"))]
    let bounded = {
        let _ = patience;
        Ok(())
    };
    // Whatever became of the one, the other is tried.
    stream.set_nodelay(true).and(bounded)
}

#[cfg(test)]
mod tests {
    use tokio::{net::TcpListener, time::sleep};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn nothing_that_is_written_waits_for_what_was_written_before() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
        assert!(connector().oneshot(uri).await.unwrap().inner().nodelay().unwrap());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_takes_nothing_of_an_answer_loses_the_connection_and_who_takes_it_late_does_not() {
        let patience = Duration::from_millis(500);
        for takes in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            taken_in(&stream, patience).unwrap();
            assert!(stream.nodelay().unwrap());
            let (mut written, mut taken, mut waits, mut room) = (0, 0, 0, vec![0; 1 << 20]);
            let over = loop {
                // What can be written at once is; the clock is the kernel's.
                match stream.try_write(&[b'x'; 1 << 13]) {
                    Ok(bytes) => written += bytes,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        sleep(patience / 4).await;
                        waits += 1;
                        taken += if takes { client.try_read(&mut room).unwrap_or(0) } else { 0 };
                    }
                    Err(error) => break Some(error.kind()),
                }
                if taken > 8 << 20 || waits > 200 {
                    break None;
                }
            };
            assert_eq!(over, (!takes).then_some(io::ErrorKind::TimedOut), "{written} {taken} {waits}");
        }
    }
}
