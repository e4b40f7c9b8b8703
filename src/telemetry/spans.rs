//! The way of spans to the tracing backend: calls put what is over into a bounded queue, one task sends it.
//!
//! The backend may be down, slow or refusing. Calls do not notice; what has no room is dropped and counted, a batch that
//! cannot be sent is tried again for [`GIVE_UP`], and sending goes on by itself when the backend is back.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::time::{Instant, sleep};

use super::finished::Finished;
use super::queue::Queue;
use super::settings::Batching;
use super::span;

/// How long a batch is held on to. Meanwhile the queue fills up, and then what is newer is dropped.
const GIVE_UP: Duration = Duration::from_mins(1);

/// Pause before a batch is sent again; a little longer each time, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where calls put what is over.
#[derive(Clone)]
pub struct Spans(Arc<Shared>);

struct Shared {
    queue: Queue<Arc<Finished>>,
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
    pub fn new<E: SpanExporter + 'static>(exporter: E, batching: Batching) -> (Self, impl Future<Output = ()> + Send) {
        let queue = Queue::new(batching.queue, batching.batch);
        let spans = Self(Arc::new(Shared { queue, counts: Counts::default() }));
        let task = send(spans.0.clone(), exporter, batching);
        (spans, task)
    }

    /// Put a request in that is over. Never waits.
    pub fn put(&self, finished: Arc<Finished>) {
        if !self.0.queue.put(finished) {
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

async fn send<E: SpanExporter>(shared: Arc<Shared>, exporter: E, batching: Batching) {
    let scope = InstrumentationScope::builder("chaperone").with_version(env!("CARGO_PKG_VERSION")).build();
    loop {
        let batch = shared.queue.take(batching.delay).await;
        if batch.is_empty() {
            if shared.queue.is_closed() {
                return;
            }
            continue;
        }
        let sent = deliver(&shared, &exporter, &batch, &scope).await;
        let count = if sent { &shared.counts.sent } else { &shared.counts.failed };
        count.fetch_add(batch.len() as u64, Ordering::Relaxed);
    }
}

/// Send a batch, again and again if need be; `false` if it was given up.
async fn deliver<E: SpanExporter>(
    shared: &Shared,
    exporter: &E,
    batch: &[Arc<Finished>],
    scope: &InstrumentationScope,
) -> bool {
    let (begun, mut pause) = (Instant::now(), PAUSE);
    loop {
        let mut spans: Vec<SpanData> = Vec::with_capacity(batch.len() * 2);
        for finished in batch {
            span::write(finished, scope, &mut spans);
        }
        // The exporter has a time limit of its own.
        let sent = exporter.export(spans).await;
        let was_unreachable = shared.counts.unreachable.swap(sent.is_err(), Ordering::Relaxed);
        match sent {
            Ok(()) => {
                if was_unreachable {
                    tracing::info!("traces are exported again");
                }
                return true;
            }
            Err(error) if !was_unreachable => tracing::warn!(%error, "traces cannot be exported"),
            Err(_) => {}
        }
        if shared.queue.is_closed() || begun.elapsed() >= GIVE_UP {
            return false;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
