//! The open loop: calls fall due at a fixed rate, answered or not. Shows what a caller waits for.
//!
//! Corrected for coordinated omission: a call that falls due while its connection still waits for an answer waits too,
//! and that wait is part of its latency. What a call was sent late because the load generator itself woke late is not
//! the contender's doing: it is reported beside.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::Error;
use crate::connection::Connection;
use crate::role::Load;
use crate::sample::{Sample, Tally, Window};

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
    let (first, interval) = (load.first, Duration::from_secs_f64(1.0 / rate));
    // A thread, because the runtime's timer counts whole milliseconds and would send in bursts.
    let pacer = thread::spawn(move || pace(&senders, window, interval, first));
    local
        .run_until(async {
            let cpu = window.watch(load).await?;
            let mut tally = Tally::default();
            for caller in callers {
                tally.add(caller.await??);
            }
            tally.late = pacer.join().map_err(|_| "the pacer panicked")?;
            window.sample(tally, cpu)
        })
        .await
}

/// Lets calls fall due, connection after connection; returns how late each was.
fn pace(connections: &[UnboundedSender<Due>], window: Window, interval: Duration, first: u64) -> Vec<Duration> {
    let mut late = Vec::new();
    let mut scheduled = Instant::now();
    for (number, connection) in (first..).zip(connections.iter().cycle()) {
        let mut now = Instant::now();
        if scheduled > now {
            thread::sleep(scheduled - now);
            now = Instant::now();
        }
        if now >= window.end || connection.send(Due { at: now, number }).is_err() {
            break;
        }
        if now >= window.start {
            late.push(now - scheduled);
        }
        scheduled += interval;
    }
    late
}

/// Makes the calls that fall due. Counts the answers that came inside the window, and times the calls that fell due in
/// it: a contender that cannot keep up answers fewer, and the last of them late.
async fn call_when_due(
    mut connection: Connection<'static>,
    window: Window,
    mut due: UnboundedReceiver<Due>,
) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    while let Some(Due { at, number }) = due.recv().await {
        tally.made += 1;
        let answered = connection.call(number).await?;
        if window.holds(answered) {
            tally.answered += 1;
        }
        if window.holds(at) {
            tally.latencies.push(answered - at);
        }
    }
    Ok(tally)
}
