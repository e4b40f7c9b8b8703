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
        match self.lane.enter(ServerKey::of(name)) {
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
        prop_assert!(lane.state().is_empty());
    }
}

#[test]
fn no_more_than_the_bounds_are_at_work_and_waiting() {
    let (lane, name) = (Lane::new(2, 1), ServerKey::of("a"));
    let _working = [slot(lane.enter(name)), slot(lane.enter(name))];
    let left = waiting(lane.enter(name));
    assert!(matches!(lane.enter(name), Entry::Full(1)));
    assert_eq!(lane.counts(), (2, 1));
    drop(left);
    assert_eq!(lane.counts(), (2, 0));
    drop(waiting(lane.enter(name)));
}

#[test]
fn a_slot_handed_to_somebody_who_goes_away_is_passed_on() {
    let (lane, name) = (Lane::new(1, 10), ServerKey::of("a"));
    let first = slot(lane.enter(name));
    let (gone, mut next) = (waiting(lane.enter(name)), waiting(lane.enter(name)));
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
                let _slot = match lane.enter(ServerKey::of(&format!("server {}", n % 7))) {
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
