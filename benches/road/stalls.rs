//! When the load itself stood still because its core was taken by something else.
//!
//! What was on its way then waited for the load, and what fell due then was sent in one go: neither says anything of the
//! contender, whoever it is. That the load had much to do, because many answers came at once, is no such time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

/// From so long on it stood still.
const STILL: Duration = Duration::from_micros(300);

/// For so many times as long as it stood still there are calls that it disturbed: those that fell due meanwhile are sent in
/// one go, and at half of what a contender carries it takes as long again, or longer, until they are worked off.
const AFTERMATH: u32 = 3;

/// How often the kernel is asked how long this thread has waited for its core, if nothing is suspected.
const ASKED: Duration = Duration::from_millis(1);

/// How long a thread has waited for its core, as the kernel counts it.
#[derive(Debug)]
pub(crate) struct Waited(File);

impl Waited {
    /// That of this thread.
    ///
    /// # Errors
    /// If the kernel does not count.
    pub(crate) fn of_this_thread() -> io::Result<Self> {
        File::open("/proc/thread-self/schedstat").map(Self)
    }

    /// So far.
    pub(crate) fn read(&self) -> Duration {
        let mut text = [0; 64];
        let read = self.0.read_at(&mut text, 0).unwrap_or(0);
        let text = text.get(..read).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        let waited = text.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok());
        Duration::from_nanos(waited.unwrap_or(0))
    }
}

/// The times in which nothing is measured, in order and apart from each other.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    times: Vec<(Instant, Instant)>,
    looked: Option<Instant>,
    asked: Option<(Instant, Duration)>,
}

impl Stalls {
    /// The load looks at the clock, and does so all the time; `waited` tells how long it has waited for its core so far.
    pub(crate) fn look(&mut self, now: Instant, waited: impl FnOnce() -> Duration) {
        let before = self.looked.replace(now).unwrap_or(now);
        let suspicious = now - before >= STILL;
        if !suspicious && self.asked.is_some_and(|(at, _)| now - at < ASKED) {
            return;
        }
        let waited = waited();
        let (_, waited_before) = self.asked.replace((now, waited)).unwrap_or((now, waited));
        if suspicious && waited.saturating_sub(waited_before) >= STILL / 2 {
            self.add(before, now + (now - before) * AFTERMATH);
        }
    }

    fn add(&mut self, from: Instant, until: Instant) {
        match self.times.last_mut() {
            Some((_, end)) if *end >= from => *end = until.max(*end),
            _ => self.times.push((from, until)),
        }
    }

    /// Was any of this time such a time?
    pub(crate) fn touch(&self, begun: Instant, ended: Instant) -> bool {
        let next = self.times.partition_point(|(_, until)| *until < begun);
        self.times.get(next).is_some_and(|(from, _)| *from <= ended)
    }
}
