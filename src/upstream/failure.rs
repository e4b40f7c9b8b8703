//! What can go wrong on the way to the upstream and back, and the refusal it becomes.

use std::time::Duration;

use super::circuit::Blocked;
use crate::budget::Bucket;
use crate::outcome::Exchange;
use crate::refusal::{Applied, Limited, Misfit, Refusal, Remote, UpstreamFault, UpstreamFaultKind};

/// A failure, before it is known what the whole call took.
#[derive(Debug)]
pub(super) enum Failure {
    /// No connection; nothing left. The text is for the log.
    Unreachable(String),
    /// The call's time, this long, is over.
    Timeout(Duration),
    /// The answer broke off or is not what the catalog says. The text is for the log.
    Incomplete(String),
    /// The answer is larger than this many bytes.
    TooLarge(usize),
    /// So many requests wait for the account that this one may not; nothing left.
    Overloaded(usize),
    /// The upstream keeps failing and is not asked for now; nothing left.
    Unavailable(Blocked),
    /// The vendor said that this limit of the account is used up; nothing left.
    UsedUp(Bucket),
    /// The upstream answered with an error; its exchange is filled in at the end.
    Remote(Box<Remote>),
    /// An argument cannot be sent as it is.
    Misfit(Misfit),
    /// A bug; the text is for the log.
    Bug(String),
}

impl Failure {
    /// An argument that cannot be sent as it is.
    pub(super) fn misfit(argument: &str, problem: impl Into<String>) -> Self {
        Self::Misfit(Misfit { argument: argument.to_owned(), problem: problem.into() })
    }

    /// Is it certain that nothing of the request left?
    pub(super) fn was_not_sent(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Overloaded(_) | Self::Unavailable(_) | Self::UsedUp(_))
    }

    /// The refusal of a call that took `exchange`.
    pub(super) fn into_refusal(self, read_only: bool, exchange: Exchange) -> Refusal {
        let (kind, detail) = match self {
            Self::Unreachable(detail) => (UpstreamFaultKind::Unreachable, detail),
            Self::Timeout(time) => (UpstreamFaultKind::Timeout(time), "the call's time is over".into()),
            Self::Incomplete(detail) => (UpstreamFaultKind::Incomplete, detail),
            Self::TooLarge(limit) => (UpstreamFaultKind::TooLarge(limit), "the answer is too large".into()),
            Self::Overloaded(waiting) => {
                (UpstreamFaultKind::Overloaded { waiting }, format!("{waiting} requests wait for the account"))
            }
            Self::Unavailable(Blocked { trouble, retry_after, reads_pass }) => {
                let retry_after = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                (
                    UpstreamFaultKind::Unavailable { trouble, retry_after, reads_pass },
                    format!("the breaker is open: {trouble}"),
                )
            }
            Self::Remote(mut remote) => {
                remote.exchange = exchange;
                return Refusal::Remote(remote);
            }
            Self::UsedUp(bucket) => return Refusal::Limited(Box::new(Limited::vendor(bucket))),
            Self::Misfit(misfit) => return Refusal::Arguments(vec![misfit]),
            Self::Bug(text) => return Refusal::Internal(text),
        };
        let applied = match (read_only, exchange.requests) {
            (true, _) => Applied::ReadOnly,
            (false, 0) => Applied::No,
            (false, _) => Applied::Maybe,
        };
        Refusal::Upstream(Box::new(UpstreamFault { kind, detail, applied, exchange }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_write_follows_from_what_was_sent() {
        for (read_only, requests, expected) in
            [(true, 1, Applied::ReadOnly), (false, 0, Applied::No), (false, 1, Applied::Maybe)]
        {
            let exchange = Exchange { requests, ..Exchange::default() };
            match Failure::Unreachable(String::new()).into_refusal(read_only, exchange) {
                Refusal::Upstream(fault) => assert_eq!(fault.applied, expected),
                other => panic!("{other:?}"),
            }
        }
    }
}
