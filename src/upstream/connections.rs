//! Counts the connections to upstreams: how many are open, and how many were opened since the start.

use std::{
    collections::BTreeMap,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// The counts of every host. A clone counts on.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(Arc<Mutex<BTreeMap<String, Arc<Counts>>>>);

#[derive(Debug, Default)]
struct Counts {
    open: AtomicU64,
    opened: AtomicU64,
}

/// The connections to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The host of an account; `None` for all others together, where downloads are redirected to.
    pub host: Option<String>,
    /// Connections that are open, whether a request is at work on them or not.
    pub open: u64,
    /// Connections that were opened since the start.
    pub opened: u64,
}

impl Connections {
    /// Count a connection to this host, `None` for one that is no account's, until it is dropped.
    pub(super) fn count<I>(&self, host: Option<&str>, connection: I) -> Counted<I> {
        let counts = self.of(host.unwrap_or_default());
        counts.open.fetch_add(1, Ordering::Relaxed);
        counts.opened.fetch_add(1, Ordering::Relaxed);
        Counted { connection, _open: Open(counts) }
    }

    /// The counts of every host that was connected to since the start, by its name.
    pub(super) fn pools(&self) -> Vec<Pool> {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = |(host, counts): (&String, &Arc<Counts>)| Pool {
            host: Some(host.clone()).filter(|host| !host.is_empty()),
            open: counts.open.load(Ordering::Relaxed),
            opened: counts.opened.load(Ordering::Relaxed),
        };
        hosts.iter().map(pool).collect()
    }

    fn of(&self, host: &str) -> Arc<Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(host.to_owned()).or_default().clone()
    }
}

/// One open connection.
#[derive(Debug)]
struct Open(Arc<Counts>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that is counted for as long as it is there.
#[derive(Debug)]
pub(super) struct Counted<I> {
    connection: I,
    _open: Open,
}

impl<I: Connection> Connection for Counted<I> {
    fn connected(&self) -> Connected {
        self.connection.connected()
    }
}

impl<I: Read + Unpin> Read for Counted<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(cx, buffer)
    }
}

impl<I: Write + Unpin> Write for Counted<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write_vectored(cx, pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_open_until_it_is_dropped_and_those_elsewhere_are_one() {
        let connections = Connections::default();
        let first = connections.count(Some("a"), ());
        let _second = connections.count(Some("a"), ());
        drop([connections.count(None, ()), connections.count(None, ())]);
        drop(first);
        let pool = |host: Option<&str>, open, opened| Pool { host: host.map(ToOwned::to_owned), open, opened };
        assert_eq!(connections.pools(), [pool(None, 0, 2), pool(Some("a"), 1, 2)]);
    }
}
