//! What is left of the accounts' rate limits, as the upstream last said it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry::{
    KeyValue,
    metrics::{AsyncInstrument, Meter},
};

use crate::budget::{Bucket, Budget};
use crate::hash::QuickHash;

/// The last word on every bucket of every account.
#[derive(Clone, Debug, Default)]
pub(super) struct Budgets(Arc<Mutex<HashMap<String, Vec<Known>, QuickHash>>>);

#[derive(Debug)]
struct Known {
    bucket: Bucket,
    seen: Instant,
}

impl Budgets {
    /// Budgets that these metrics tell of.
    pub(super) fn observed_by(meter: &Meter) -> Self {
        let budgets = Self::default();
        for (name, description, read) in READINGS {
            let known = budgets.clone();
            let tell = move |to: &dyn AsyncInstrument<u64>| {
                known.each(|account, known| {
                    if let Some(value) = read(known) {
                        let scope = KeyValue::new("chaperone.ratelimit.scope", known.bucket.scope.clone());
                        to.observe(value, &[KeyValue::new("chaperone.account", account.to_owned()), scope]);
                    }
                });
            };
            meter.u64_observable_gauge(name).with_description(description).with_callback(tell).build();
        }
        budgets
    }

    /// An answer said this.
    pub(super) fn saw(&self, account: &str, budget: &Budget) {
        if budget.0.is_empty() {
            return;
        }
        let seen = Instant::now();
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match accounts.get_mut(account) {
            Some(known) => known,
            None => accounts.entry(account.to_owned()).or_default(),
        };
        for bucket in &budget.0 {
            match known.iter_mut().find(|known| known.bucket.scope == bucket.scope) {
                Some(known) => {
                    known.bucket.clone_from(bucket);
                    known.seen = seen;
                }
                None => known.push(Known { bucket: bucket.clone(), seen }),
            }
        }
    }

    fn each(&self, mut tell: impl FnMut(&str, &Known)) {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (account, known) in &*accounts {
            for known in known {
                tell(account, known);
            }
        }
    }
}

type Read = fn(&Known) -> Option<u64>;

const READINGS: [(&str, &str, Read); 3] = [
    ("chaperone.account.budget.remaining", "Requests left in a rate limit of the account", Known::remaining),
    ("chaperone.account.budget.limit", "Requests a window in a rate limit of the account", Known::limit),
    ("chaperone.account.budget.reset", "Seconds until a rate limit of the account is full again", Known::reset),
];

impl Known {
    /// All of it again, once the window is over.
    #[expect(clippy::unnecessary_wraps, reason = "one type for all readings")]
    fn remaining(&self) -> Option<u64> {
        Some(if self.reset() == Some(0) { self.bucket.limit } else { self.bucket.remaining })
    }

    #[expect(clippy::unnecessary_wraps, reason = "one type for all readings")]
    fn limit(&self) -> Option<u64> {
        Some(self.bucket.limit)
    }

    fn reset(&self) -> Option<u64> {
        let whole = Duration::from_secs(self.bucket.reset?);
        Some(whole.saturating_sub(self.seen.elapsed()).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
    }
}
