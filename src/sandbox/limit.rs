//! The two request buckets: a minute for the user, a calendar month for the account.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    answer::{Fault, Result},
    config::{Quota, RateLimit},
    time::Time,
};

const MINUTE: Duration = Duration::from_mins(1);

/// How far both buckets are used up.
#[derive(Debug)]
pub(super) struct Limits {
    quota: RateLimit,
    user_used: u64,
    /// The minute starts with its first request.
    minute_began: Option<Instant>,
    org_used: u64,
    month: i32,
}

impl Limits {
    pub(super) fn new(quota: RateLimit) -> Self {
        Self { quota, user_used: 0, minute_began: None, org_used: 0, month: 0 }
    }

    /// Count one request, or refuse it; a refused one is not counted. `exempt` requests are free of the month's limit.
    pub(super) fn take(&mut self, exempt: bool, now: Instant, today: Time) -> Result<()> {
        if self.minute_began.is_none_or(|began| now.duration_since(began) >= MINUTE) {
            (self.minute_began, self.user_used) = (Some(now), 0);
        }
        if self.month != today.month() {
            (self.month, self.org_used) = (today.month(), 0);
        }
        if self.user_used >= self.quota.user_per_minute {
            return Err(too_many("Too many requests: the limit of requests per minute is reached"));
        }
        let month_spent = matches!(self.quota.org_per_month, Quota::Limited(limit) if self.org_used >= limit);
        if !exempt && month_spent {
            return Err(too_many("Too many requests: the limit of requests per month is reached"));
        }
        self.user_used += 1;
        self.org_used += u64::from(!exempt);
        Ok(())
    }

    /// The six headers that stand on every answer. `Reset` is in seconds from now.
    pub(super) fn write(&self, headers: &mut HeaderMap, now: Instant, today: Time) {
        let (user, org) = (self.user(now), self.org(today));
        let rows = [
            (HeaderName::from_static("x-ratelimit-limit-user"), user.limit()),
            (HeaderName::from_static("x-ratelimit-limit-user-remaining"), user.remaining()),
            (HeaderName::from_static("x-ratelimit-limit-user-reset"), user.reset.into()),
            (HeaderName::from_static("x-ratelimit-limit-org"), org.limit()),
            (HeaderName::from_static("x-ratelimit-limit-org-remaining"), org.remaining()),
            (HeaderName::from_static("x-ratelimit-limit-org-reset"), org.reset.into()),
        ];
        for (name, value) in rows {
            let value = value.as_str().map_or_else(
                || HeaderValue::from(value.as_u64().expect("a limit is a number or a word")),
                |word| HeaderValue::from_str(word).expect("the word is ASCII"),
            );
            headers.insert(name, value);
        }
    }

    /// The body of `GET /rate-limit`.
    pub(super) fn report(&self, now: Instant, today: Time) -> Value {
        let bucket = |bucket: Bucket| {
            json!({
                "limit": bucket.limit(), "remaining": bucket.remaining(), "reset": bucket.reset, "used": bucket.used,
            })
        };
        json!({ "rate": { "org_monthly": bucket(self.org(today)), "api_key_per_minute": bucket(self.user(now)) } })
    }

    fn user(&self, now: Instant) -> Bucket {
        let left = self.minute_began.map(|began| MINUTE.saturating_sub(now.duration_since(began)));
        // Rounded up, so that who waits that long is let in.
        let reset = left.map_or(0, |left| left.as_millis().div_ceil(1000));
        Bucket {
            quota: Quota::Limited(self.quota.user_per_minute),
            used: self.user_used,
            reset: u64::try_from(reset).expect("a minute is short"),
        }
    }

    fn org(&self, today: Time) -> Bucket {
        Bucket { quota: self.quota.org_per_month, used: self.org_used, reset: today.seconds_to_next_month() }
    }
}

struct Bucket {
    quota: Quota,
    used: u64,
    reset: u64,
}

impl Bucket {
    fn limit(&self) -> Value {
        match self.quota {
            Quota::Limited(limit) => limit.into(),
            Quota::Unlimited => "unlimited".into(),
        }
    }

    fn remaining(&self) -> Value {
        match self.quota {
            Quota::Limited(limit) => limit.saturating_sub(self.used).into(),
            Quota::Unlimited => "unlimited".into(),
        }
    }
}

fn too_many(text: &str) -> Fault {
    Fault::new(StatusCode::TOO_MANY_REQUESTS, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(user: u64, org: u64) -> Limits {
        Limits::new(RateLimit { user_per_minute: user, org_per_month: Quota::Limited(org) })
    }

    #[test]
    fn a_new_minute_refills_the_user_and_not_the_account() {
        let (mut limits, start, today) = (limits(2, 3), Instant::now(), Time::parse("2026-05-01").unwrap());
        assert!(limits.take(false, start, today).is_ok());
        assert!(limits.take(false, start, today).is_ok());
        assert!(limits.take(false, start + MINUTE - Duration::from_millis(1), today).is_err());
        assert!(limits.take(false, start + MINUTE, today).is_ok());
        assert!(limits.take(false, start + MINUTE, today).is_err(), "the account's three are spent");
        assert!(limits.take(true, start + MINUTE, today).is_ok(), "exempt requests spend the minute only");
        let next_month = Time::parse("2026-06-02").unwrap();
        assert!(limits.take(false, start + MINUTE * 2, next_month).is_ok());
    }

    #[test]
    fn reset_is_in_seconds_and_counts_down() {
        let (mut limits, start, today) = (limits(5, 9), Instant::now(), Time::parse("2026-05-31T23:00:00Z").unwrap());
        limits.take(false, start, today).unwrap();
        let mut headers = HeaderMap::new();
        limits.write(&mut headers, start + Duration::from_millis(17_500), today);
        let read = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(read("x-ratelimit-limit-user"), "5");
        assert_eq!(read("x-ratelimit-limit-user-remaining"), "4");
        assert_eq!(read("x-ratelimit-limit-user-reset"), "43");
        assert_eq!(read("x-ratelimit-limit-org-remaining"), "8");
        assert_eq!(read("x-ratelimit-limit-org-reset"), "3600");
    }

    #[test]
    fn an_endless_month_is_written_as_a_word() {
        let mut limits = Limits::new(RateLimit { org_per_month: Quota::Unlimited, ..RateLimit::default() });
        let (now, today) = (Instant::now(), Time::now());
        limits.take(false, now, today).unwrap();
        let report = limits.report(now, today);
        assert_eq!(report["rate"]["org_monthly"]["limit"], "unlimited");
        assert_eq!(report["rate"]["org_monthly"]["used"], 1);
        assert_eq!(report["rate"]["api_key_per_minute"]["remaining"], 899);
    }
}
