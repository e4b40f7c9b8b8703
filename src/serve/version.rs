//! Which HTTP a connection speaks, told by its first bytes.
//!
//! They are looked at and left where they are. hyper-util's `auto` takes them out, 24 of them: hyper then begins with a
//! piece of a head, makes its buffer twice as large for the rest, and keeps it so for as long as the connection lives.

use std::time::Duration;

use tokio::{net::TcpStream, time::sleep};

/// What an HTTP/2 client says first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Pause before another look at a preface of which only the beginning is there; it doubles from look to look. What was
/// seen does not go away, so the kernel cannot be asked to wake us when there is more.
const SOON: Duration = Duration::from_millis(5);

/// The versions that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// HTTP/1.1 and 1.0.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

impl Version {
    /// The version that the peer of `stream` speaks, once it has said enough. Whoever is gone gets [`Version::Http1`],
    /// where that is found out again.
    pub(super) async fn of(stream: &TcpStream) -> Self {
        let mut first = [0; PREFACE.len()];
        let mut pause = SOON;
        loop {
            let seen = stream.peek(&mut first).await.unwrap_or(0);
            match Self::told_by(&first[..seen]) {
                Some(version) => return version,
                None => sleep(pause).await,
            }
            pause *= 2;
        }
    }

    /// `None` where it may still become either.
    fn told_by(first: &[u8]) -> Option<Self> {
        match first {
            [] => Some(Self::Http1),
            PREFACE => Some(Self::Http2),
            _ if PREFACE.starts_with(first) => None,
            _ => Some(Self::Http1),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;

    #[test]
    fn only_the_whole_preface_is_http_2() {
        let cases: [(&[u8], Option<Version>); 7] = [
            (b"", Some(Version::Http1)),
            (b"P", None),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", None),
            (PREFACE, Some(Version::Http2)),
            (b"POST /mcp/some-server HT", Some(Version::Http1)),
            (b"PRI * HTTP/1.1\r\n", Some(Version::Http1)),
            (b"\x16\x03\x01", Some(Version::Http1)),
        ];
        for (first, expected) in cases {
            assert_eq!(Version::told_by(first), expected, "{}", first.escape_ascii());
        }
    }

    #[tokio::test]
    async fn a_preface_may_come_in_pieces() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        client.write_all(&PREFACE[..2]).await.unwrap();
        let version = tokio::spawn(async move { Version::of(&stream).await });
        client.write_all(&PREFACE[2..]).await.unwrap();
        assert_eq!(version.await.unwrap(), Version::Http2);
    }
}
