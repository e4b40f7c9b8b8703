//! What is recorded and waits to be told to the metrics.
//!
//! The SDK keeps a series of a histogram in some thirteen lines of memory (one and the same three times, for each of its
//! readers). Where thousands of tools are called in turn they are all cold, and a call would wait for each of them in
//! turn. So values wait in one line a series, and the many lines are fetched once for several calls.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::metrics::{BoundCounter, BoundHistogram};

/// As many as there is room for in a line of memory.
const WAITING: usize = 9;

/// A series of a histogram, and values that it was not told yet.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Tally {
    histogram: BoundHistogram<f64>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    nanoseconds: [u32; WAITING],
    count: u8,
}

/// A series of a counter, and what it was not told yet.
#[derive(Debug)]
pub(super) struct Count {
    /// The series.
    pub(super) counter: BoundCounter<u64>,
    /// What it is to be told.
    pub(super) waiting: AtomicU64,
}

impl Tally {
    /// A series for which nothing waits.
    pub(super) fn of(histogram: BoundHistogram<f64>) -> Self {
        Self { histogram, waiting: Mutex::default() }
    }

    /// Record what something took.
    pub(super) fn record(&self, took: Duration) {
        let Ok(nanoseconds) = u32::try_from(took.as_nanos()) else {
            // Longer than four seconds, and so it does not matter what this costs.
            return self.histogram.record(took.as_secs_f64());
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = usize::from(waiting.count);
        waiting.nanoseconds[count] = nanoseconds;
        waiting.count += 1;
        if count + 1 == WAITING {
            waiting.go(&self.histogram);
        }
    }

    /// Tell the series what waits.
    pub(super) fn tell(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).go(&self.histogram);
    }
}

impl Waiting {
    fn go(&mut self, to: &BoundHistogram<f64>) {
        for &nanoseconds in &self.nanoseconds[..usize::from(self.count)] {
            to.record(Duration::from_nanos(nanoseconds.into()).as_secs_f64());
        }
        self.count = 0;
    }
}

impl Count {
    /// Tell the series what waits.
    pub(super) fn tell(&self) {
        let waiting = self.waiting.swap(0, Ordering::Relaxed);
        if waiting > 0 {
            self.counter.add(waiting);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.tell();
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::SdkMeterProvider;
    use prometheus::{Registry, TextEncoder};

    use super::*;

    #[test]
    fn every_value_is_told_once_however_many_wait_and_however_long_it_is() {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter().with_registry(registry.clone());
        let provider = SdkMeterProvider::builder().with_reader(reader.build().unwrap()).build();
        let tally = Tally::of(provider.meter("test").f64_histogram("took").build().bind(&[]));
        let told = || {
            let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
            let value = |name: &str| {
                let line = text.lines().find(|line| line.starts_with(name))?;
                line.rsplit(' ').next()?.parse::<f64>().ok()
            };
            (value("took_count"), value("took_sum"))
        };
        for _ in 0..=WAITING {
            tally.record(Duration::from_millis(500));
        }
        tally.record(Duration::from_secs(20));
        tally.tell();
        assert_eq!(told(), (Some(11.0), Some(25.0)));
        tally.tell();
        tally.record(Duration::from_millis(500));
        drop(tally);
        assert_eq!(told(), (Some(12.0), Some(25.5)));
    }

    #[test]
    fn a_tally_is_one_line_of_memory() {
        assert_eq!(size_of::<Option<Tally>>(), 64);
    }
}
