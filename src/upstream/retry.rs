//! Trying again, where the operator wants it: reads only, and only where no connection was made or the upstream says
//! 502, 503 or 504. Never a 429: coming back sooner than told makes it worse.

use std::time::Duration;

use http::header::RETRY_AFTER;
use tokio::time::Instant;

use super::failure::Failure;
use super::plane::Answer;

/// The first pause, to be doubled with every further one.
const FIRST: Duration = Duration::from_millis(100);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(2);

/// Is it worth trying again?
pub(super) fn worth(result: &Result<Answer, Failure>) -> bool {
    match result {
        // An upstream that says itself when to come back is believed: the caller is told.
        Ok(answer) => matches!(answer.status.as_u16(), 502..=504) && answer.fields.get(&RETRY_AFTER).is_none(),
        Err(failure) => matches!(failure, Failure::Unreachable(_)),
    }
}

/// How long to pause before try number `tries` + 1; `None` where the time until the deadline is too short for it.
pub(super) fn pause(tries: u32, deadline: Instant) -> Option<Duration> {
    // Without randomness callers that failed together come back together; that is worse, but no fault.
    let pause = jittered(tries, getrandom::u32().unwrap_or_default());
    (Instant::now() + pause < deadline).then_some(pause)
}

/// Between half of the pause and all of it.
fn jittered(tries: u32, chance: u32) -> Duration {
    let whole = FIRST.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST);
    whole.mul_f64(0.5 + 0.5 * f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_no_two_are_alike() {
        for (tries, least, most) in [(1, 50, 100), (2, 100, 200), (3, 200, 400), (6, 1000, 2000), (40, 1000, 2000)] {
            let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
            assert_eq!((jittered(tries, 0), jittered(tries, u32::MAX)), (least, most), "{tries}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_goes_beyond_the_deadline() {
        assert_eq!(pause(1, Instant::now() + Duration::from_millis(40)), None);
        assert!(pause(1, Instant::now() + Duration::from_millis(200)).is_some());
    }
}
