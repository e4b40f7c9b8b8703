//! A bounded queue between calls and whoever sends what is told of them: putting in never waits.

use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};

/// Bytes of a batch that are kept in one piece: a batch grows by pieces, so that nothing written is copied again.
const PIECE: usize = 32 << 10;

/// A batch of so many bytes is full however few requests it holds: one that is filled and one that is sent are to leave most
/// of a core's cache to the calls. To export every hundred calls and more costs next to nothing.
const FULL: usize = 128 << 10;

/// Most bytes that are sent at once, where batches have piled up: receivers of gRPC take 4 MiB unless told otherwise.
const LARGEST: usize = 2 << 20;

/// Pieces that are kept for later batches: for one that is filled and one that is sent, nearly always.
const SPARE: usize = 2 * FULL / PIECE;

thread_local! {
    /// Where a request is written before it is known whether it fits into the last piece.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is written of requests. Holds at most `room` of them. The reader is woken only when a batch is full: waking it for
/// every call would cost each of them more than the writing.
#[derive(Debug)]
pub(super) struct Queue {
    room: usize,
    batch: usize,
    waiting: AtomicUsize,
    held: Mutex<Held>,
    full: Notify,
    closing: Notify,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Held {
    batches: VecDeque<Batch>,
    /// Empty. Room for a piece is more than an allocator keeps at hand, and that of the last batch is still in the cache.
    spare: Vec<BytesMut>,
}

/// What is sent at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pieces: Vec<BytesMut>,
    /// Requests in it.
    pub(super) requests: usize,
    /// Bytes in it.
    pub(super) length: usize,
}

impl Batch {
    fn add(&mut self, request: &[u8], spare: &mut Vec<BytesMut>) {
        match self.pieces.last_mut() {
            Some(last) if last.capacity() - last.len() >= request.len() => last.extend_from_slice(request),
            _ => {
                let fitting = spare.pop_if(|piece| piece.capacity() >= request.len());
                let mut piece = fitting.unwrap_or_else(|| BytesMut::with_capacity(PIECE.max(request.len())));
                piece.extend_from_slice(request);
                self.pieces.push(piece);
            }
        }
        self.requests += 1;
        self.length += request.len();
    }

    /// Add what came after it.
    fn join(&mut self, next: Self) {
        self.pieces.extend(next.pieces);
        self.requests += next.requests;
        self.length += next.length;
    }

    /// The bytes, in pieces.
    pub(super) fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        self.pieces.into_iter().map(BytesMut::freeze)
    }
}

impl Queue {
    /// An empty queue whose reader takes `batch` requests at once.
    pub(super) fn new(room: usize, batch: usize) -> Self {
        let (room, batch) = (room.max(1), batch.clamp(1, room.max(1)));
        Self {
            room,
            batch,
            waiting: AtomicUsize::new(0),
            held: Mutex::default(),
            full: Notify::new(),
            closing: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Put a request in as `write` writes it; `false` if there is no room, and then nothing is written.
    pub(super) fn put(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.room {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let full = SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            write(scratch);
            self.add(scratch)
        });
        if full {
            self.full.notify_one();
        }
        true
    }

    /// Is a batch full by this request?
    fn add(&self, request: &[u8]) -> bool {
        let Held { batches, spare } = &mut *self.held();
        if batches.back().is_none_or(|last| self.is_full(last)) {
            batches.push_back(Batch::default());
        }
        batches.back_mut().is_some_and(|last| {
            last.add(request, spare);
            self.is_full(last)
        })
    }

    /// Take back the room of what was sent, as far as nobody else holds it.
    pub(super) fn reuse(&self, pieces: impl IntoIterator<Item = Bytes>) {
        let own = pieces.into_iter().filter_map(|piece| piece.try_into_mut().ok());
        let mut fitting: Vec<BytesMut> = own.filter(|piece| piece.capacity() == PIECE).take(SPARE).collect();
        fitting.iter_mut().for_each(BytesMut::clear);
        let mut held = self.held();
        let kept = fitting.len().min(SPARE.saturating_sub(held.spare.len()));
        held.spare.extend(fitting.drain(..kept));
    }

    /// The next batch: when one is full, when `delay` is over, or at once when the queue is closed. What has piled up behind
    /// it goes along, for a receiver that is far away or slow is best told much at once. `None` if there is nothing.
    pub(super) async fn take(&self, delay: Duration) -> Option<Batch> {
        let until = Instant::now() + delay;
        while !self.is_closed() && !self.held().batches.front().is_some_and(|first| self.is_full(first)) {
            if timeout_at(until, self.full.notified()).await.is_err() {
                break;
            }
        }
        let mut held = self.held();
        let mut batch = held.batches.pop_front()?;
        while let Some(next) = held.batches.pop_front_if(|next| self.goes_along(&batch, next)) {
            batch.join(next);
        }
        drop(held);
        self.waiting.fetch_sub(batch.requests, Ordering::Relaxed);
        Some(batch)
    }

    /// From now on the reader is not kept waiting.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.full.notify_one();
        self.closing.notify_one();
    }

    /// Is it closed?
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Wait for so long, or until it is closed.
    pub(super) async fn closes_within(&self, wait: Duration) {
        // That the time is over is an answer too.
        let _ = timeout(wait, self.closing.notified()).await;
    }

    fn is_full(&self, batch: &Batch) -> bool {
        batch.requests >= self.batch || batch.length >= FULL
    }

    fn goes_along(&self, batch: &Batch, next: &Batch) -> bool {
        batch.requests + next.requests <= self.batch && batch.length + next.length <= LARGEST
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(queue: &Queue, text: &str) -> bool {
        queue.put(|bytes| bytes.extend_from_slice(text.as_bytes()))
    }

    async fn take(queue: &Queue, delay: Duration) -> (usize, Vec<u8>) {
        let batch = queue.take(delay).await.unwrap();
        let (requests, length) = (batch.requests, batch.length);
        let bytes = batch.into_pieces().collect::<Vec<_>>().concat();
        assert_eq!(bytes.len(), length);
        (requests, bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_room_is_refused_and_the_rest_comes_out_in_batches() {
        let queue = Queue::new(3, 2);
        assert_eq!(["1", "2", "3", "4"].map(|text| put(&queue, text)), [true, true, true, false]);
        let delay = Duration::from_secs(5);
        assert_eq!(take(&queue, delay).await, (2, b"12".to_vec()));
        let begun = Instant::now();
        assert_eq!(take(&queue, delay).await, (1, b"3".to_vec()));
        assert_eq!(begun.elapsed(), delay, "what is no full batch waits for others");
        assert!(put(&queue, "5"), "what was taken leaves its room");
        queue.close();
        let begun = Instant::now();
        assert_eq!(take(&queue, delay).await, (1, b"5".to_vec()));
        assert!(queue.take(delay).await.is_none());
        assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waits for a queue that is closed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_ends_by_its_size_too_and_what_is_larger_than_a_piece_stays_whole() {
        let (queue, delay) = (Queue::new(100, 50), Duration::from_secs(5));
        let large = "x".repeat(PIECE * 3);
        let full = FULL.div_ceil(large.len());
        (0..full).for_each(|_| assert!(put(&queue, &large)));
        let begun = Instant::now();
        assert_eq!(take(&queue, delay).await, (full, large.repeat(full).into_bytes()));
        assert_eq!(begun.elapsed(), Duration::ZERO, "it waits for no more");
        assert!(put(&queue, &large));
        assert_eq!(take(&queue, delay).await, (1, large.into_bytes()));
        assert_eq!(begun.elapsed(), delay);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_piled_up_goes_at_once_as_far_as_the_bounds_of_a_batch_allow() {
        let large = "x".repeat(FULL);
        for (batch, expected) in [(5, 5), (100, LARGEST / FULL)] {
            let queue = Queue::new(100, batch);
            (0..40).for_each(|_| assert!(put(&queue, &large)));
            assert_eq!(take(&queue, Duration::ZERO).await, (expected, large.repeat(expected).into_bytes()));
        }
        let huge = "x".repeat(LARGEST + 1);
        let queue = Queue::new(100, 5);
        (0..2).for_each(|_| assert!(put(&queue, &huge)));
        assert_eq!(take(&queue, Duration::ZERO).await.0, 1, "what is larger still goes alone");
    }

    #[tokio::test]
    async fn room_of_what_was_sent_is_used_again_unless_somebody_holds_it() {
        let queue = Queue::new(100, 1);
        for held in [false, true] {
            let (mut places, mut kept) = (Vec::new(), Vec::new());
            for text in ["a", "bb", "c"] {
                assert!(put(&queue, text));
                let mut pieces: Vec<_> = queue.take(Duration::ZERO).await.unwrap().into_pieces().collect();
                assert_eq!(pieces.concat(), text.as_bytes(), "nothing is left of the batch before");
                places.push(pieces[0].as_ptr());
                // As it is sent: a part at a time.
                drop(pieces[0].clone().split_to(1));
                kept.extend(held.then(|| pieces[0].clone()));
                queue.reuse(pieces.drain(..));
            }
            assert_eq!(places.windows(2).all(|two| two[0] == two[1]), !held);
        }
        let queue = Queue::new(100, 1);
        let pieces = [PIECE * 3, PIECE, PIECE / 2].into_iter().cycle().take(6 * SPARE);
        queue.reuse(pieces.map(|capacity| BytesMut::with_capacity(capacity).freeze()));
        queue.reuse([BytesMut::with_capacity(PIECE).freeze()]);
        let capacities: Vec<_> = queue.held().spare.iter().map(BytesMut::capacity).collect();
        assert_eq!(capacities, [PIECE; SPARE], "no more is kept than is of use");
    }
}
