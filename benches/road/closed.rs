//! The closed loop: every connection calls again as soon as it is answered. Shows what a contender can carry.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use tokio::task::LocalSet;

use crate::Error;
use crate::connection::Connection;
use crate::role::Load;
use crate::sample::{Sample, Tally, Window};

/// Runs the load, and measures it.
pub(crate) async fn run(load: &'static Load) -> Result<Sample, Error> {
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push(Connection::open(load.target, &load.exchange).await?);
    }
    let window = Window::from_now(load);
    let number = Rc::new(Cell::new(load.first));
    let local = LocalSet::new();
    let callers: Vec<_> = connections
        .into_iter()
        .map(|connection| local.spawn_local(call_until(connection, window, Rc::clone(&number))))
        .collect();
    local
        .run_until(async {
            let cpu = window.watch(load).await?;
            let mut tally = Tally::default();
            for caller in callers {
                tally.add(caller.await??);
            }
            window.sample(tally, cpu)
        })
        .await
}

/// Calls until the window has passed, and counts the calls that lie wholly inside it.
async fn call_until(
    mut connection: Connection<'static>,
    window: Window,
    number: Rc<Cell<u64>>,
) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    loop {
        let sent = Instant::now();
        if sent >= window.end {
            return Ok(tally);
        }
        tally.made += 1;
        let answered = connection.call(number.replace(number.get() + 1)).await?;
        if window.holds(sent) && window.holds(answered) {
            tally.answered += 1;
            tally.latencies.push(answered - sent);
        }
    }
}
