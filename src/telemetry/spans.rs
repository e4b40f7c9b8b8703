//! The way of spans to the tracing backend: calls put what is over into a bounded queue, one task sends it.
//!
//! The backend may be down, slow or refusing. Calls do not notice; what has no room is dropped and counted, a batch that
//! cannot be sent is tried again for [`GIVE_UP`], unless the backend says that it would not help, and sending goes on by
//! itself when the backend is back.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::collector::{Again, Collector, Export, Failed, Taken};
use super::finished::Finished;
use super::queue::Queue;
use super::settings::Batching;
use super::span;

/// How long a batch is held on to. Meanwhile the queue fills up, and then what is newer is dropped.
const GIVE_UP: Duration = Duration::from_mins(1);

/// Pause before a batch is sent again; a little longer each time, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Longest pause that the backend may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(30);

/// Where calls put what is over.
#[derive(Clone)]
pub struct Spans(Arc<Shared>);

struct Shared {
    queue: Queue,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    unreachable: AtomicBool,
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

/// How sending fares, in requests traced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Did the last attempt succeed? True before the first one.
    pub reachable: bool,
    /// Sent to the backend.
    pub sent: u64,
    /// Dropped, because the queue was full.
    pub dropped: u64,
    /// Given up, because the backend did not take them.
    pub failed: u64,
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Spans").field(&self.fate()).finish()
    }
}

impl Spans {
    /// A queue, and the task that empties it until [`Spans::close`].
    pub fn new(collector: Collector, batching: Batching) -> (Self, impl Future<Output = ()> + Send) {
        let queue = Queue::new(batching.queue, batching.batch);
        let spans = Self(Arc::new(Shared { queue, counts: Counts::default() }));
        let task = send(spans.0.clone(), collector, batching.delay);
        (spans, task)
    }

    /// Put a request in that is over. Never waits.
    pub fn put(&self, finished: &Finished) {
        if !self.0.queue.put(|bytes| span::write(finished, bytes)) {
            self.0.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How sending fares.
    #[must_use]
    pub fn fate(&self) -> Fate {
        let counts = &self.0.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let reachable = !counts.unreachable.load(Ordering::Relaxed);
        Fate { reachable, sent: read(&counts.sent), dropped: read(&counts.dropped), failed: read(&counts.failed) }
    }

    /// Send what is there, once, and end.
    pub fn close(&self) {
        self.0.queue.close();
    }
}

async fn send(shared: Arc<Shared>, collector: Collector, delay: Duration) {
    let mut rejecting = false;
    loop {
        let Some(batch) = shared.queue.take(delay).await else {
            if shared.queue.is_closed() {
                return;
            }
            continue;
        };
        let requests = batch.requests as u64;
        let export = collector.pack(batch, |pieces| shared.queue.reuse(pieces)).await;
        match deliver(&shared, &collector, &export).await {
            Some(Taken { rejected }) => {
                if rejected > 0 && !rejecting {
                    tracing::warn!(rejected, "the tracing backend takes some spans and rejects others");
                }
                rejecting = rejected > 0;
                shared.counts.sent.fetch_add(requests, Ordering::Relaxed);
            }
            None => {
                shared.counts.failed.fetch_add(requests, Ordering::Relaxed);
            }
        }
        shared.queue.reuse(export.into_pieces());
    }
}

/// Send a batch, again and again if need be; `None` if it was given up.
async fn deliver(shared: &Shared, collector: &Collector, export: &Export) -> Option<Taken> {
    let (begun, mut pause) = (Instant::now(), PAUSE);
    loop {
        // This has a time limit of its own.
        let sent = collector.send(export).await;
        let was_unreachable = shared.counts.unreachable.swap(sent.is_err(), Ordering::Relaxed);
        let Failed { text, again } = match sent {
            Ok(taken) => {
                if was_unreachable {
                    tracing::info!("traces are exported again");
                }
                return Some(taken);
            }
            Err(failed) => failed,
        };
        if !was_unreachable {
            tracing::warn!(error = text, "traces cannot be exported");
        }
        let Again::Yes(asked) = again else { return None };
        if shared.queue.is_closed() || begun.elapsed() >= GIVE_UP {
            return None;
        }
        let wait = asked.map_or(pause, |asked| asked.min(LONGEST_ASKED).max(pause));
        shared.queue.closes_within(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
