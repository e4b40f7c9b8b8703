//! A connection of HTTP/1.1 whose answer is being read.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::Frame;
use hyper::body::Incoming;

use super::host::Host;
use super::http1::Http1;

/// Dropped before the end of the answer, it takes its connection along.
pub(in super::super) struct Lease {
    host: Arc<Host>,
    connection: Box<Http1>,
}

impl Lease {
    /// The connection that has answered.
    pub(super) fn new(host: Arc<Host>, connection: Box<Http1>) -> Self {
        Self { host, connection }
    }

    /// The next frame of its answer, whose body is `body`.
    pub(in super::super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.connection.poll_frame(body, cx)
    }

    /// The answer was read to its end: the connection may be used again, unless it is over or not done with its request.
    pub(in super::super) fn end(self) {
        let Self { host, mut connection } = self;
        if connection.is_ready() {
            host.keep(connection);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(self.host.header()).finish()
    }
}
