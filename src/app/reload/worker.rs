//! The one thread on which sets are read and compiled.
//!
//! Not one of the runtime's blocking threads: those come and go, and glibc's malloc gives each a heap that it keeps for
//! the next one. Sets compiled on them are scattered over ever more heaps, and none of these ever gets small again.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    sync::mpsc,
    thread,
};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Does one job after another on its thread, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker(mpsc::Sender<Job>);

impl Worker {
    /// Start the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, todo) = mpsc::channel::<Job>();
        thread::Builder::new().name("reload".into()).spawn(move || {
            for job in todo {
                // The hook has told of the panic. A job owns all it works on, so that nothing is left half done.
                let _ = panic::catch_unwind(AssertUnwindSafe(job));
            }
        })?;
        Ok(Self(jobs))
    }

    /// What comes of a job; `None` if it panicked.
    pub(super) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (tell, told) = oneshot::channel();
        // Who asked may be gone by then.
        let job = move || drop(tell.send(job()));
        self.0.send(Box::new(job)).ok()?;
        told.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_job_is_done_on_the_same_thread_also_after_one_that_panics() {
        let worker = Worker::start().unwrap();
        let before = worker.run(|| thread::current().id()).await;
        assert_eq!(worker.run(|| panic!("told on stderr")).await, None::<()>);
        let after = worker.run(|| thread::current().id()).await;
        assert_eq!((before.is_some(), before), (true, after));
    }
}
