//! The open loop: calls fall due at a fixed rate, answered or not. Shows what a caller waits for.
//!
//! Corrected for coordinated omission: a call that falls due while its connection still waits for an answer waits too,
//! and that wait is part of its latency, and so is what it was sent late because the load had other answers to read. Calls
//! that were under way while others had the load's core, or were sent in one go after it, are left out of the latencies
//! and counted; the 99th percentile of all calls is kept beside.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::Error;
use crate::connection::Connection;
use crate::role::Load;
use crate::sample::{Sample, Tally, Window};
use crate::stalls::{Stalls, Waited};

/// A call that fell due.
struct Due {
    at: Instant,
    number: u64,
}

/// Runs the load at `rate` calls a second, and measures it.
pub(crate) async fn run(load: &'static Load, rate: f64) -> Result<Sample, Error> {
    let local = LocalSet::new();
    let mut opened = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        opened.push(Connection::open(load.target, &load.exchange).await?);
    }
    let window = Window::from_now(load);
    let (senders, callers): (Vec<_>, Vec<_>) = opened
        .into_iter()
        .map(|connection| {
            let (sender, due) = unbounded_channel();
            (sender, local.spawn_local(call_when_due(connection, window, due)))
        })
        .unzip();
    let pacer = local.spawn_local(pace(senders, window, Duration::from_secs_f64(1.0 / rate), load.first));
    local
        .run_until(async {
            let cpu = window.watch(load).await?;
            let mut seen = Seen::default();
            for caller in callers {
                seen.add(caller.await??);
            }
            let (late, stalls) = pacer.await?;
            window.sample(seen.tally(late, &stalls), cpu)
        })
        .await
}

/// What one connection saw, or all of them.
#[derive(Default)]
struct Seen {
    /// Calls made, those of the warm-up included.
    made: u64,
    /// Answers that came in the measured time.
    answered: u32,
    /// The calls that fell due in the measured time.
    calls: Vec<Call>,
}

struct Call {
    due: Instant,
    answered: Instant,
}

impl Seen {
    fn add(&mut self, mut other: Self) {
        self.made += other.made;
        self.answered += other.answered;
        self.calls.append(&mut other.calls);
    }

    /// All of it, and apart from the others the calls that the load did not disturb. Where calls pile up it disturbs nearly
    /// all of them, and then none is left out.
    fn tally(self, late: Vec<Duration>, stalls: &Stalls) -> Tally {
        let latency = |call: &Call| call.answered - call.due;
        let all: Vec<_> = self.calls.iter().map(latency).collect();
        let own: Vec<_> =
            self.calls.iter().filter(|call| !stalls.touch(call.due, call.answered)).map(latency).collect();
        let latencies = if own.len() * 2 < all.len() { all.clone() } else { own };
        Tally { made: self.made, answered: self.answered, latencies, all, late }
    }
}

/// Lets calls fall due, connection after connection; returns how late each was, and when the load stood still.
///
/// It never sleeps: the runtime's timer counts whole milliseconds and would send in bursts, and a core that is always awake
/// answers everybody as fast.
async fn pace(
    connections: Vec<UnboundedSender<Due>>,
    window: Window,
    interval: Duration,
    first: u64,
) -> (Vec<Duration>, Stalls) {
    let (mut late, mut stalls) = (Vec::new(), Stalls::default());
    // Where the kernel does not tell, nothing is left out.
    let waited = Waited::of_this_thread().ok();
    let waited = || waited.as_ref().map_or(Duration::ZERO, Waited::read);
    let mut scheduled = Instant::now();
    for (number, connection) in (first..).zip(connections.iter().cycle()) {
        let mut now = Instant::now();
        stalls.look(now, waited);
        while scheduled > now {
            tokio::task::yield_now().await;
            now = Instant::now();
            stalls.look(now, waited);
        }
        if now >= window.end || connection.send(Due { at: scheduled, number }).is_err() {
            break;
        }
        if now >= window.start {
            late.push(now - scheduled);
        }
        scheduled += interval;
    }
    (late, stalls)
}

/// Makes the calls that fall due. Counts the answers that came inside the window, and times the calls that fell due in
/// it: a contender that cannot keep up answers fewer, and the last of them late.
async fn call_when_due(
    mut connection: Connection<'static>,
    window: Window,
    mut due: UnboundedReceiver<Due>,
) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    while let Some(Due { at, number }) = due.recv().await {
        seen.made += 1;
        let answered = connection.call(number).await?;
        if window.holds(answered) {
            seen.answered += 1;
        }
        if window.holds(at) {
            seen.calls.push(Call { due: at, answered });
        }
    }
    Ok(seen)
}
