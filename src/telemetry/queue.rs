//! A bounded queue between calls and whoever sends what is told of them: putting in never waits.

use std::{
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

/// Holds at most `room` items. The reader is woken only when a batch is full: waking it for every call would cost each
/// of them more than the item.
#[derive(Debug)]
pub(super) struct Queue<T> {
    room: usize,
    batch: usize,
    items: Mutex<Vec<T>>,
    full: Notify,
    closed: AtomicBool,
}

impl<T> Queue<T> {
    /// An empty queue whose reader takes `batch` items at once.
    pub(super) fn new(room: usize, batch: usize) -> Self {
        let (room, batch) = (room.max(1), batch.clamp(1, room.max(1)));
        Self { room, batch, items: Mutex::default(), full: Notify::new(), closed: AtomicBool::new(false) }
    }

    /// Put an item in; `false` if there is no room and the item is gone.
    pub(super) fn put(&self, item: T) -> bool {
        let mut items = self.items();
        if items.len() >= self.room {
            return false;
        }
        items.push(item);
        let full = items.len() == self.batch;
        drop(items);
        if full {
            self.full.notify_one();
        }
        true
    }

    /// The next batch: when one is full, when `delay` is over, or at once when the queue is closed.
    pub(super) async fn take(&self, delay: Duration) -> Vec<T> {
        if self.items().len() < self.batch && !self.is_closed() {
            // That the time is over is an answer too.
            let _ = timeout(delay, self.full.notified()).await;
        }
        let mut items = self.items();
        if items.len() <= self.batch { mem::take(&mut *items) } else { items.drain(..self.batch).collect() }
    }

    /// From now on the reader is not kept waiting.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.full.notify_one();
    }

    /// Is it closed?
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn items(&self) -> MutexGuard<'_, Vec<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_has_no_room_is_refused_and_the_rest_comes_out_in_batches() {
        let queue = Queue::new(3, 2);
        assert_eq!([1, 2, 3, 4].map(|item| queue.put(item)), [true, true, true, false]);
        let delay = Duration::from_secs(5);
        assert_eq!(queue.take(delay).await, [1, 2]);
        let begun = tokio::time::Instant::now();
        queue.take(Duration::ZERO).await;
        queue.put(5);
        assert_eq!((queue.take(delay).await, begun.elapsed()), (vec![5], delay));
    }
}
