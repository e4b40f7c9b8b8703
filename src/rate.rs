//! Rates as people write them: `120/min`, or with a burst of its own `{rate: 120/min, burst: 20}`.

use std::{fmt, time::Duration};

use crate::document::{At, Value};

/// Most requests a second that a rate can speak of: beyond it there is nothing to limit.
const FASTEST: u64 = 1_000_000;

const UNITS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];

/// How often something may happen: `burst` at once, and then `count` a period, evenly spread (GCRA, ITU-T I.371).
///
/// Over any span of time at most `burst` plus what the span refills can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u64,
    unit: &'static str,
    seconds: u64,
    burst: u64,
}

impl Rate {
    /// A rate whose burst is its count. `None` where the text is no rate.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once('/')?;
        let (unit, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit.trim())?;
        let count: u64 = count.trim().parse().ok()?;
        (1..=FASTEST * seconds).contains(&count).then_some(Self { count, unit, seconds, burst: count })
    }

    /// The same rate with another burst, at least 1.
    #[must_use]
    pub fn with_burst(self, burst: u64) -> Self {
        Self { burst: burst.max(1), ..self }
    }

    /// Read `120/min` or `{rate: 120/min, burst: 20}`.
    #[must_use]
    pub fn read(at: &At<'_>) -> Option<Self> {
        let Value::Mapping(_) = at.value() else { return rate(at) };
        let mut fields = at.fields()?;
        let found = fields.require("rate").and_then(|at| rate(&at));
        let burst = fields.get("burst").and_then(|at| burst(&at));
        fields.finish();
        found.map(|rate| burst.map_or(rate, |burst| rate.with_burst(burst)))
    }

    /// How many can happen at once.
    #[must_use]
    pub fn burst(&self) -> u64 {
        self.burst
    }

    /// The time that one takes to come back, in nanoseconds, rounded up: never more than the rate.
    #[must_use]
    pub fn interval(&self) -> u64 {
        let period = Duration::from_secs(self.seconds).as_nanos();
        u64::try_from(period.div_ceil(u128::from(self.count))).unwrap_or(u64::MAX)
    }

    /// The time in which a whole burst comes back, in seconds, rounded up: with the burst it says the same rate.
    #[must_use]
    pub fn window(&self) -> u64 {
        let seconds = (u128::from(self.burst) * u128::from(self.seconds)).div_ceil(u128::from(self.count));
        u64::try_from(seconds).unwrap_or(u64::MAX)
    }

    /// The same rate for one of `parts` that share it. Each part lets through at least one at a time.
    #[must_use]
    pub fn divided(self, parts: u32) -> Self {
        let parts = u64::from(parts.max(1));
        Self { seconds: self.seconds.saturating_mul(parts), burst: (self.burst / parts).max(1), ..self }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, unit, burst, .. } = self;
        if burst == count { write!(f, "{count}/{unit}") } else { write!(f, "{{rate: {count}/{unit}, burst: {burst}}}") }
    }
}

fn rate(at: &At<'_>) -> Option<Rate> {
    let text = at.text()?;
    let found = Rate::parse(text);
    if found.is_none() {
        at.fault(format!("expected a rate such as 10/s, 120/min, 1000/h or 5000/d, found `{text}`"));
    }
    found
}

fn burst(at: &At<'_>) -> Option<u64> {
    let found: u64 = at.unsigned()?;
    if found == 0 {
        at.fault("expected at least 1: with a burst of 0 nothing could ever pass");
    }
    Some(found).filter(|burst| *burst > 0)
}

/// How often an MCP server, an account or an API token may do something: `limits: {calls: 120/min, writes: 20/min}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Calls of tools, whatever they do.
    pub calls: Option<Rate>,
    /// Calls of tools that change something; they count as calls too.
    pub writes: Option<Rate>,
}

impl Limits {
    /// Read `{calls: …, writes: …}`.
    #[must_use]
    pub fn read(at: &At<'_>) -> Option<Self> {
        let mut fields = at.fields()?;
        let calls = fields.get("calls").and_then(|at| Rate::read(&at));
        let writes = fields.get("writes").and_then(|at| Rate::read(&at));
        fields.finish();
        Some(Self { calls, writes })
    }
}

/// As YAML.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates = [("calls", self.calls), ("writes", self.writes)];
        let said: Vec<String> =
            rates.iter().filter_map(|(key, rate)| rate.map(|rate| format!("{key}: {rate}"))).collect();
        write!(f, "{{{}}}", said.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_and_a_unit() {
        for (text, interval, window) in [
            ("10/s", 100_000_000, 1),
            ("120/min", 500_000_000, 60),
            (" 20 / min ", 3_000_000_000, 60),
            ("1/h", 3_600_000_000_000, 3600),
            ("3/d", 28_800_000_000_000, 86_400),
        ] {
            let rate = Rate::parse(text).unwrap();
            assert_eq!((rate.interval(), rate.window()), (interval, window), "{text}");
        }
        for text in ["", "120", "/min", "0/min", "-1/min", "1.5/s", "10/week", "1/min/min", "1000001/s"] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_burst_and_its_window_say_the_same_rate() {
        let rate = Rate::parse("120/min").unwrap().with_burst(20);
        assert_eq!((rate.burst(), rate.window(), rate.interval()), (20, 10, 500_000_000));
    }

    #[test]
    fn the_parts_of_a_rate_are_never_more_than_the_whole() {
        let part = Rate::parse("120/min").unwrap().divided(3);
        assert_eq!((part.burst(), part.interval()), (40, 1_500_000_000));
        assert_eq!(Rate::parse("2/min").unwrap().divided(4).burst(), 1);
    }
}
