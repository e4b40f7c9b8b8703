//! Rate limits, read from the headers that the catalog names.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, HeaderName};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::plane::{Answer, Destination, Request};
use crate::account::Account;
use crate::budget::{Bucket, Budget};
use crate::catalog::integration::RateLimit;

/// A "seconds until the reset" this large (about 31 years) is a date in disguise.
const EPOCH: u64 = 1_000_000_000;

/// A layer that reads what answers say of rate limits.
pub(super) fn layer<S>() -> impl Layer<S, Service = RateLimits<S>> {
    tower::layer::layer_fn(RateLimits)
}

/// Reads what an answer says of rate limits.
#[derive(Clone, Debug)]
pub(super) struct RateLimits<S>(S);

impl<S: Service<Request, Response = Answer>> Service<Request> for RateLimits<S> {
    type Response = Answer;
    type Error = S::Error;
    type Future = Reading<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let account = (request.destination == Destination::Account).then(|| request.account.clone());
        Reading { inner: self.0.call(request), account }
    }
}

pin_project! {
    /// The future of [`RateLimits`].
    pub(super) struct Reading<F> {
        #[pin]
        inner: F,
        account: Option<Arc<Account>>,
    }
}

impl<F: Future<Output = Result<Answer, E>>, E> Future for Reading<F> {
    type Output = Result<Answer, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = ready!(this.inner.poll(cx))?;
        if let Some(account) = this.account {
            answer.budget = budget(&account.integration.rate_limits, answer.http.headers());
        }
        Poll::Ready(Ok(answer))
    }
}

/// The buckets that these headers state in full; one with a missing or odd number is left out.
fn budget(limits: &[RateLimit], headers: &HeaderMap) -> Budget {
    Budget(limits.iter().filter_map(|limit| bucket(limit, headers)).collect())
}

fn bucket(limit: &RateLimit, headers: &HeaderMap) -> Option<Bucket> {
    let number = |name: &HeaderName| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    Some(Bucket {
        limit: number(&limit.limit)?,
        remaining: number(&limit.remaining)?,
        reset: Some(number(&limit.reset).filter(|seconds| *seconds < EPOCH)?),
        scope: limit.scope.clone(),
        window: limit.window,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Vec<Bucket> {
        let limits = ["user", "org"].map(|scope| RateLimit {
            scope: scope.into(),
            limit: HeaderName::try_from(format!("x-{scope}")).unwrap(),
            remaining: HeaderName::try_from(format!("x-{scope}-left")).unwrap(),
            reset: HeaderName::try_from(format!("x-{scope}-reset")).unwrap(),
            window: (scope == "user").then_some(60),
        });
        let map = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        budget(&limits, &map).0
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
        assert_eq!(buckets, [user, org]);
    }

    #[test]
    fn a_bucket_with_an_odd_number_is_left_out() {
        for odd in ["unlimited", "", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(read(&[("x-user", odd), ("x-user-left", "1"), ("x-user-reset", "1")]), [], "{odd}");
            assert_eq!(read(&[("x-user", "1"), ("x-user-left", odd), ("x-user-reset", "1")]), [], "{odd}");
        }
        assert_eq!(read(&[("x-user", "900"), ("x-user-left", "1")]), []);
    }

    #[test]
    fn a_reset_that_is_an_epoch_is_never_taken_for_seconds() {
        assert_eq!(read(&[("x-user", "900"), ("x-user-left", "1"), ("x-user-reset", "1795000000")]), []);
    }
}
