//! The wall clock, injected, so that tests can move it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

/// Tells the time of day.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that stands at `start` until its hand is moved.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, Hand) {
        let hand = Hand(Arc::new(Mutex::new(start)));
        let shown = hand.clone();
        (Self(Arc::new(move || shown.read())), hand)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Moves a manual clock.
#[derive(Clone, Debug)]
pub struct Hand(Arc<Mutex<Timestamp>>);

impl Hand {
    /// Move the clock forward, or back with a negative duration.
    pub fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    fn read(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
