//! Whoever a request tells that it is over: the log, the audit trail, the spans and the metrics.

use std::{sync::Arc, time::Duration};

use opentelemetry_sdk::Resource;
use tokio::{
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, timeout_at},
};

use super::audit::{self, Audit};
use super::finished::{Answered, Finished};
use super::metrics::Metrics;
use super::redact::Capture;
use super::sampling::Sampling;
use super::spans::{self, Spans};
use super::{Config, access, export};
use crate::refusal::Refusal;

/// Tells of requests. A clone tells the same listeners.
#[derive(Clone, Debug)]
pub struct Observer(Arc<Listeners>);

#[derive(Debug)]
struct Listeners {
    sampling: Sampling,
    capture: Capture,
    spans: Option<Spans>,
    metrics: Metrics,
    audit: Option<Audit>,
}

/// What goes on behind an observer; ends with [`Background::end`].
#[derive(Debug)]
pub struct Background {
    observer: Observer,
    sending: Option<JoinHandle<()>>,
    writing: Option<oneshot::Receiver<()>>,
}

/// A call that was let in, and perhaps room for its line in the audit trail.
#[derive(Debug, Default)]
pub struct Admission(Option<audit::Permit>);

impl Observer {
    /// What the configuration asks for. Needs a running tokio.
    ///
    /// # Errors
    /// What of the configuration cannot work, for a person.
    pub fn start(config: &Config, environment: &dyn Fn(&str) -> Option<String>) -> Result<(Self, Background), String> {
        let exporter = export::metrics(config, environment)?.map(|exporter| (exporter, config.otlp.interval));
        let metrics = Metrics::new(export::resource(config), exporter)?;
        let (spans, sending) = match export::traces(config, environment)? {
            None => (None, None),
            Some(collector) => {
                let (spans, task) = Spans::new(collector, config.batching);
                (Some(spans), Some(tokio::spawn(task)))
            }
        };
        let (audit, writing) = match &config.audit {
            None => (None, None),
            Some(config) => {
                let opened = Audit::open(config);
                let (audit, ended) = opened.map_err(|error| {
                    format!("telemetry.audit.file: {} cannot be written: {error}", config.file.display())
                })?;
                (Some(audit), Some(ended))
            }
        };
        let (sampling, capture) = (config.sampling, config.capture.clone());
        let observer = Self(Arc::new(Listeners { sampling, capture, spans, metrics, audit }));
        observer.observe_itself();
        Ok((observer.clone(), Background { observer, sending, writing }))
    }

    /// One that writes the access log and counts, and nothing more: for `chaperone demo` and for tests.
    ///
    /// # Errors
    /// A bug, for a person.
    pub fn quiet() -> Result<Self, String> {
        let metrics = Metrics::new(Resource::builder_empty().build(), None)?;
        let (sampling, capture) = (Sampling::default(), Capture::default());
        Ok(Self(Arc::new(Listeners { sampling, capture, spans: None, metrics, audit: None })))
    }

    /// Which requests are traced.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        self.0.sampling
    }

    /// Does a span, the audit trail or the access log tell who called and from where? Else nobody need find out.
    #[must_use]
    pub fn tells_origins(&self) -> bool {
        self.0.spans.is_some() || self.0.audit.is_some() || access::may_be_heard()
    }

    /// What of the content of calls is told.
    #[must_use]
    pub fn capture(&self) -> &Capture {
        &self.0.capture
    }

    /// The metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// How the export of traces fares, if there is one.
    #[must_use]
    pub fn spans(&self) -> Option<spans::Fate> {
        self.0.spans.as_ref().map(Spans::fate)
    }

    /// How the audit trail fares, if there is one.
    #[must_use]
    pub fn audit(&self) -> Option<audit::Fate> {
        self.0.audit.as_ref().map(Audit::fate)
    }

    /// May a call come in?
    ///
    /// # Errors
    /// [`Refusal::AuditUnavailable`]: its line could not be written, and the configuration wants one.
    pub fn admit(&self) -> Result<Admission, Refusal> {
        match self.0.audit.as_ref().map(Audit::admit) {
            None => Ok(Admission(None)),
            Some(Ok(permit)) => Ok(Admission(permit)),
            Some(Err(audit::Refused)) => Err(Refusal::AuditUnavailable),
        }
    }

    /// A call is over.
    pub fn called(&self, admission: Admission, call: Finished) {
        access::write(&call);
        self.0.metrics.record(&call);
        self.trace(&call);
        if let Some(audit) = &self.0.audit {
            audit.put(admission.0, call.into());
        }
    }

    /// A request other than a call is over; all of it is found out by `whole` where somebody wants to know.
    pub fn answered(&self, request: Answered, whole: impl FnOnce(Answered) -> Finished) {
        self.0.metrics.record_answer(&request);
        if self.0.spans.is_some() {
            self.trace(&whole(request));
        }
    }

    /// A request was refused before it was known what it asks.
    pub fn turned_away(&self, refusal: &Refusal) {
        self.0.metrics.refused(refusal.kind());
    }

    fn trace(&self, finished: &Finished) {
        if let Some(spans) = self.0.spans.as_ref().filter(|_| finished.sampled()) {
            spans.put(finished);
        }
    }

    fn observe_itself(&self) {
        use opentelemetry::KeyValue;
        let label = |name: &'static str| vec![KeyValue::new("chaperone.result", name)];
        if let Some(spans) = self.0.spans.clone() {
            self.metrics().counter("chaperone.spans", "Requests traced, by what became of them", move || {
                let spans::Fate { sent, dropped, failed, .. } = spans.fate();
                vec![(sent, label("sent")), (dropped, label("dropped")), (failed, label("failed"))]
            });
        }
        if let Some(audit) = self.0.audit.clone() {
            self.metrics().counter(
                "chaperone.audit",
                "Lines of the audit trail, and attempts that failed",
                move || {
                    let audit::Fate { written, lost, faults, .. } = audit.fate();
                    vec![(written, label("written")), (lost, label("lost")), (faults, label("failed"))]
                },
            );
        }
    }
}

impl Background {
    /// Send and write what is left, until `deadline` at the latest.
    pub async fn end(self, deadline: Instant) {
        let Self { observer, sending, writing } = self;
        if let Some(spans) = &observer.0.spans {
            spans.close();
        }
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let metrics = observer.clone();
        let metrics = spawn_blocking(move || metrics.metrics().end(left));
        let all = async {
            if let Some(audit) = &observer.0.audit {
                audit.close().await;
            }
            if let Some(sending) = sending {
                // A task that broke off has nothing left to send.
                let _ = sending.await;
            }
            if let Some(writing) = writing {
                let _ = writing.await;
            }
            let _ = metrics.await;
        };
        if timeout_at(deadline, all).await.is_err() {
            tracing::warn!("the last traces, metrics or audit lines could not be delivered in time");
        }
    }
}
