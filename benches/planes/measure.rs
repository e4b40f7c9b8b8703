//! Measures operations: how long one takes (criterion), and how often it allocates.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use tokio::runtime::Runtime;

/// Operations whose allocations are counted, after as many that are not: caches and pools are warm by then. Spans are
/// exported 512 requests at once: two exports.
const COUNTED: u32 = 1024;
/// Inputs that are made ahead of the operations timed on them.
const BATCH: u64 = 256;

/// What one operation costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// The median of the samples, nanoseconds.
    pub(crate) nanoseconds: f64,
    /// Allocations, growing ones included.
    pub(crate) allocations: f64,
    /// Bytes allocated, freed ones included.
    pub(crate) bytes: f64,
}

/// Runs operations, and keeps what they cost.
pub(crate) struct Bench {
    criterion: Criterion,
    runtime: Runtime,
    costs: Vec<(String, Cost)>,
}

impl Bench {
    /// Nothing measured yet.
    pub(crate) fn new() -> std::io::Result<Self> {
        // One thread, so that what is spawned in an operation, such as a connection, is counted with it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .sample_size(20)
            .configure_from_args();
        Ok(Self { criterion, runtime, costs: Vec::new() })
    }

    /// Measures `operation` on what `make` makes. Neither `make` nor the end of what comes back is timed or counted.
    pub(crate) fn measure<I, O>(
        &mut self,
        name: &str,
        mut make: impl FnMut() -> I,
        mut operation: impl AsyncFnMut(I) -> O,
    ) -> Cost {
        let Self { criterion, runtime, .. } = self;
        let mut run = |count: u64| {
            let inputs: Vec<I> = (0..count).map(|_| make()).collect();
            let mut outputs: Vec<O> = Vec::with_capacity(inputs.len());
            let mut elapsed = Duration::ZERO;
            let counted = allocation_counter::measure(|| {
                runtime.block_on(async {
                    let begun = Instant::now();
                    for input in inputs {
                        outputs.push(black_box(operation(black_box(input)).await));
                    }
                    elapsed = begun.elapsed();
                });
            });
            (elapsed, counted)
        };
        run(COUNTED.into());
        let (_, counted) = run(COUNTED.into());
        let mut samples = Vec::new();
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut elapsed = Duration::ZERO;
                let mut left = iterations;
                while left > 0 {
                    let batch = left.min(BATCH);
                    elapsed += run(batch).0;
                    left -= batch;
                }
                samples.push(elapsed.as_secs_f64() * 1e9 / small(iterations));
                elapsed
            });
        });
        samples.sort_by(f64::total_cmp);
        let cost = Cost {
            // Empty where the filter of the command line leaves this operation out.
            nanoseconds: samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN),
            allocations: small(counted.count_total) / f64::from(COUNTED),
            bytes: small(counted.bytes_total) / f64::from(COUNTED),
        };
        self.costs.push((name.to_owned(), cost));
        cost
    }

    /// Does something on the runtime that the operations run on.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// All that was measured, in order.
    pub(crate) fn costs(&self) -> &[(String, Cost)] {
        &self.costs
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
fn small(count: u64) -> f64 {
    count as f64
}
