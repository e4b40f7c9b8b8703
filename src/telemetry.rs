//! What is told of every call: the log and, later, traces and metrics.

/// What telemetry is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `service.name` (`telemetry.service_name`).
    pub service_name: String,
    /// How log lines look (`telemetry.log.format`).
    pub format: Format,
    /// What is logged: a level (`info`) or `tracing` directives (`telemetry.log.level`).
    pub level: String,
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
        Self { service_name: "chaperone".into(), format: Format::Json, level: "info".into() }
    }
}
