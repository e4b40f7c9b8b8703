//! What is known of the way to an account and outlives a reload: who is at work on it, and whether it answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;

use super::circuit::{Circuit, Mode};
use super::lane::Lane;
use super::{Breaker, Config};
use crate::hash::QuickHash;
use crate::refusal::Trouble;

/// The line to one account.
#[derive(Debug)]
pub(super) struct Line {
    /// Id of the account.
    pub(super) account: String,
    /// Bounds the requests at work.
    pub(super) lane: Arc<Lane>,
    /// Stops requests while the upstream keeps failing.
    pub(super) circuit: Circuit,
}

/// How it stands with the way to one account, for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Id of the account.
    pub account: String,
    /// Requests at work on it.
    pub at_work: usize,
    /// Requests that wait for it.
    pub waiting: usize,
    /// Is it called at all?
    pub breaker: Mode,
    /// What went wrong at last, if the breaker is not closed.
    pub trouble: Trouble,
}

impl Line {
    fn status(&self) -> Status {
        let ((at_work, waiting), (breaker, trouble)) = (self.lane.counts(), self.circuit.mode());
        Status { account: self.account.clone(), at_work, waiting, breaker, trouble }
    }
}

/// The lines to all accounts, by account id. A line is made when its account is first called and stays for as long as
/// the process runs: a reload makes accounts anew, but not what is under way to them.
#[derive(Debug)]
pub(super) struct Lines {
    max_concurrent: usize,
    max_waiting: usize,
    breaker: Breaker,
    known: ArcSwap<HashMap<String, Arc<Line>, QuickHash>>,
    /// Held while a line is added.
    adding: Mutex<()>,
}

impl Lines {
    /// No line yet.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            max_concurrent: config.max_concurrent,
            max_waiting: config.max_waiting,
            breaker: config.breaker,
            known: ArcSwap::default(),
            adding: Mutex::default(),
        }
    }

    /// The line to the account of this id.
    pub(super) fn of(&self, account: &str) -> Arc<Line> {
        match self.known.load().get(account) {
            Some(line) => line.clone(),
            None => self.add(account),
        }
    }

    /// How it stands with all lines, by account id.
    pub(super) fn statuses(&self) -> Vec<Status> {
        let mut all: Vec<_> = self.known.load().values().map(|line| line.status()).collect();
        all.sort_by(|a, b| a.account.cmp(&b.account));
        all
    }

    fn add(&self, account: &str) -> Arc<Line> {
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = HashMap::clone(&self.known.load());
        let line = || Line {
            account: account.to_owned(),
            lane: Lane::new(self.max_concurrent, self.max_waiting),
            circuit: Circuit::new(self.breaker.failures, self.breaker.open_for),
        };
        let line = known.entry(account.to_owned()).or_insert_with(|| Arc::new(line())).clone();
        self.known.store(Arc::new(known));
        line
    }
}
