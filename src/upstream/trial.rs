//! One request as a trial of its upstream: the [`circuit`](super::circuit) hears how it ended, however it ends.

use std::sync::Arc;

use tokio::time::Instant;

use super::call_info::CallInfo;
use super::circuit::{Blocked, Mode, Pass, Verdict};
use crate::refusal::Trouble;

/// One request on its way, until it is known what it says of its upstream.
#[derive(Debug)]
pub(super) struct Trial {
    call: Arc<CallInfo>,
    /// Until it is known what it says.
    pass: Option<Pass>,
    begun: Instant,
}

impl Trial {
    /// Leave for a request of this call to pass at this time, or why it has none.
    pub(super) fn begin(call: &Arc<CallInfo>, begun: Instant) -> Result<Self, Blocked> {
        let (pass, change) = call.line.circuit.admit(begun, call.read_only)?;
        tell(call, change);
        Ok(Self { call: call.clone(), pass: Some(pass), begun })
    }

    /// What it says of its upstream is known since this time.
    pub(super) fn end(mut self, verdict: Verdict, at: Instant) {
        self.judge(verdict, at);
    }

    fn judge(&mut self, verdict: Verdict, at: Instant) {
        if let Some(pass) = self.pass.take() {
            tell(&self.call, self.call.line.circuit.judge(at, pass, verdict));
        }
    }

    /// The body is over: whole, or broken off.
    pub(super) fn read(self, whole: bool, at: Instant) {
        self.end(if whole { Verdict::Good } else { Verdict::Bad(Trouble::Incomplete) }, at);
    }

    /// Dropped without an end: the call's time was over, or its caller went away.
    fn abandoned(&self, now: Instant) -> Verdict {
        let had = now.saturating_duration_since(self.begun);
        let time = self.call.deadline.saturating_duration_since(self.call.meter.started());
        // Of a request that got its slot late, the upstream had not the time that it is given.
        if now >= self.call.deadline && had >= time / 2 { Verdict::Bad(Trouble::Timeout) } else { Verdict::None }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if self.pass.is_some() {
            let now = Instant::now();
            self.judge(self.abandoned(now), now);
        }
    }
}

fn tell(call: &CallInfo, change: Option<Mode>) {
    let Some(mode) = change else { return };
    let (account, trouble) = (call.line.account.as_str(), call.line.circuit.mode().1);
    match mode {
        Mode::Closed => tracing::info!(account, breaker.state = "closed", "the upstream answers again"),
        Mode::HalfOpen => {
            tracing::info!(account, breaker.state = "half-open", "one call tries whether the upstream is back");
        }
        Mode::Open(until) => {
            let seconds = until.saturating_duration_since(Instant::now()).as_secs_f32();
            let cause = trouble.to_string();
            tracing::warn!(
                account,
                breaker.state = "open",
                breaker.cause = cause.as_str(),
                breaker.open_s = seconds,
                "the upstream keeps failing and is not asked for now"
            );
        }
    }
}
