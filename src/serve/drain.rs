//! The end of the process: told once, heard by everybody.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{self, SignalKind, signal},
    sync::watch,
};

/// How long the listener goes on after SIGTERM: until every balancer has heard that `/readyz` says 503.
const LINGER: Duration = Duration::from_secs(1);

/// Tells everybody that the process ends.
#[derive(Debug)]
pub struct Ending(watch::Sender<Option<Duration>>);

/// Hears that the process ends.
#[derive(Clone, Debug)]
pub struct Drain(watch::Receiver<Option<Duration>>);

/// A pair of teller and hearer.
#[must_use]
pub fn channel() -> (Ending, Drain) {
    let (sender, receiver) = watch::channel(None);
    (Ending(sender), Drain(receiver))
}

impl Ending {
    /// Begin to end; the listener lingers for so long.
    pub fn begin(&self, linger: Duration) {
        self.0.send_replace(Some(linger));
    }
}

impl Drain {
    /// Comes back when the end begins.
    pub async fn begun(&mut self) {
        // A teller that is gone ends everything too.
        let _ = self.0.wait_for(Option::is_some).await;
    }

    /// Has the end begun?
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// How long the listener goes on.
    #[must_use]
    pub fn linger(&self) -> Duration {
        self.0.borrow().unwrap_or_default()
    }
}

/// Which signal ended the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: an orchestrator, whose balancers need a moment to hear of it.
    Terminate,
    /// SIGINT: a person at a terminal.
    Interrupt,
}

impl Signal {
    /// How long the listener should go on.
    #[must_use]
    pub fn linger(self) -> Duration {
        match self {
            Self::Terminate => LINGER,
            Self::Interrupt => Duration::ZERO,
        }
    }
}

/// SIGTERM and SIGINT, heard from when this is made.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Signals {
    /// Begin to listen. Until then the kernel ends the process at either of them; none is lost afterwards.
    ///
    /// # Errors
    /// The signal handlers cannot be set up.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }
}
