//! What is told of every call: the log, traces, metrics and the audit trail.
//!
//! A request that is over becomes one [`finished::Finished`] and is handed to the [`observer::Observer`]: on the road
//! that writes the access line, records the metrics and puts the rest into bounded queues. Exporting is for others, and
//! its failure is not felt by calls.
//!
//! Log lines go to stderr: a readable message and fields under fixed dotted names. Never logged: tokens, credentials,
//! argument values, results, request paths and upstream URLs.

pub mod access;
pub mod audit;
mod budgets;
pub mod collector;
pub mod environment;
pub mod export;
pub mod finished;
pub mod fit;
mod http;
mod json;
pub mod metric_exports;
pub mod metrics;
pub mod observer;
mod protobuf;
mod queue;
pub mod redact;
pub mod sampling;
mod series;
pub mod settings;
mod span;
pub mod spans;
mod tally;
mod turn;

use std::{
    io::{self, IsTerminal},
    panic,
};

use tracing::Dispatch;
use tracing_subscriber::{EnvFilter, fmt, fmt::MakeWriter, util::SubscriberInitExt};

use redact::Capture;
use sampling::Sampling;
use settings::{Batching, Otlp};

/// What telemetry is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `service.name` (`telemetry.service_name`).
    pub service_name: String,
    /// How log lines look (`telemetry.log.format`).
    pub format: Format,
    /// What is logged: a level (`info`) or `tracing` directives (`telemetry.log.level`).
    pub level: String,
    /// Attributes of the resource besides its name and version (`OTEL_RESOURCE_ATTRIBUTES`).
    pub resource: Vec<(String, String)>,
    /// Which requests are traced (`telemetry.traces.sample`).
    pub sampling: Sampling,
    /// Where traces and metrics go.
    pub otlp: Otlp,
    /// How spans are gathered.
    pub batching: Batching,
    /// What of the content of calls is told (`telemetry.capture`, `telemetry.redact`).
    pub capture: Capture,
    /// The audit trail (`telemetry.audit`).
    pub audit: Option<audit::Config>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            service_name: "chaperone".into(),
            format: Format::Json,
            level: "info".into(),
            resource: Vec::new(),
            sampling: Sampling::default(),
            otlp: Otlp::default(),
            batching: Batching::default(),
            capture: Capture::default(),
            audit: None,
        }
    }
}

/// Begin to log to stderr. Later calls in one process have no effect: the first configuration stays.
///
/// # Errors
/// As [`log`].
pub fn init(config: &Config) -> Result<(), String> {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A second configuration in one process: only tests do that.
    if log(config, io::stderr, colour)?.try_init().is_ok() {
        panic::set_hook(Box::new(tell));
    }
    Ok(())
}

/// The log that a configuration asks for, on this writer.
///
/// # Errors
/// `telemetry.log.level` is neither a level nor `tracing` directives.
pub fn log<W>(config: &Config, writer: W, colour: bool) -> Result<Dispatch, String>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.level).map_err(|error| {
        format!("telemetry.log.level: expected a level such as info or directives such as info,chaperone::access=off: {error}")
    })?;
    let builder = fmt().with_env_filter(filter).with_writer(writer);
    Ok(match config.format {
        Format::Json => builder.json().event_format(json::Json::new()).finish().into(),
        Format::Text => builder.compact().with_ansi(colour).finish().into(),
    })
}

/// A panic becomes a log line like every other. Only a fixed text is told: one that was put together at run time may
/// hold whatever it was about.
fn tell(panic: &panic::PanicHookInfo<'_>) {
    let text = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("its text may hold data");
    let at = panic.location().map(ToString::to_string);
    tracing::error!(at, "panicked, this is a bug in chaperone: {text}");
}
