//! How long a connection may wait for its next request.
//!
//! hyper makes a timer whenever it begins to wait for a head and drops it when the head is there. By tokio's timers that
//! would be a lock and a place in a wheel, twice a request; here whoever reads a connection only notes until when it waits,
//! and who guards the connection looks at the note when it may have come to that.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant as StdInstant},
};

use hyper::rt::{Sleep, Timer};
use tokio::time::{Instant, sleep, sleep_until};

/// Until when one connection waits; a timer for hyper that never goes off. A clone is the same note.
#[derive(Clone, Debug, Default)]
pub(super) struct Note(Arc<Mutex<Option<Instant>>>);

impl Note {
    /// Comes back as soon as a wait has taken as long as it may, which is always this long.
    pub(super) async fn due(self, limit: Duration) {
        loop {
            match self.read() {
                Some(until) if until <= Instant::now() => return,
                Some(until) => sleep_until(until).await,
                // Should a wait begin at once, it ends then.
                None => sleep(limit).await,
            }
        }
    }

    /// A wait begins that may take so long.
    pub(super) fn wait(&self, limit: Duration) {
        self.write(Some(Instant::now() + limit));
    }

    /// It is over.
    pub(super) fn over(&self) {
        self.write(None);
    }

    fn read(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, until: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Timer for Note {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: StdInstant) -> Pin<Box<dyn Sleep>> {
        self.write(Some(deadline.into()));
        Box::pin(Waiting(self.clone()))
    }

    fn now(&self) -> StdInstant {
        Instant::now().into_std()
    }

    fn reset(&self, _: &mut Pin<Box<dyn Sleep>>, new_deadline: StdInstant) {
        self.write(Some(new_deadline.into()));
    }
}

/// As long as this is there, hyper waits.
struct Waiting(Note);

impl Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(75);

    #[tokio::test(start_paused = true)]
    async fn it_is_due_once_hyper_has_waited_and_at_no_other_time() {
        let (note, begun) = (Note::default(), Instant::now());
        let due = tokio::spawn(note.clone().due(LIMIT));
        for seconds in [1, 74, 60, 3_600] {
            let waiting = note.sleep(LIMIT);
            sleep(Duration::from_secs(seconds.min(74))).await;
            drop(waiting);
            // A long answer.
            sleep(Duration::from_secs(seconds)).await;
        }
        assert!(!due.is_finished(), "after {:?}", begun.elapsed());
        let (waits, _waiting) = (Instant::now(), note.sleep(LIMIT));
        due.await.unwrap();
        assert_eq!(waits.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_is_set_anew_waits_anew() {
        let note = Note::default();
        let mut waiting = note.sleep(LIMIT);
        sleep(LIMIT / 2).await;
        let begun = Instant::now();
        note.reset(&mut waiting, note.now() + LIMIT);
        note.due(LIMIT).await;
        assert_eq!(begun.elapsed(), LIMIT);
    }
}
