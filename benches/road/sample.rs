//! What one contender did in one case in one round: made by a load generator, read by the bench.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::machine::CpuTime;
use crate::role::Load;
use crate::{Error, stats};

/// One measurement.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Sample {
    /// Right answers a second.
    pub(crate) throughput: f64,
    /// The median latency, microseconds.
    pub(crate) p50_us: f64,
    /// The latency that 1 call of 100 exceeds, microseconds.
    pub(crate) p99_us: f64,
    /// The latency that 1 call of 1000 exceeds, microseconds.
    pub(crate) p999_us: f64,
    /// The contender's CPU time a call, microseconds.
    pub(crate) cpu_us: f64,
    /// Share of the measured time in which the contender ran: near 1 where it, and not the load, was the limit.
    pub(crate) busy: f64,
    /// Share of the measured time in which the contender had work but others had its core.
    pub(crate) starved: f64,
    /// How late 1 call of 100 of a paced load was sent, microseconds: the load generator's own fault, not in the
    /// latencies.
    pub(crate) late_us: f64,
    /// Share of the calls that are not among the latencies, because others had the load's core meanwhile.
    pub(crate) disturbed: f64,
    /// `p99_us` of all calls, those too.
    pub(crate) p99_all_us: f64,
    /// Share of the measured time in which load generator, upstream and the like ran, which share the other core.
    pub(crate) load_busy: f64,
    /// Calls made, those of the warm-up included.
    pub(crate) made: u64,
}

/// What the connections of one load saw.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Calls made, those of the warm-up included.
    pub(crate) made: u64,
    /// Answers that came in the measured time.
    pub(crate) answered: u32,
    /// What the calls of the measured time took, however long after it the last of them was answered.
    pub(crate) latencies: Vec<Duration>,
    /// Of a paced load, the same of all calls: among the others those are not that the load disturbed.
    pub(crate) all: Vec<Duration>,
    /// How late the calls of a paced load were sent.
    pub(crate) late: Vec<Duration>,
}

impl Tally {
    /// Adds what another connection saw.
    pub(crate) fn add(&mut self, mut other: Self) {
        self.made += other.made;
        self.answered += other.answered;
        self.latencies.append(&mut other.latencies);
    }
}

/// What a window took of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    /// By the contender.
    pub(crate) contender: CpuTime,
    /// By all that is needed to measure it.
    pub(crate) helpers: Duration,
}

/// When to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

impl Window {
    /// The window of `load`, its warm-up beginning now.
    pub(crate) fn from_now(load: &Load) -> Self {
        let start = Instant::now() + Duration::from_millis(load.warm_up_ms);
        Self { start, end: start + Duration::from_millis(load.measured_ms) }
    }

    /// Reads what CPU time was used at both ends of the window.
    pub(crate) async fn watch(self, load: &Load) -> Result<Used, Error> {
        let helpers: Vec<u32> = load.helpers.iter().copied().chain([std::process::id()]).collect();
        let now = || Ok::<_, Error>((CpuTime::of(&load.pids)?, CpuTime::of(&helpers)?));
        tokio::time::sleep_until(self.start.into()).await;
        let (contender, helped) = now()?;
        tokio::time::sleep_until(self.end.into()).await;
        let (contender_then, helped_then) = now()?;
        Ok(Used { contender: contender_then.since(contender), helpers: helped_then.since(helped).ran })
    }

    /// Whether `moment` lies in it.
    pub(crate) fn holds(self, moment: Instant) -> bool {
        (self.start..=self.end).contains(&moment)
    }

    /// The sample of what was measured in this window.
    pub(crate) fn sample(self, mut tally: Tally, used: Used) -> Result<Sample, Error> {
        let cpu = used.contender;
        tally.latencies.sort_unstable();
        tally.late.sort_unstable();
        let quantile =
            |per_mille| stats::quantile(&tally.latencies, per_mille).ok_or("no call lies in the measured time");
        let counted = f64::from(u32::try_from(tally.latencies.len())?);
        let fell_due = f64::from(u32::try_from(tally.all.len().max(tally.latencies.len()))?);
        tally.all.sort_unstable();
        let (answered, seconds) = (f64::from(tally.answered), (self.end - self.start).as_secs_f64());
        Ok(Sample {
            throughput: answered / seconds,
            p50_us: microseconds(quantile(500)?),
            p99_us: microseconds(quantile(990)?),
            p999_us: microseconds(quantile(999)?),
            cpu_us: microseconds(cpu.ran) / answered,
            busy: cpu.ran.as_secs_f64() / seconds,
            starved: cpu.waited.as_secs_f64() / seconds,
            late_us: stats::quantile(&tally.late, 990).map_or(0.0, microseconds),
            disturbed: 1.0 - counted / fell_due,
            p99_all_us: microseconds(stats::quantile(&tally.all, 990).map_or_else(|| quantile(990), Ok)?),
            load_busy: used.helpers.as_secs_f64() / seconds,
            made: tally.made,
        })
    }
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
