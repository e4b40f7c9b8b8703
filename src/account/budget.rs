//! What is known of the limits that a vendor sets to its accounts: the last word of its answers, counting down.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::Account;
use crate::budget::{Bucket, Budget};

/// Two answers speak of the same window if its end differs by no more than this: it is told in whole seconds, and
/// answers travel.
const SAME_WINDOW: Duration = Duration::from_secs(2);

/// What one answer says of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// How the bucket stands.
    Limited(Bucket),
    /// The bucket of this name has no limit.
    Unlimited(Arc<str>),
}

/// The ledgers of all accounts. They outlive every reload; a clone is the same set.
#[derive(Clone, Debug, Default)]
pub struct Ledgers(Arc<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    ledgers: RwLock<HashMap<String, Arc<Ledger>>>,
    outbox: OnceLock<mpsc::Sender<(String, Vec<Bucket>)>>,
    fail_fast: AtomicBool,
}

impl Ledgers {
    /// The ledger of an account: of its id at its URL with its credential, for another one has other limits. Found once
    /// for an account and kept with it.
    #[must_use]
    pub fn of<'a>(&self, account: &'a Account) -> Cow<'a, Arc<Ledger>> {
        let find = || Kept { among: self.clone(), ledger: self.find(account.identity()) };
        let kept = account.ledger.get_or_init(find);
        // An account that is used with two sets has a ledger in each.
        if Arc::ptr_eq(&kept.among.0, &self.0) {
            Cow::Borrowed(&kept.ledger)
        } else {
            Cow::Owned(self.find(account.identity()))
        }
    }

    fn find(&self, key: &str) -> Arc<Ledger> {
        if let Some(ledger) = self.0.ledgers.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return ledger.clone();
        }
        self.0.ledgers.write().unwrap_or_else(PoisonError::into_inner).entry(key.to_owned()).or_default().clone()
    }

    /// Tell others, too, what vendors say of which [`Account::identity`]. Only the first one asked for is told.
    pub fn tell(&self, outbox: mpsc::Sender<(String, Vec<Bucket>)>) {
        // A second one would be a second road over the same upstream, which shares with the first.
        let _ = self.0.outbox.set(outbox);
    }

    /// From now on no request is to be sent for an account that has an empty bucket.
    pub fn fail_fast(&self) {
        self.0.fail_fast.store(true, Ordering::Relaxed);
    }

    /// The bucket for whose sake no request may be sent for this account now.
    #[must_use]
    pub fn stops(&self, account: &Account) -> Option<Bucket> {
        let fail_fast = self.0.fail_fast.load(Ordering::Relaxed);
        fail_fast.then(|| self.of(account).empty_now()).flatten()
    }

    /// Write down what an answer to a request for this account said that came in at this time, and tell whoever wants to
    /// hear.
    pub fn write(&self, account: &Account, statements: impl Iterator<Item = Statement>, at: Instant) {
        let Some(outbox) = self.0.outbox.get() else { return self.hear(account, statements, at) };
        let statements: Vec<Statement> = statements.collect();
        let limited = |statement: &Statement| match statement {
            Statement::Limited(bucket) => Some(bucket.clone()),
            Statement::Unlimited(_) => None,
        };
        let buckets: Vec<Bucket> = statements.iter().filter_map(limited).collect();
        if !buckets.is_empty() {
            // Where nobody keeps up the next answer says it again.
            let _ = outbox.try_send((account.identity().to_owned(), buckets));
        }
        self.hear(account, statements.into_iter(), at);
    }

    /// Write down what was said of this account at this time.
    pub fn hear(&self, account: &Account, statements: impl Iterator<Item = Statement>, at: Instant) {
        let mut ledger = None;
        for statement in statements {
            ledger.get_or_insert_with(|| self.of(account)).write(statement, at);
        }
    }
}

/// The ledger of an account, and the set of which it is.
#[derive(Debug)]
pub(super) struct Kept {
    among: Ledgers,
    ledger: Arc<Ledger>,
}

/// What is known of the limits of one account.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Vec<Known>>);

/// A bucket and when its window ends.
#[derive(Clone, Debug)]
struct Known {
    bucket: Bucket,
    ends: Instant,
}

impl Ledger {
    /// Write down what an answer said that came in just now. Answers to concurrent requests overtake each other: of one
    /// window the lowest remainder is the last word, and a window that ends later is a newer one.
    pub fn write(&self, statement: Statement, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let scope = match &statement {
            Statement::Limited(bucket) => &bucket.scope,
            Statement::Unlimited(scope) => scope,
        };
        let place = known.iter().position(|old| old.bucket.scope == *scope);
        let new = match statement {
            Statement::Limited(bucket) => Known::since(bucket, now),
            Statement::Unlimited(_) => None,
        };
        match (place, new) {
            (Some(n), Some(new)) if new.replaces(&known[n], now) => known[n] = new,
            (Some(_), Some(_)) | (None, None) => {}
            (Some(n), None) => {
                known.swap_remove(n);
            }
            (None, Some(new)) => known.push(new),
        }
    }

    /// Every bucket whose window has not ended.
    #[must_use]
    pub fn known(&self, now: Instant) -> Budget {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Budget(known.iter().filter(|known| known.ends > now).map(|known| known.at(now)).collect())
    }

    /// A bucket that has nothing left until its window ends; of several the one that ends last.
    #[must_use]
    pub fn empty_now(&self) -> Option<Bucket> {
        // Every call asks, and few find one: the clock is not read for the others.
        self.empty(Instant::now)
    }

    fn empty(&self, clock: impl FnOnce() -> Instant) -> Option<Bucket> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = known.iter().filter(|known| known.bucket.remaining == 0).max_by_key(|known| known.ends)?;
        let now = clock();
        (latest.ends > now).then(|| latest.at(now))
    }
}

impl Known {
    fn since(bucket: Bucket, now: Instant) -> Option<Self> {
        // "0 seconds" is the rest of this one.
        let ends = now.checked_add(Duration::from_secs(bucket.reset?.max(1)))?;
        Some(Self { bucket, ends })
    }

    fn replaces(&self, old: &Self, now: Instant) -> bool {
        if old.ends <= now || self.ends > old.ends + SAME_WINDOW || self.bucket.limit != old.bucket.limit {
            return true;
        }
        let of_an_older_window = self.ends + SAME_WINDOW < old.ends;
        !of_an_older_window && self.bucket.remaining <= old.bucket.remaining
    }

    /// The bucket with the seconds that are left, rounded up: who waits that long finds it full.
    fn at(&self, now: Instant) -> Bucket {
        let left = self.ends.saturating_duration_since(now).as_millis().div_ceil(1000);
        Bucket { reset: u64::try_from(left).ok(), ..self.bucket.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(remaining: u64, reset: u64) -> Statement {
        Statement::Limited(Bucket { scope: "user".into(), limit: 9, remaining, reset: Some(reset), window: Some(60) })
    }

    fn told(ledger: &Ledger, now: Instant) -> Option<(u64, u64)> {
        ledger.known(now).0.first().map(|bucket| (bucket.remaining, bucket.reset.unwrap()))
    }

    #[test]
    fn of_one_window_the_lowest_remainder_is_kept_and_a_newer_window_replaces_it() {
        let (ledger, start) = (Ledger::default(), Instant::now());
        for (after_ms, remaining, reset, expected) in [
            (0, 5, 30, (5, 30)),
            // Overtaken on the way: told earlier, read later.
            (500, 7, 30, (5, 30)),
            (1000, 3, 29, (3, 29)),
            // A newer window.
            (2000, 8, 60, (8, 60)),
            // The last straggler of the older one.
            (2500, 0, 27, (8, 60)),
        ] {
            let now = start + Duration::from_millis(after_ms);
            ledger.write(says(remaining, reset), now);
            assert_eq!(told(&ledger, now), Some(expected), "after {after_ms} ms");
        }
    }

    #[test]
    fn an_empty_bucket_is_empty_until_its_reset_and_counts_down() {
        let (ledger, start) = (Ledger::default(), Instant::now());
        ledger.write(says(0, 17), start);
        for (after_ms, left) in [(0, Some(17)), (1, Some(17)), (16_001, Some(1)), (16_999, Some(1)), (17_000, None)] {
            let bucket = ledger.empty(|| start + Duration::from_millis(after_ms));
            assert_eq!(bucket.and_then(|bucket| bucket.reset), left, "after {after_ms} ms");
        }
    }

    #[test]
    fn a_bucket_without_limit_is_forgotten() {
        let (ledger, now) = (Ledger::default(), Instant::now());
        ledger.write(says(0, 17), now);
        ledger.write(Statement::Unlimited("org".into()), now);
        assert_eq!(told(&ledger, now), Some((0, 17)));
        ledger.write(Statement::Unlimited("user".into()), now);
        assert_eq!(told(&ledger, now), None);
    }

    #[test]
    fn another_limit_is_another_word_and_not_an_older_one() {
        let (ledger, now) = (Ledger::default(), Instant::now());
        ledger.write(says(0, 86_400), now);
        let raised = Bucket { scope: "user".into(), limit: 99, remaining: 90, reset: Some(3600), window: None };
        ledger.write(Statement::Limited(raised), now);
        assert_eq!(told(&ledger, now), Some((90, 3600)));
    }

    #[test]
    fn an_account_has_one_ledger_in_a_set_and_another_in_another_set() {
        let catalog = crate::catalog::Catalog::builtin().unwrap();
        let account = |url: &str| {
            let affinity = catalog.integration("affinity").unwrap().clone();
            Account::new("acme".into(), affinity, url.parse().unwrap(), false, crate::secret::Secret::new("k")).unwrap()
        };
        let (one, again) = (account("https://a.example"), account("https://a.example"));
        let (first, second) = (Ledgers::default(), Ledgers::default());
        let same = |a: &Arc<Ledger>, b: &Arc<Ledger>| Arc::ptr_eq(a, b);
        assert!(same(&first.of(&one), &first.clone().of(&one)));
        assert!(same(&first.of(&one), &first.of(&again)), "a reload makes the account anew");
        assert!(!same(&first.of(&one), &second.of(&one)) && same(&second.of(&one), &second.of(&again)));
        assert!(!same(&first.of(&one), &first.of(&account("https://b.example"))));
    }
}
