//! What is said of an upstream that gave no usable answer, or was not asked.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{MAYBE, again, envelope, say};
use crate::outcome::Exchange;
use crate::refusal::{Applied, Trouble, UpstreamFault, UpstreamFaultKind};

/// The error envelope of a call that the upstream gave no usable answer to.
pub(super) fn answer(fault: &UpstreamFault) -> Map<String, Value> {
    let (status, what) = match fault.kind {
        UpstreamFaultKind::Unreachable => (502, "The upstream cannot be reached.".to_owned()),
        UpstreamFaultKind::Timeout(after) => (504, timeout(after, &fault.exchange)),
        UpstreamFaultKind::Incomplete => (502, "The upstream's answer broke off or cannot be read.".to_owned()),
        UpstreamFaultKind::TooLarge(limit) => (
            502,
            format!(
                "The upstream's answer is larger than {limit} bytes. Ask for less: a smaller `limit` or more filters."
            ),
        ),
        UpstreamFaultKind::Overloaded { waiting } => {
            (503, format!("Too many calls of this account are at work: {waiting} more are waiting, and no other may."))
        }
        UpstreamFaultKind::Unavailable { trouble, reads_pass, .. } => (503, unavailable(trouble, reads_pass)),
    };
    let retry_after = fault.kind.retry_after();
    let then = match (fault.applied, retry_after) {
        (Applied::ReadOnly, None) => "Nothing was changed, the call can be made again.",
        (Applied::ReadOnly, Some(_)) => "Nothing was changed.",
        (Applied::No, None) => "Nothing was sent and nothing was changed, the call can be made again.",
        (Applied::No, Some(_)) => "Nothing was sent and nothing was changed.",
        (Applied::Maybe, _) => MAYBE,
    };
    let mut message = format!("{what} {then}");
    if let Some(seconds) = retry_after {
        say(&mut message, &again(seconds));
    }
    let mut map = envelope(status, fault.kind.word(), message, !ours(fault));
    map.extend(retry_after.map(|seconds| ("retry_after".to_owned(), seconds.into())));
    map
}

/// Did the call fail here, before the upstream was asked?
fn ours(fault: &UpstreamFault) -> bool {
    let only_waited = fault.exchange.requests == 0 && !fault.exchange.queued.is_zero();
    fault.kind.is_local() || (matches!(fault.kind, UpstreamFaultKind::Timeout(_)) && only_waited)
}

fn unavailable(trouble: Trouble, reads_pass: bool) -> String {
    let then =
        if reads_pass { " Whether it is back is tried with a call that only reads: make one first." } else { "" };
    format!("The upstream keeps failing, at last {trouble}, so it is not asked for now.{then}")
}

/// A wait that is shorter is not worth a word.
const WORTH_TELLING: Duration = Duration::from_millis(50);

fn timeout(after: Duration, exchange: &Exchange) -> String {
    let (after, waited) = (after.as_secs_f64(), exchange.queued.as_secs_f64());
    if exchange.queued < WORTH_TELLING {
        format!("The upstream gave no answer within {after:.1} seconds.")
    } else if exchange.requests == 0 {
        format!("The call's {after:.1} seconds went by in waiting for other calls of this account.")
    } else {
        format!(
            "The upstream gave no answer within {after:.1} seconds, {waited:.1} of which went by in waiting for other \
             calls of this account."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn error(kind: UpstreamFaultKind, applied: Applied, requests: u32, queued: Duration) -> Map<String, Value> {
        let exchange = Exchange { requests, queued, ..Exchange::default() };
        answer(&UpstreamFault { kind, detail: String::new(), applied, exchange })
    }

    #[test]
    fn a_write_that_broke_off_says_that_it_may_have_been_applied() {
        for (applied, words) in [
            (Applied::Maybe, "may or may not"),
            (Applied::No, "nothing was changed"),
            (Applied::ReadOnly, "Nothing was changed"),
        ] {
            let map = error(UpstreamFaultKind::Incomplete, applied, 1, Duration::ZERO);
            assert!(map["message"].as_str().unwrap().contains(words), "{applied:?}");
        }
    }

    #[test]
    fn what_was_refused_here_says_so_and_when_to_come_back() {
        let unavailable =
            UpstreamFaultKind::Unavailable { trouble: Trouble::Status(503), retry_after: 7, reads_pass: true };
        for (kind, word, retry_after, message) in [
            (
                UpstreamFaultKind::Overloaded { waiting: 256 },
                "overloaded",
                1,
                "Too many calls of this account are at work: 256 more are waiting, and no other may. Nothing was sent \
                 and nothing was changed. Try again in 1 second.",
            ),
            (
                unavailable,
                "upstream_unavailable",
                7,
                "The upstream keeps failing, at last it answered with status 503, so it is not asked for now. Whether \
                 it is back is tried with a call that only reads: make one first. Nothing was sent and nothing was \
                 changed. Try again in 7 seconds.",
            ),
        ] {
            let map = error(kind, Applied::No, 0, Duration::ZERO);
            assert_eq!((&map["error"], &map["message"]), (&word.into(), &message.into()));
            assert_eq!((&map["statusCode"], &map["retry_after"]), (&503.into(), &retry_after.into()));
            assert_eq!(map["is_remote_error"], false);
        }
    }

    #[test]
    fn a_call_that_ran_out_of_time_tells_how_long_it_waited() {
        for (requests, waited, remote, words) in [
            (1, Duration::ZERO, true, "gave no answer within 2.0 seconds. "),
            (1, SECOND, true, "gave no answer within 2.0 seconds, 1.0 of which went by in waiting"),
            (0, 2 * SECOND, false, "The call's 2.0 seconds went by in waiting for other calls"),
        ] {
            let map = error(UpstreamFaultKind::Timeout(2 * SECOND), Applied::ReadOnly, requests, waited);
            assert!(map["message"].as_str().unwrap().contains(words), "{map:?}");
            assert_eq!(map["is_remote_error"], remote);
        }
    }
}
