//! A connection that is read a little at a time, and between two reads everybody else has a turn.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::net::TcpStream;
use tokio::task::yield_now;

/// Bytes that are read at once: some microseconds.
const LITTLE: u64 = 16 * 1024;

/// What comes over it is for a collector, which in life has a core of its own: here it must not keep the load waiting.
#[derive(Debug)]
pub(crate) struct Gentle {
    stream: Take<TcpStream>,
    /// Others have their turn.
    others: Option<Arc<Turn>>,
}

impl Gentle {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream: stream.take(LITTLE), others: None }
    }
}

impl AsyncRead for Gentle {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(others) = &mut self.others {
            ready!(others.poll(cx));
            self.others = None;
        }
        self.stream.set_limit(LITTLE);
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            self.others = Some(Turn::begin());
        }
        read
    }
}

impl AsyncWrite for Gentle {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(cx)
    }
}

/// Lasts until the runtime has looked at all sockets, whatever else wakes the task that waits for it.
#[derive(Debug, Default)]
struct Turn(Mutex<(bool, Option<Waker>)>);

impl Turn {
    fn begin() -> Arc<Self> {
        let turn = Arc::<Self>::default();
        let waker = Waker::from(Arc::clone(&turn));
        // Wakes what it is given when it is over.
        let _ = pin!(yield_now()).poll(&mut Context::from_waker(&waker));
        turn
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = Some(cx.waker().clone());
        if state.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        if let Some(waiting) = state.1.take() {
            waiting.wake();
        }
    }
}
