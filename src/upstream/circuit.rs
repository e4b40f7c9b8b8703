//! Whether an account may be called at all: a circuit breaker, without time or sockets of its own.
//!
//! Closed, requests pass. It opens after so many failures in a row, or when more than half of the last
//! [`SAMPLE`] requests failed within [`WINDOW`]. Open, nothing passes for a while. Then one read at a time tries whether
//! the upstream is back (half-open): a good answer closes the circuit, a bad one opens it anew.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::refusal::Trouble;

/// Requests that a share of failures is taken of: with fewer, two unlucky ones would be a trend.
const SAMPLE: usize = 20;
/// Failures that are older say nothing about now.
const WINDOW: Duration = Duration::from_secs(30);
/// A read that tries is over about as soon as this.
const SOON: Duration = Duration::from_secs(1);
/// Who only writes must not wait for ever for somebody who reads: after this long a write may try as well.
const NOBODY_READS: Duration = Duration::from_mins(1);

/// The circuit of one account.
#[derive(Debug)]
pub(super) struct Circuit {
    /// Failures in a row that open it; 0: nothing does.
    failures: u32,
    open_for: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    in_a_row: u32,
    /// When the last requests ended, and whether they failed; the oldest first.
    recent: VecDeque<(Instant, bool)>,
    /// The last failure.
    trouble: Trouble,
}

/// How a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Requests pass.
    Closed,
    /// None passes; from this time on one may try.
    Open(Instant),
    /// One is trying.
    HalfOpen,
}

/// Leave to send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Like all others.
    Usual,
    /// To try whether the upstream is back.
    Probe,
}

/// Why a request may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    /// What went wrong at last.
    pub(super) trouble: Trouble,
    /// When it is worth asking again.
    pub(super) retry_after: Duration,
    /// Would a call that only reads have passed?
    pub(super) reads_pass: bool,
}

/// What a request says of its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answers.
    Good,
    /// It failed.
    Bad(Trouble),
    /// Nothing: the caller went away, or the request had no time left from the start.
    None,
}

impl Circuit {
    /// A closed circuit.
    pub(super) fn new(failures: u32, open_for: Duration) -> Self {
        let recent = VecDeque::with_capacity(SAMPLE);
        let state = State { mode: Mode::Closed, in_a_row: 0, recent, trouble: Trouble::Unreachable };
        Self { failures, open_for, state: Mutex::new(state) }
    }

    /// May a request pass now? With the mode that the circuit has changed to, if it has.
    pub(super) fn admit(&self, now: Instant, read_only: bool) -> Result<(Pass, Option<Mode>), Blocked> {
        let mut state = self.state();
        let blocked = |retry_after, reads_pass| Blocked { trouble: state.trouble, retry_after, reads_pass };
        match state.mode {
            Mode::Closed => Ok((Pass::Usual, None)),
            Mode::HalfOpen => Err(blocked(SOON, false)),
            Mode::Open(until) if now < until => Err(blocked(until - now, false)),
            Mode::Open(until) if !read_only && now < until + NOBODY_READS => Err(blocked(SOON, true)),
            Mode::Open(_) => Ok((Pass::Probe, Some(state.turn(Mode::HalfOpen)))),
        }
    }

    /// A request that had passed is over. Gives the mode that the circuit has changed to, if it has.
    pub(super) fn judge(&self, now: Instant, pass: Pass, verdict: Verdict) -> Option<Mode> {
        if self.failures == 0 {
            return None;
        }
        let mut state = self.state();
        if let Verdict::Bad(trouble) = verdict {
            state.trouble = trouble;
        }
        match (state.mode, pass, verdict) {
            (Mode::HalfOpen, Pass::Probe, Verdict::Good) => Some(state.turn(Mode::Closed)),
            (Mode::HalfOpen, Pass::Probe, Verdict::Bad(_)) => Some(state.turn(Mode::Open(now + self.open_for))),
            (Mode::HalfOpen, Pass::Probe, Verdict::None) => Some(state.turn(Mode::Open(now))),
            (Mode::Closed, _, Verdict::Good | Verdict::Bad(_)) => {
                let opens = state.count(now, verdict != Verdict::Good, self.failures);
                opens.then(|| state.turn(Mode::Open(now + self.open_for)))
            }
            // Sent before it opened: nothing new.
            _ => None,
        }
    }

    /// How the circuit stands, and what went wrong at last.
    pub(super) fn mode(&self) -> (Mode, Trouble) {
        let state = self.state();
        (state.mode, state.trouble)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turn(&mut self, mode: Mode) -> Mode {
        self.mode = mode;
        self.in_a_row = 0;
        self.recent.clear();
        mode
    }

    /// Count the end of a request. Is it time to open?
    fn count(&mut self, now: Instant, failed: bool, failures: u32) -> bool {
        self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
        if self.recent.len() == SAMPLE {
            self.recent.pop_front();
        }
        self.recent.push_back((now, failed));
        let fresh = self.recent.len() == SAMPLE && self.recent.front().is_some_and(|(at, _)| now - *at <= WINDOW);
        let most = fresh && self.recent.iter().filter(|(_, failed)| *failed).count() > SAMPLE / 2;
        self.in_a_row >= failures || most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Verdict = Verdict::Bad(Trouble::Status(503));
    const OPEN_FOR: Duration = Duration::from_secs(10);

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// A circuit that opened at this time.
    fn open(at: Instant) -> Circuit {
        let circuit = Circuit::new(1, OPEN_FOR);
        assert_eq!(circuit.judge(at, Pass::Usual, BAD), Some(Mode::Open(at + OPEN_FOR)));
        circuit
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let (now, circuit) = (Instant::now(), Circuit::new(3, OPEN_FOR));
        for verdict in [BAD, BAD, Verdict::Good, BAD, Verdict::None, BAD] {
            assert_eq!(circuit.judge(now, Pass::Usual, verdict), None);
        }
        assert_eq!(circuit.judge(now, Pass::Usual, BAD), Some(Mode::Open(now + OPEN_FOR)));
        let expected = Blocked { trouble: Trouble::Status(503), retry_after: second(7), reads_pass: false };
        assert_eq!(circuit.admit(now + second(3), true), Err(expected));
    }

    #[test]
    fn more_than_half_of_the_last_requests_open_it_but_only_within_the_window() {
        for (apart, opens) in [(Duration::from_millis(100), true), (second(2), false)] {
            let (mut now, circuit) = (Instant::now(), Circuit::new(100, OPEN_FOR));
            let mut changes = (0..SAMPLE * 3).filter_map(|n| {
                now += apart;
                circuit.judge(now, Pass::Usual, if n % 3 == 0 { Verdict::Good } else { BAD })
            });
            assert_eq!(changes.next().is_some(), opens, "{apart:?}");
        }
        let (now, circuit) = (Instant::now(), Circuit::new(100, OPEN_FOR));
        let half = (0..SAMPLE * 3).find_map(|n| circuit.judge(now, Pass::Usual, [Verdict::Good, BAD][n % 2]));
        assert_eq!(half, None);
    }

    #[test]
    fn one_read_tries_and_meanwhile_nothing_else_passes() {
        let now = Instant::now();
        let circuit = open(now);
        let later = now + OPEN_FOR;
        assert!(circuit.admit(later, false).is_err_and(|blocked| blocked.reads_pass));
        assert_eq!(circuit.admit(later, true), Ok((Pass::Probe, Some(Mode::HalfOpen))));
        assert!(circuit.admit(later, true).is_err() && circuit.admit(later, false).is_err());
        // One of those that were under way when it opened.
        assert_eq!(circuit.judge(later, Pass::Usual, Verdict::Good), None);
        assert_eq!(circuit.judge(later, Pass::Probe, Verdict::Good), Some(Mode::Closed));
        assert_eq!(circuit.admit(later, false), Ok((Pass::Usual, None)));
    }

    #[test]
    fn a_bad_try_opens_it_anew_and_a_cancelled_one_leaves_room_for_the_next() {
        let now = Instant::now();
        let (circuit, later) = (open(now), now + OPEN_FOR);
        assert!(circuit.admit(later, true).is_ok());
        assert_eq!(circuit.judge(later, Pass::Probe, BAD), Some(Mode::Open(later + OPEN_FOR)));
        let later = later + OPEN_FOR;
        assert!(circuit.admit(later, true).is_ok());
        assert_eq!(circuit.judge(later, Pass::Probe, Verdict::None), Some(Mode::Open(later)));
        assert!(circuit.admit(later, true).is_ok());
    }

    #[test]
    fn where_nobody_reads_a_write_tries_at_last() {
        let now = Instant::now();
        assert!(open(now).admit(now + OPEN_FOR + NOBODY_READS, false).is_ok());
    }

    #[test]
    fn without_a_threshold_nothing_opens_it() {
        let (now, circuit) = (Instant::now(), Circuit::new(0, OPEN_FOR));
        assert_eq!((0..100).find_map(|_| circuit.judge(now, Pass::Usual, BAD)), None);
    }
}
