//! The bounded, fair queue before one account: so many requests at work, the others wait their turn.
//!
//! Turns go round the MCP servers that have requests waiting, and within a server in the order of arrival: one agent's
//! burst makes its own calls wait, not those of another. Nothing is held across an await, and while there is room a
//! request costs two short locks and no allocation.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::sync::oneshot;

/// The queue before one account.
#[derive(Debug)]
pub(super) struct Lane {
    /// Requests at work at once.
    most: usize,
    /// Requests that may wait.
    max_waiting: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    at_work: usize,
    waiting: usize,
    /// Numbers the tickets, so that one that is given back is found.
    tickets: u64,
    /// The servers with waiting requests, the next one first. None is empty.
    turns: VecDeque<Queue>,
}

/// The waiting requests of one MCP server.
#[derive(Debug)]
struct Queue {
    server: Arc<str>,
    tickets: VecDeque<(u64, oneshot::Sender<Slot>)>,
}

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
    pub(super) fn enter(self: &Arc<Self>, server: &Arc<str>) -> Entry {
        let mut state = self.state();
        // Slots are handed from one to the next, so that there is no room while somebody waits.
        if state.at_work < self.most {
            state.at_work += 1;
            return Entry::Slot(Slot(self.clone()));
        }
        if state.waiting >= self.max_waiting {
            return Entry::Full(state.waiting);
        }
        let (hand, receiver) = oneshot::channel();
        let ticket = state.line_up(server, hand);
        drop(state);
        Entry::Waiting(Waiting { lane: self.clone(), server: server.clone(), ticket, receiver })
    }

    /// Requests at work and waiting.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.at_work, state.waiting)
    }

    /// A slot is free: it goes to whoever is next.
    fn pass_on(self: &Arc<Self>) {
        let next = {
            let mut state = self.state();
            let next = state.next();
            if next.is_none() {
                state.at_work -= 1;
            }
            next
        };
        if let Some(hand) = next {
            // Whoever has just gone away drops the slot here, which passes it on again.
            drop(hand.send(Slot(self.clone())));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn line_up(&mut self, server: &Arc<str>, hand: oneshot::Sender<Slot>) -> u64 {
        let ticket = self.tickets;
        self.tickets += 1;
        self.waiting += 1;
        match self.turns.iter_mut().find(|queue| queue.server == *server) {
            Some(queue) => queue.tickets.push_back((ticket, hand)),
            None => self.turns.push_back(Queue { server: server.clone(), tickets: VecDeque::from([(ticket, hand)]) }),
        }
        ticket
    }

    /// The first of the server whose turn it is; that server's next turn comes after all others.
    fn next(&mut self) -> Option<oneshot::Sender<Slot>> {
        let mut queue = self.turns.pop_front()?;
        let (_, hand) = queue.tickets.pop_front()?;
        self.waiting -= 1;
        if !queue.tickets.is_empty() {
            self.turns.push_back(queue);
        }
        Some(hand)
    }

    fn leave(&mut self, server: &Arc<str>, ticket: u64) {
        let Some(turn) = self.turns.iter().position(|queue| queue.server == *server) else { return };
        let tickets = &mut self.turns[turn].tickets;
        let Ok(place) = tickets.binary_search_by_key(&ticket, |(number, _)| *number) else { return };
        tickets.remove(place);
        self.waiting -= 1;
        if self.turns[turn].tickets.is_empty() {
            self.turns.remove(turn);
        }
    }
}

/// One request at work, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<Lane>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

/// A place in the queue: gives the slot when it is this one's turn. Dropping it leaves the queue.
#[derive(Debug)]
pub(super) struct Waiting {
    lane: Arc<Lane>,
    server: Arc<str>,
    ticket: u64,
    receiver: oneshot::Receiver<Slot>,
}

impl Future for Waiting {
    type Output = Slot;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Slot> {
        let given = ready!(Pin::new(&mut self.receiver).poll(cx));
        Poll::Ready(given.expect("the lane drops no hand without a slot while somebody waits for it"))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // If the slot was handed over in the meantime it is in the receiver, and passed on with it.
        self.lane.state().leave(&self.server, self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn slot(entry: Entry) -> Slot {
        match entry {
            Entry::Slot(slot) => slot,
            other => panic!("{other:?}"),
        }
    }

    fn waiting(entry: Entry) -> Waiting {
        match entry {
            Entry::Waiting(waiting) => waiting,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn turns_go_round_the_servers_however_many_requests_one_of_them_has() {
        let lane = Lane::new(1, 10);
        let mut held = Some(slot(lane.enter(&"busy".into())));
        let order = ["busy", "busy", "busy", "busy", "calm", "other", "calm"];
        let mut queue: Vec<_> =
            order.iter().enumerate().map(|(n, name)| (n, waiting(lane.enter(&(*name).into())))).collect();
        let mut served = Vec::new();
        while !queue.is_empty() {
            held.take();
            let next = queue.iter_mut().position(|(_, waiting)| {
                held = waiting.now_or_never();
                held.is_some()
            });
            served.push(queue.remove(next.unwrap()).0);
        }
        assert_eq!(served, [0, 4, 5, 1, 6, 2, 3]);
    }

    #[test]
    fn no_more_than_the_bounds_are_at_work_and_waiting() {
        let (lane, name) = (Lane::new(2, 1), Arc::from("a"));
        let _working = [slot(lane.enter(&name)), slot(lane.enter(&name))];
        let left = waiting(lane.enter(&name));
        assert!(matches!(lane.enter(&name), Entry::Full(1)));
        assert_eq!(lane.counts(), (2, 1));
        drop(left);
        assert_eq!(lane.counts(), (2, 0));
        drop(waiting(lane.enter(&name)));
    }

    #[test]
    fn a_slot_handed_to_somebody_who_goes_away_is_passed_on() {
        let (lane, name) = (Lane::new(1, 10), Arc::from("a"));
        let first = slot(lane.enter(&name));
        let (gone, mut next) = (waiting(lane.enter(&name)), waiting(lane.enter(&name)));
        drop(first);
        drop(gone);
        let given = (&mut next).now_or_never().unwrap();
        assert_eq!(lane.counts(), (1, 0));
        drop((given, next));
        assert_eq!(lane.counts(), (0, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whatever_is_cancelled_the_bound_holds_and_every_slot_comes_back() {
        let lane = Lane::new(3, 1000);
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let lane = lane.clone();
                tokio::spawn(async move {
                    let _slot = match lane.enter(&format!("server {}", n % 7).into()) {
                        Entry::Slot(slot) => slot,
                        Entry::Waiting(waiting) => waiting.await,
                        Entry::Full(_) => panic!("there is room"),
                    };
                    assert!(lane.counts().0 <= 3);
                    tokio::task::yield_now().await;
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            if n % 3 == 0 {
                task.abort();
            }
            assert!(task.await.is_ok_and(|()| true) || n % 3 == 0);
        }
        assert_eq!(lane.counts(), (0, 0));
    }
}
