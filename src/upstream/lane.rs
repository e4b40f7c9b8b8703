//! The bounded, fair queue before one account: so many requests at work, the others wait their turn.
//!
//! A free slot goes to the MCP server with the fewest requests at work (max-min fairness); of equals, to the one whose
//! request waits longest, and within a server in the order of arrival. So one agent's burst makes its own calls wait,
//! and whoever has nothing at work waits for one slot to come free, however many others the burst holds. Nothing is
//! held across an await, and while there is room a request costs two short locks and no allocation. What a turn costs
//! grows with the logarithm of the servers that wait, see [`state`].

mod state;
#[cfg(test)]
mod tests;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::sync::oneshot;

use crate::server::ServerKey;
use state::{Share, State, Ticket};

/// The queue before one account.
#[derive(Debug)]
pub(super) struct Lane {
    /// Requests at work at once.
    most: usize,
    /// Requests that may wait.
    max_waiting: usize,
    state: Mutex<State<Hand>>,
}

/// Gives a slot to whoever waits for it.
type Hand = oneshot::Sender<Slot>;

/// What a request gets at the lane.
#[derive(Debug)]
pub(super) enum Entry {
    /// Room: go.
    Slot(Slot),
    /// No room yet.
    Waiting(Waiting),
    /// No room to wait either; so many are waiting.
    Full(usize),
}

impl Lane {
    /// An empty lane for `most` requests at work and `max_waiting` behind them.
    pub(super) fn new(most: usize, max_waiting: usize) -> Arc<Self> {
        Arc::new(Self { most, max_waiting, state: Mutex::default() })
    }

    /// Ask for a slot, for a request of this MCP server.
    pub(super) fn enter(self: &Arc<Self>, server: ServerKey) -> Entry {
        let mut state = self.state();
        // Slots are handed from one to the next, so that there is no room while somebody waits.
        if state.at_work() < self.most {
            let share = state.begin(server);
            return Entry::Slot(Slot { lane: self.clone(), share });
        }
        if state.waiting() >= self.max_waiting {
            return Entry::Full(state.waiting());
        }
        let (hand, receiver) = oneshot::channel();
        let ticket = state.line_up(server, hand);
        drop(state);
        Entry::Waiting(Waiting { lane: self.clone(), ticket: Some(ticket), receiver })
    }

    /// Requests at work and waiting.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.at_work(), state.waiting())
    }

    /// A request of this share is over: its slot goes to whoever is next.
    fn pass_on(self: &Arc<Self>, share: Share) {
        let next = self.state().pass_on(share);
        if let Some((share, hand)) = next {
            // Whoever has just gone away drops the slot here, which passes it on again.
            drop(hand.send(Slot { lane: self.clone(), share }));
        }
    }

    fn state(&self) -> MutexGuard<'_, State<Hand>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request at work, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    lane: Arc<Lane>,
    share: Share,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.lane.pass_on(self.share);
    }
}

/// A place in the queue: gives the slot when it is this one's turn. Dropping it leaves the queue.
#[derive(Debug)]
pub(super) struct Waiting {
    lane: Arc<Lane>,
    /// Until the slot was given.
    ticket: Option<Ticket>,
    receiver: oneshot::Receiver<Slot>,
}

impl Future for Waiting {
    type Output = Slot;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Slot> {
        let given = ready!(Pin::new(&mut self.receiver).poll(cx));
        self.ticket = None;
        Poll::Ready(given.expect("the lane drops no hand without a slot while somebody waits for it"))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            // If the slot was handed over in the meantime it is in the receiver, and passed on with it.
            self.lane.state().leave(ticket);
        }
    }
}
