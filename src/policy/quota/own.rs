//! What this process has let pass of limits that are shared, for a store that did not hear of it.
//!
//! A store that was out of reach is told what went by without it; one that has lost its memory, all that is still spent.
//! Either way a limit is not to be had a second time because the store was away.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::charge::{Charge, Scope};
use super::gcra::Cell;
use crate::rate::Rate;

/// Fewer limits than this are never worth looking through for idle ones.
const FEW: usize = 1024;

/// Of all limits what this process has spent.
#[derive(Debug)]
pub(super) struct Own {
    epoch: Instant,
    /// Among how many replicas limits are divided: what one of them has spent comes back so much more slowly.
    parts: u32,
    spent: Mutex<HashMap<(Scope, String), Spent>>,
}

/// What this process has spent of one limit.
#[derive(Debug)]
struct Spent {
    rate: Rate,
    all: Cell,
    /// That of it which the store does not know of.
    alone: Cell,
}

/// What the store has to be told of one limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Debt {
    pub(super) scope: Scope,
    pub(super) owner: String,
    pub(super) rate: Rate,
    pub(super) requests: u64,
}

impl Own {
    /// Nothing spent, as one of so many replicas.
    pub(super) fn new(parts: u32) -> Self {
        Self { epoch: Instant::now(), parts, spent: Mutex::default() }
    }

    /// A call passed that was charged so, with the store or alone.
    pub(super) fn passed(&self, charges: &[Charge<'_>], alone: bool) {
        let (mut spent, now) = (self.spent(), self.now());
        if spent.len() == spent.capacity() && spent.len() >= FEW {
            spent.retain(|_, spent| !spent.all.is_idle(now));
        }
        for charge in charges {
            let share = self.share(charge.rate);
            let new = || Spent { rate: charge.rate, all: Cell::default(), alone: Cell::default() };
            let spent = spent.entry((charge.scope, charge.owner.to_owned())).or_insert_with(new);
            spent.rate = charge.rate;
            spent.all = spent.all.record(&share, now);
            if alone {
                spent.alone = spent.alone.record(&share, now);
            }
        }
    }

    /// What the store does not know of, or all that is spent.
    pub(super) fn debts(&self, all: bool) -> Vec<Debt> {
        let now = self.now();
        let debt = |((scope, owner), spent): (&(Scope, String), &Spent)| {
            let cell = if all { spent.all } else { spent.alone };
            let requests = cell.requests(&self.share(spent.rate), now);
            Debt { scope: *scope, owner: owner.clone(), rate: spent.rate, requests }
        };
        self.spent().iter().map(debt).filter(|debt| debt.requests > 0).collect()
    }

    /// The store has been told.
    pub(super) fn told(&self, debts: Vec<Debt>) {
        let mut spent = self.spent();
        for Debt { scope, owner, requests, .. } in debts {
            if let Some(spent) = spent.get_mut(&(scope, owner)) {
                spent.alone = spent.alone.less(&self.share(spent.rate), requests);
            }
        }
    }

    /// The rate at which what this process has spent comes back; it may have spent all of the burst.
    fn share(&self, rate: Rate) -> Rate {
        rate.divided(self.parts).with_burst(rate.burst())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn spent(&self) -> MutexGuard<'_, HashMap<(Scope, String), Spent>> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn requests(debts: &[Debt]) -> Vec<u64> {
        debts.iter().map(|debt| debt.requests).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_went_by_alone_is_owed_until_it_is_told_or_has_come_back() {
        let own = Own::new(2);
        let charge = [Charge { scope: Scope::Calls, owner: "a", rate: Rate::parse("60/min").unwrap() }];
        for n in 0..10 {
            own.passed(&charge, n % 2 == 0);
        }
        assert_eq!((requests(&own.debts(false)), requests(&own.debts(true))), (vec![5], vec![10]));
        // The share of one of two comes back at half of the rate.
        tokio::time::advance(Duration::from_secs(4)).await;
        let debts = own.debts(false);
        assert_eq!((requests(&debts), requests(&own.debts(true))), (vec![3], vec![8]));
        own.passed(&charge, true);
        own.told(debts);
        assert_eq!((requests(&own.debts(false)), requests(&own.debts(true))), (vec![1], vec![9]));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!((own.debts(false), own.debts(true)), (vec![], vec![]));
    }
}
