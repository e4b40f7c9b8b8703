//! Limits in this process's memory. They outlive every reload, since they hang on names and not on the set of servers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use tokio::time::Instant;

use super::charge::{Charge, Scope};
use super::gcra::{Cell, Standing};

/// Cells of one scope by the name of their owner.
type Cells = RwLock<HashMap<String, Arc<Mutex<Cell>>>>;

/// Fewer cells than this are never worth looking through for idle ones.
const FEW: usize = 1024;

/// All limits of this process.
#[derive(Debug)]
pub(super) struct Local {
    epoch: Instant,
    cells: [Cells; Scope::COUNT],
}

impl Local {
    pub(super) fn new() -> Self {
        Self { epoch: Instant::now(), cells: Default::default() }
    }

    /// Charge all limits or none: how each stands then, or the one that has no room and how long it has none. Of several
    /// without room it is the one that takes longest.
    ///
    /// All cells of the call are locked while they are looked at, so no number of concurrent calls overdraws one.
    pub(super) fn take(&self, charges: &[Charge<'_>]) -> Result<Vec<Standing>, (usize, Standing)> {
        let cells: Vec<Arc<Mutex<Cell>>> = charges.iter().map(|charge| self.cell(charge)).collect();
        // In the order of scopes, of which a call has each once: no two calls can wait for each other.
        let mut held: Vec<MutexGuard<'_, Cell>> =
            cells.iter().map(|cell| cell.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        let now = self.now();
        let taken: Vec<_> = held.iter().zip(charges).map(|(cell, charge)| cell.take(&charge.rate, now)).collect();
        let refused = taken.iter().enumerate().filter_map(|(n, taken)| Some((n, *taken.as_ref().err()?)));
        if let Some(longest) = refused.max_by_key(|(_, standing)| standing.wait) {
            return Err(longest);
        }
        let mut standings = Vec::with_capacity(charges.len());
        for ((cell, next), charge) in held.iter_mut().zip(taken.into_iter().flatten()).zip(charges) {
            **cell = next;
            standings.push(next.standing(&charge.rate, now));
        }
        Ok(standings)
    }

    /// Write down a call that others let pass.
    pub(super) fn record(&self, charges: &[Charge<'_>]) {
        let now = self.now();
        for charge in charges {
            let cell = self.cell(charge);
            let mut cell = cell.lock().unwrap_or_else(PoisonError::into_inner);
            *cell = cell.record(&charge.rate, now);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn cell(&self, charge: &Charge<'_>) -> Arc<Mutex<Cell>> {
        let cells = &self.cells[charge.scope as usize];
        if let Some(cell) = cells.read().unwrap_or_else(PoisonError::into_inner).get(charge.owner) {
            return cell.clone();
        }
        let mut cells = cells.write().unwrap_or_else(PoisonError::into_inner);
        if cells.len() == cells.capacity() && cells.len() >= FEW {
            self.forget_idle(&mut cells);
        }
        cells.entry(charge.owner.to_owned()).or_default().clone()
    }

    /// Owners come and go; a cell that nobody holds and that nothing is spent of says nothing.
    fn forget_idle(&self, cells: &mut HashMap<String, Arc<Mutex<Cell>>>) {
        let now = self.now();
        cells.retain(|_, cell| {
            Arc::strong_count(cell) > 1 || !cell.lock().unwrap_or_else(PoisonError::into_inner).is_idle(now)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;
    use crate::rate::Rate;

    fn charge(scope: Scope, rate: &str) -> Charge<'static> {
        Charge { scope, owner: "a", rate: Rate::parse(rate).unwrap() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_one_limit_refuses_spends_none_of_the_others() {
        let local = Local::new();
        let (calls, writes) = (charge(Scope::Calls, "3/min"), charge(Scope::Writes, "1/min"));
        let remaining = |taken: Vec<Standing>| taken.iter().map(|one| one.remaining).collect::<Vec<_>>();
        assert_eq!(local.take(&[calls, writes]).map(remaining), Ok(vec![2, 0]));
        for _ in 0..10 {
            let (which, standing) = local.take(&[calls, writes]).unwrap_err();
            assert_eq!((which, standing.wait.div_ceil(1_000_000_000)), (1, 60));
        }
        assert_eq!(local.take(&[calls]).map(remaining), Ok(vec![1]));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(local.take(&[calls, writes]).map(remaining), Ok(vec![2, 0]));
    }

    #[tokio::test(start_paused = true)]
    async fn owners_do_not_share_a_limit_and_neither_do_scopes() {
        let local = Local::new();
        let one = charge(Scope::Calls, "1/h");
        assert!(local.take(&[one]).is_ok() && local.take(&[one]).is_err());
        assert!(local.take(&[Charge { owner: "b", ..one }]).is_ok());
        assert!(local.take(&[charge(Scope::AccountCalls, "1/h")]).is_ok());
    }

    #[test]
    fn concurrent_calls_never_overdraw_a_limit() {
        let local = Local::new();
        let both = [charge(Scope::Calls, "100/d"), charge(Scope::Writes, "60/d")];
        let passed: usize = thread::scope(|scope| {
            let call = || (0..100).filter(|_| local.take(&both).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(call)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 60);
        assert_eq!(local.take(&both[..1]).unwrap()[0].remaining, 39);
    }
}
