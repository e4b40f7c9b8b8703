//! How the export of metrics fares. The SDK's reader keeps to itself what it could not send; here it is counted, and
//! said once when it begins and once when it is over.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
};

/// Counts exports. A clone counts the same ones.
#[derive(Clone, Debug, Default)]
pub(super) struct MetricExports(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    unreachable: AtomicBool,
    sent: AtomicU64,
    failed: AtomicU64,
}

/// How sending fares, in exports of all metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Did the last export succeed? True before the first one.
    pub reachable: bool,
    /// Taken by the backend.
    pub sent: u64,
    /// Not taken; the next one says what this one would have said, but for its moment.
    pub failed: u64,
}

impl MetricExports {
    /// This exporter, watched.
    pub(super) fn watch<E>(&self, exporter: E) -> Watched<E> {
        Watched { exporter, exports: self.clone() }
    }

    /// How sending fares.
    pub(super) fn fate(&self) -> Fate {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let reachable = !self.0.unreachable.load(Ordering::Relaxed);
        Fate { reachable, sent: read(&self.0.sent), failed: read(&self.0.failed) }
    }

    fn ended(&self, result: &OTelSdkResult) {
        let count = if result.is_ok() { &self.0.sent } else { &self.0.failed };
        count.fetch_add(1, Ordering::Relaxed);
        let was_unreachable = self.0.unreachable.swap(result.is_err(), Ordering::Relaxed);
        match result {
            Ok(()) if was_unreachable => tracing::info!("metrics are exported again"),
            Err(error) if !was_unreachable => tracing::warn!(%error, "metrics cannot be exported"),
            _ => {}
        }
    }
}

/// An exporter whose exports are counted.
#[derive(Debug)]
pub(super) struct Watched<E> {
    exporter: E,
    exports: MetricExports,
}

impl<E: PushMetricExporter> PushMetricExporter for Watched<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let result = self.exporter.export(metrics).await;
        self.exports.ended(&result);
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
