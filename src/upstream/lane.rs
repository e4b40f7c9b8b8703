//! The bounded, fair queue before one account: so many requests at work, the others wait their turn.
//!
//! A free slot goes to the MCP server with the fewest requests at work (max-min fairness); of equals, to the one whose
//! request waits longest, and within a server in the order of arrival. So one agent's burst makes its own calls wait,
//! and whoever has nothing at work waits for one slot to come free, however many others the burst holds. Nothing is
//! held across an await, and while there is room a request costs two short locks and no allocation.

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
    /// Numbers the tickets: who came first, and which one is given back.
    tickets: u64,
    /// The servers with requests at work or waiting: never more than may work and wait together.
    shares: Vec<Share>,
}

/// The requests of one MCP server; there is at least one.
#[derive(Debug)]
struct Share {
    server: Arc<str>,
    at_work: usize,
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
            state.share(server).at_work += 1;
            return Entry::Slot(Slot { lane: self.clone(), server: server.clone() });
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

    /// A request of this server is over: its slot goes to whoever is next.
    fn pass_on(self: &Arc<Self>, server: &Arc<str>) {
        let next = self.state().pass_on(server);
        if let Some((server, hand)) = next {
            // Whoever has just gone away drops the slot here, which passes it on again.
            drop(hand.send(Slot { lane: self.clone(), server }));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, server: &Arc<str>) -> Option<usize> {
        self.shares.iter().position(|share| share.server == *server)
    }

    fn share(&mut self, server: &Arc<str>) -> &mut Share {
        let place = self.find(server).unwrap_or_else(|| {
            self.shares.push(Share { server: server.clone(), at_work: 0, tickets: VecDeque::new() });
            self.shares.len() - 1
        });
        &mut self.shares[place]
    }

    /// Whoever has nothing at work and nothing waiting has no share.
    fn tidy(&mut self, place: usize) {
        if self.shares[place].at_work == 0 && self.shares[place].tickets.is_empty() {
            self.shares.swap_remove(place);
        }
    }

    fn line_up(&mut self, server: &Arc<str>, hand: oneshot::Sender<Slot>) -> u64 {
        let ticket = self.tickets;
        self.tickets += 1;
        self.waiting += 1;
        self.share(server).tickets.push_back((ticket, hand));
        ticket
    }

    /// Take a slot from this server and give it to whose turn it is; nobody, if nobody waits.
    fn pass_on(&mut self, server: &Arc<str>) -> Option<(Arc<str>, oneshot::Sender<Slot>)> {
        if let Some(place) = self.find(server) {
            self.shares[place].at_work -= 1;
            self.tidy(place);
        }
        let waits = |share: &&mut Share| !share.tickets.is_empty();
        let turn = |share: &&mut Share| (share.at_work, share.tickets.front().map(|(ticket, _)| *ticket));
        let Some(share) = self.shares.iter_mut().filter(waits).min_by_key(turn) else {
            self.at_work -= 1;
            return None;
        };
        let (_, hand) = share.tickets.pop_front()?;
        share.at_work += 1;
        self.waiting -= 1;
        Some((share.server.clone(), hand))
    }

    fn leave(&mut self, server: &Arc<str>, ticket: u64) {
        let Some(place) = self.find(server) else { return };
        let tickets = &mut self.shares[place].tickets;
        let Ok(turn) = tickets.binary_search_by_key(&ticket, |(number, _)| *number) else { return };
        tickets.remove(turn);
        self.waiting -= 1;
        self.tidy(place);
    }
}

/// One request at work, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    lane: Arc<Lane>,
    server: Arc<str>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.lane.pass_on(&self.server);
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
    use std::mem;

    use futures_util::FutureExt as _;
    use proptest::{collection::vec, prelude::any, prop_assert, prop_assert_eq, proptest, sample::Index};

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

    /// A lane and all who entered it, numbered in the order of arrival.
    struct Crowd {
        lane: Arc<Lane>,
        entered: usize,
        held: Vec<(usize, &'static str, Slot)>,
        queue: Vec<(usize, &'static str, Waiting)>,
    }

    impl Crowd {
        fn before(most: usize, max_waiting: usize) -> Self {
            Self { lane: Lane::new(most, max_waiting), entered: 0, held: Vec::new(), queue: Vec::new() }
        }

        fn enter(&mut self, name: &'static str) {
            match self.lane.enter(&name.into()) {
                Entry::Slot(slot) => self.held.push((self.entered, name, slot)),
                Entry::Waiting(waiting) => self.queue.push((self.entered, name, waiting)),
                Entry::Full(_) => return,
            }
            self.entered += 1;
        }

        /// Who of the waiting have a slot by now; they hold it from here on.
        fn settle(&mut self) -> Vec<usize> {
            let mut given = Vec::new();
            self.queue.retain_mut(|(n, name, waiting)| match waiting.now_or_never() {
                Some(slot) => {
                    given.push(*n);
                    self.held.push((*n, name, slot));
                    false
                }
                None => true,
            });
            given
        }
    }

    #[test]
    fn a_slot_goes_to_who_has_fewest_at_work_and_of_equals_to_who_waits_longest() {
        let mut crowd = Crowd::before(4, 10);
        for name in ["busy", "busy", "busy", "calm", "busy", "calm", "late", "busy", "other", "late"] {
            crowd.enter(name);
        }
        // First "calm" is done, then "busy" again and again: by the third time it has as few at work as the others.
        let order: Vec<_> = [3, 0, 0, 0, 0].map(|n| (drop(crowd.held.remove(n)), crowd.settle()).1).concat();
        assert_eq!(order, [5, 6, 8, 4, 7]);
    }

    /// What the lane promises, in the plainest way: who is at work, and who waits.
    #[derive(Default)]
    struct Model {
        at_work: Vec<&'static str>,
        waiting: Vec<(usize, &'static str)>,
        given: Vec<usize>,
    }

    impl Model {
        fn enter(&mut self, n: usize, name: &'static str, most: usize, max_waiting: usize) {
            if self.at_work.len() < most {
                self.at_work.push(name);
            } else if self.waiting.len() < max_waiting {
                self.waiting.push((n, name));
            }
        }

        fn done(&mut self, name: &str) {
            let place = self.at_work.iter().position(|one| *one == name).unwrap();
            self.at_work.remove(place);
            let share = |name: &str| self.at_work.iter().filter(|one| **one == name).count();
            let Some(next) = self.waiting.iter().copied().min_by_key(|(n, name)| (share(name), *n)) else { return };
            self.waiting.retain(|one| *one != next);
            self.at_work.push(next.1);
            self.given.push(next.0);
        }

        /// Somebody who waits goes away, perhaps with a slot in the hand that was not looked at yet.
        fn leave(&mut self, n: usize, name: &str) {
            match self.given.iter().position(|one| *one == n) {
                Some(place) => {
                    self.given.remove(place);
                    self.done(name);
                }
                None => self.waiting.retain(|(one, _)| *one != n),
            }
        }
    }

    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

    proptest! {
        #[test]
        fn whoever_comes_is_done_or_goes_away_the_fewest_at_work_come_first_and_no_slot_is_lost(
            most in 1_usize..6,
            max_waiting in 0_usize..12,
            steps in vec((0_u8..8, any::<Index>()), 0..200),
        ) {
            let (mut crowd, mut model) = (Crowd::before(most, max_waiting), Model::default());
            for (step, index) in steps {
                match step {
                    0..=3 => {
                        let name = NAMES[index.index(NAMES.len())];
                        model.enter(crowd.entered, name, most, max_waiting);
                        crowd.enter(name);
                    }
                    4 | 5 if !crowd.held.is_empty() => {
                        let (_, name, slot) = crowd.held.swap_remove(index.index(crowd.held.len()));
                        model.done(name);
                        drop(slot);
                    }
                    6 if !crowd.queue.is_empty() => {
                        let (n, name, waiting) = crowd.queue.remove(index.index(crowd.queue.len()));
                        model.leave(n, name);
                        drop(waiting);
                    }
                    _ => {
                        model.given.sort_unstable();
                        prop_assert_eq!(crowd.settle(), mem::take(&mut model.given));
                    }
                }
                prop_assert_eq!(crowd.lane.counts(), (model.at_work.len(), model.waiting.len()));
                prop_assert!(model.waiting.is_empty() || model.at_work.len() == most, "a slot is idle");
            }
            let Crowd { lane, held, queue, .. } = crowd;
            drop((held, queue));
            prop_assert_eq!(lane.counts(), (0, 0));
            prop_assert!(lane.state().shares.is_empty());
        }
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
