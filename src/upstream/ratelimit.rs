//! Rate limits, read from the headers that the catalog names. A request that was on its way when a limit was used up is
//! stopped here, where it would be sent.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::HeaderName;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::failure::Failure;
use super::fields::Fields;
use super::plane::{Answer, Destination, Request};
use crate::account::{
    Account,
    budget::{Ledgers, Statement},
};
use crate::budget::{Bucket, Budget};
use crate::catalog::integration::RateLimit;

/// A "seconds until the reset" this large (about 31 years) is a date in disguise.
const EPOCH: u64 = 1_000_000_000;

/// Digits of the largest integer of a structured field (RFC 9651 section 3.3.1): a larger one cannot be passed on.
const LONGEST: usize = 15;

/// A layer that writes into `ledgers` what answers say of rate limits.
pub(super) fn layer<S>(ledgers: Ledgers) -> impl Layer<S, Service = RateLimits<S>> {
    tower::layer::layer_fn(move |inner| RateLimits { inner, ledgers: ledgers.clone() })
}

/// Reads what an answer says of rate limits.
#[derive(Clone, Debug)]
pub(super) struct RateLimits<S> {
    inner: S,
    ledgers: Ledgers,
}

impl<S: Service<Request, Response = Answer, Error = Failure>> Service<Request> for RateLimits<S> {
    type Response = Answer;
    type Error = Failure;
    type Future = Reading<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let account = (request.destination == Destination::Account).then(|| request.account.clone());
        if let Some(bucket) = account.as_deref().and_then(|account| self.ledgers.stops(account)) {
            return Reading::Stopped { bucket: Some(bucket) };
        }
        Reading::Sent { inner: self.inner.call(request), account, ledgers: self.ledgers.clone() }
    }
}

pin_project! {
    /// The future of [`RateLimits`].
    #[project = Step]
    pub(super) enum Reading<F> {
        /// Its answer is to be read.
        Sent { #[pin] inner: F, account: Option<Arc<Account>>, ledgers: Ledgers },
        /// Nothing is sent: this bucket is empty.
        Stopped { bucket: Option<Bucket> },
    }
}

impl<F: Future<Output = Result<Answer, Failure>>> Future for Reading<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (inner, account, ledgers) = match self.project() {
            Step::Sent { inner, account, ledgers } => (inner, account, ledgers),
            Step::Stopped { bucket } => {
                return Poll::Ready(Err(Failure::UsedUp(bucket.take().expect("a refusal is given once"))));
            }
        };
        let mut answer = ready!(inner.poll(cx))?;
        if let Some(account) = account {
            let stated = statements(account, &answer.fields).inspect(|statement| {
                if let Statement::Limited(bucket) = statement {
                    answer.remaining =
                        Some(answer.remaining.map_or(bucket.remaining, |least| least.min(bucket.remaining)));
                }
            });
            ledgers.write(account, stated, answer.at);
        }
        Poll::Ready(Ok(answer))
    }
}

/// The buckets that an answer with these fields states.
pub(super) fn stated(account: &Account, fields: &Fields) -> Budget {
    let limited = |statement| match statement {
        Statement::Limited(bucket) => Some(bucket),
        Statement::Unlimited(_) => None,
    };
    Budget(statements(account, fields).filter_map(limited).collect())
}

fn statements<'a>(account: &'a Account, fields: &'a Fields) -> impl Iterator<Item = Statement> + 'a {
    account.integration.rate_limits.iter().filter_map(|limit| statement(limit, fields))
}

/// What these fields say of a limit; nothing where one of them is missing or odd.
fn statement(limit: &RateLimit, fields: &Fields) -> Option<Statement> {
    let text = |name: &HeaderName| fields.get(name).map(<[u8]>::trim_ascii);
    let (most, remaining) = (text(&limit.limit), text(&limit.remaining));
    if most.is_some_and(is_unlimited) || remaining.is_some_and(is_unlimited) {
        return Some(Statement::Unlimited(limit.scope.clone()));
    }
    Some(Statement::Limited(Bucket {
        limit: number(most?)?,
        remaining: number(remaining?)?,
        reset: Some(number(text(&limit.reset)?).filter(|seconds| *seconds < EPOCH)?),
        scope: limit.scope.clone(),
        window: limit.window,
    }))
}

/// A number that can be passed on: digits, and no more of them than [`LONGEST`].
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    text.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| 10 * number + u64::from(byte - b'0')))
}

/// Affinity writes the word where a plan has no limit.
fn is_unlimited(text: &[u8]) -> bool {
    text.eq_ignore_ascii_case(b"unlimited")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Vec<Statement> {
        let limits = ["user", "org"].map(|scope| RateLimit {
            scope: scope.into(),
            limit: HeaderName::try_from(format!("x-{scope}")).unwrap(),
            remaining: HeaderName::try_from(format!("x-{scope}-left")).unwrap(),
            reset: HeaderName::try_from(format!("x-{scope}-reset")).unwrap(),
            window: (scope == "user").then_some(60),
        });
        let fields = headers.iter().copied().collect();
        limits.iter().filter_map(|limit| statement(limit, &fields)).collect()
    }

    #[test]
    fn every_bucket_stated_in_full_is_read() {
        let buckets = read(&[
            ("x-user", "900"),
            ("x-user-left", "899"),
            ("x-user-reset", "17"),
            ("x-org", "100000"),
            ("x-org-left", "5"),
            ("x-org-reset", "86400"),
        ]);
        let user = Bucket { scope: "user".into(), limit: 900, remaining: 899, reset: Some(17), window: Some(60) };
        let org = Bucket { scope: "org".into(), limit: 100_000, remaining: 5, reset: Some(86_400), window: None };
        assert_eq!(buckets, [user, org].map(Statement::Limited));
    }

    #[test]
    fn a_bucket_with_an_odd_number_is_left_out() {
        for odd in ["none", "", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(read(&[("x-user", odd), ("x-user-left", "1"), ("x-user-reset", "1")]), [], "{odd}");
            assert_eq!(read(&[("x-user", "1"), ("x-user-left", odd), ("x-user-reset", "1")]), [], "{odd}");
        }
        assert_eq!(read(&[("x-user", "900"), ("x-user-left", "1")]), []);
    }

    #[test]
    fn a_limit_that_is_unlimited_is_said_to_be_none() {
        for (limit, left) in [("unlimited", "unlimited"), ("Unlimited", "9"), ("9", "unlimited")] {
            let statements = read(&[("x-org", limit), ("x-org-left", left), ("x-org-reset", "9")]);
            assert_eq!(statements, [Statement::Unlimited("org".into())], "{limit} {left}");
        }
    }

    #[test]
    fn a_reset_that_is_an_epoch_is_never_taken_for_seconds() {
        assert_eq!(read(&[("x-user", "900"), ("x-user-left", "1"), ("x-user-reset", "1795000000")]), []);
    }
}
