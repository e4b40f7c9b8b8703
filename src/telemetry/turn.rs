//! A turn of all others: what a task waits for that has much to do and nothing to wait for.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;
use tokio::task::yield_now;

/// Lasts until every task of this worker that could be at work has been at work, and the worker has asked the kernel what
/// else there is to do. A task that only wakes itself comes before those that are to be woken by their sockets; and a future of
/// `yield_now` is over when it is polled for the second time, which may be because of something else its task waits for.
///
/// That whoever yields is woken after that is how tokio does it, and nothing that it promises: should it do otherwise, or
/// where there is no worker, the turn is over sooner.
#[derive(Debug)]
pub(super) struct Turn(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    is_over: AtomicBool,
    waiting: AtomicWaker,
}

impl Turn {
    /// It begins.
    pub(super) fn begin() -> Self {
        let seen = Arc::<Seen>::default();
        let waker = Waker::from(seen.clone());
        // Whoever is given to the runtime here is woken by it at the end of the turn, and by nobody else.
        let _ = pin!(yield_now()).poll(&mut Context::from_waker(&waker));
        Self(seen)
    }

    /// Is it over? If not, the task that asks is woken when it is.
    pub(super) fn poll_over(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.waiting.register(cx.waker());
        if self.0.is_over.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Wake for Seen {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_over.store(true, Ordering::Release);
        self.waiting.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, io::Write as _};

    use tokio::{io::AsyncReadExt as _, net::TcpListener, spawn};

    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_socket_has_a_turn_however_often_the_one_who_gives_it_is_woken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut socket, _) = listener.accept().await.unwrap();
        let waits = spawn(async move { socket.read_u8().await.unwrap() });
        yield_now().await;
        peer.write_all(b"x").unwrap();
        let gives = spawn(async move {
            let (turn, mut polls) = (Turn::begin(), 0);
            poll_fn(|cx| {
                polls += 1;
                if polls < 8 {
                    cx.waker().wake_by_ref();
                }
                turn.poll_over(cx)
            })
            .await;
            waits.is_finished()
        });
        assert!(gives.await.unwrap());
    }
}
