//! The arithmetic of one limit: the generic cell rate algorithm (ITU-T I.371, as virtual scheduling).
//!
//! All that is kept of a limit is the theoretical arrival time of its next request, had all before come evenly: how far
//! it lies ahead of now is what was spent. Times are nanoseconds of a clock that never goes back.
//!
//! The crate `governor` is the yardstick of the tests and no more: its check spends what it grants and cannot take it
//! back, so that a call which a second limit refuses would have spent the first, and its limiter has one rate for life,
//! so that a reload would forget what was spent. Its hooks (a store and a clock of one's own) would leave two lines of it
//! in use, and the script of the shared store (`take.lua`) has to reckon exactly as this does in any case.

use crate::budget::Bucket;
use crate::rate::Rate;

/// What is kept of one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// The theoretical arrival time.
    arrival: u64,
    /// The interval that the arrival time was reckoned with; 0 before the first request.
    interval: u64,
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Requests that would pass at once.
    pub(super) remaining: u64,
    /// Nanoseconds until one more would.
    pub(super) wait: u64,
}

impl Cell {
    /// The cell after one more request, or how long that one has to wait.
    pub(super) fn take(self, rate: &Rate, now: u64) -> Result<Self, Standing> {
        let standing = self.standing(rate, now);
        if standing.remaining == 0 {
            return Err(standing);
        }
        let arrival = now.saturating_add(self.spent(rate, now)).saturating_add(rate.interval());
        Ok(Self { arrival, interval: rate.interval() })
    }

    /// The cell after one more request that passed, room or no room.
    pub(super) fn record(self, rate: &Rate, now: u64) -> Self {
        let spent = self.spent(rate, now).saturating_add(rate.interval()).min(capacity(rate));
        Self { arrival: now.saturating_add(spent), interval: rate.interval() }
    }

    /// How the limit stands.
    pub(super) fn standing(self, rate: &Rate, now: u64) -> Standing {
        let interval = rate.interval();
        let left = capacity(rate) - self.spent(rate, now);
        let remaining = left / interval;
        let wait = if remaining >= rate.burst() { 0 } else { interval - left % interval };
        Standing { remaining, wait }
    }

    /// Requests that were spent and have not come back yet, begun ones included.
    pub(super) fn requests(self, rate: &Rate, now: u64) -> u64 {
        self.spent(rate, now).div_ceil(rate.interval())
    }

    /// The cell without so many requests that it had counted.
    pub(super) fn less(self, rate: &Rate, requests: u64) -> Self {
        Self { arrival: self.arrival.saturating_sub(rate.interval().saturating_mul(requests)), ..self }
    }

    /// Is nothing spent any more?
    pub(super) fn is_idle(self, now: u64) -> bool {
        self.arrival <= now
    }

    /// What is spent, as time, at most the capacity. Under another rate than before, as many requests as before.
    fn spent(self, rate: &Rate, now: u64) -> u64 {
        let ahead = u128::from(self.arrival.saturating_sub(now));
        let spent = match self.interval {
            0 => 0,
            same if same == rate.interval() => ahead,
            other => (ahead * u128::from(rate.interval())).div_ceil(u128::from(other)),
        };
        u64::try_from(spent).unwrap_or(u64::MAX).min(capacity(rate))
    }
}

impl Standing {
    /// As a bucket of this name. Waits are rounded up, so that who waits that long is let in.
    pub(super) fn bucket(self, scope: &str, rate: &Rate) -> Bucket {
        Bucket {
            scope: scope.into(),
            limit: rate.burst(),
            remaining: self.remaining,
            reset: Some(self.wait.div_ceil(1_000_000_000)),
            window: Some(rate.window()),
        }
    }
}

fn capacity(rate: &Rate) -> u64 {
    rate.interval().saturating_mul(rate.burst())
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use governor::{Quota, RateLimiter, clock::FakeRelativeClock};
    use proptest::{collection::vec, proptest};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate(text: &str, burst: u64) -> Rate {
        Rate::parse(text).unwrap().with_burst(burst)
    }

    #[test]
    fn a_burst_passes_and_then_one_an_interval() {
        let (rate, mut cell) = (rate("60/min", 3), Cell::default());
        for left in [2, 1, 0] {
            cell = cell.take(&rate, 0).unwrap();
            assert_eq!(cell.standing(&rate, 0).remaining, left);
        }
        assert_eq!(cell.take(&rate, 0), Err(Standing { remaining: 0, wait: SECOND }));
        assert_eq!(cell.take(&rate, SECOND - 1), Err(Standing { remaining: 0, wait: 1 }));
        cell = cell.take(&rate, SECOND).unwrap();
        assert!(cell.take(&rate, SECOND).is_err());
        assert_eq!(cell.standing(&rate, 100 * SECOND), Standing { remaining: 3, wait: 0 });
    }

    #[test]
    fn another_rate_keeps_what_was_spent() {
        let (old, mut cell) = (rate("60/min", 60), Cell::default());
        for _ in 0..30 {
            cell = cell.take(&old, 0).unwrap();
        }
        assert_eq!(cell.standing(&rate("120/min", 120), 0).remaining, 90);
        assert_eq!(cell.standing(&rate("40/min", 40), 0).remaining, 10);
        // What was spent beyond the new limit is let be: nobody waits for hours after a change.
        assert_eq!(cell.standing(&rate("1/h", 1), 0), Standing { remaining: 0, wait: 3600 * SECOND });
    }

    /// A bucket of tokens in whole numbers: a token is `interval` of time.
    struct Model {
        left: u64,
        at: u64,
    }

    impl Model {
        fn take(&mut self, interval: u64, burst: u64, now: u64) -> bool {
            self.left = (self.left + (now - self.at)).min(interval * burst);
            self.at = now;
            let passes = self.left >= interval;
            self.left -= if passes { interval } else { 0 };
            passes
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_bucket_of_tokens_however_the_clock_moves(
            per_minute in 1_u64..600, burst in 1_u64..40, steps in vec(0_u64..3 * SECOND, 1..200),
        ) {
            let rate = rate(&format!("{per_minute}/min"), burst);
            let mut model = Model { left: rate.interval() * burst, at: 0 };
            let (mut cell, mut now) = (Cell::default(), 0);
            for step in steps {
                now += step;
                let taken = cell.take(&rate, now);
                assert_eq!(taken.is_ok(), model.take(rate.interval(), burst, now));
                match taken {
                    Ok(next) => cell = next,
                    Err(Standing { wait, .. }) => {
                        assert!(cell.take(&rate, now + wait).is_ok() && cell.take(&rate, now + wait - 1).is_err());
                    }
                }
            }
        }

        #[test]
        fn it_agrees_with_governor(
            per_minute in 1_u64..600, burst in 1_u32..40, steps in vec(0_u64..3 * SECOND, 1..200),
        ) {
            let rate = rate(&format!("{per_minute}/min"), burst.into());
            let quota = Quota::with_period(Duration::from_nanos(rate.interval())).unwrap();
            let clock = FakeRelativeClock::default();
            let theirs = RateLimiter::direct_with_clock(quota.allow_burst(NonZeroU32::new(burst).unwrap()), clock.clone());
            let (mut cell, mut now) = (Cell::default(), 0);
            for step in steps {
                clock.advance(Duration::from_nanos(step));
                now += step;
                let taken = cell.take(&rate, now);
                assert_eq!(taken.is_ok(), theirs.check().is_ok(), "at {now}");
                cell = taken.unwrap_or(cell);
            }
        }
    }
}
