//! When the load itself stood still: its core was taken by something else, or a task kept it from looking at the clock.
//!
//! What was on its way then waited for the load, and what fell due then was sent in one go: neither says anything of the
//! contender, whoever it is.

use std::time::{Duration, Instant};

/// From so long on it stood still: what the load does in between takes less.
const STILL: Duration = Duration::from_micros(300);

/// How often as long as it lasted what it caused lasts: calls that fell due at half of what a contender carries are worked
/// off as fast again as they came, and somewhat slower where the contender is slower.
const AFTERMATH: u32 = 3;

/// The times in which nothing is measured, in order and apart from each other.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    times: Vec<(Instant, Instant)>,
    looked: Option<Instant>,
}

impl Stalls {
    /// The load looks at the clock, and does so all the time.
    pub(crate) fn look(&mut self, now: Instant) {
        if let Some(before) = self.looked.replace(now)
            && now - before >= STILL
        {
            let ends = now + (now - before) * AFTERMATH;
            match self.times.last_mut() {
                Some((_, until)) if *until >= before => *until = ends.max(*until),
                _ => self.times.push((before, ends)),
            }
        }
    }

    /// Was any of this time such a time?
    pub(crate) fn touch(&self, begun: Instant, ended: Instant) -> bool {
        let next = self.times.partition_point(|(_, until)| *until < begun);
        self.times.get(next).is_some_and(|(from, _)| *from <= ended)
    }
}
