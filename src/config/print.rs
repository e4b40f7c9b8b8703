//! The effective configuration as YAML: what `chaperone check --print` shows. Secrets are shown by their source.

use std::{fmt::Write as _, path::Path, time::Duration};

use super::Config;
use crate::policy::quota::Address;
use crate::rate::Limits;
use crate::secret::Source;
use crate::telemetry::{
    Format,
    audit::{self, OnFailure},
    redact::Capture,
    settings::{Header, Otlp, Protocol},
};

/// A document that says the same as `config`, wherever it is put: its paths are absolute.
#[must_use]
pub fn effective(config: &Config) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}: {value}");
    };
    line("listen", &quoted(&config.serve.listen.to_string()));
    line("public_url", &config.public_url.as_deref().map_or_else(|| "null".into(), quoted));
    let origins: Vec<String> = config.edge.allowed_origins.iter().map(|origin| quoted(origin)).collect();
    line("allowed_origins", &format!("[{}]", origins.join(", ")));
    line("admin", &format!("{{listen: {}}}", quoted(&config.admin.listen.to_string())));
    line("policies", &path(&config.policies.value));
    line("catalog", &config.catalog.as_ref().map_or_else(|| "null".into(), |catalog| path(&catalog.value)));
    line("store", "none");
    line("shared", &shared(config));
    line("api_tokens", &api_tokens(config));
    line("upstream", &upstream(config));
    line("limits", &limits(config));
    line("telemetry", &telemetry(config));
    text.push_str("accounts:\n");
    for account in &config.accounts {
        let _ = writeln!(text, "  - id: {}", quoted(&account.id.value));
        let _ = writeln!(text, "    integration: {}", quoted(&account.integration.value));
        let base_url = account.base_url.as_ref().map_or_else(|| "null".into(), |at| quoted(&at.value.to_string()));
        let _ = writeln!(text, "    base_url: {base_url}");
        let _ = writeln!(text, "    plaintext: {}", account.plaintext);
        let _ = writeln!(text, "    limits: {}", account.limits);
        if let Some(key) = &account.api_key {
            let _ = writeln!(text, "    credentials: {{api_key: {}}}", source(&key.value));
        }
    }
    text
}

fn shared(config: &Config) -> String {
    let Some(part) = &config.quota.shared else { return "none".into() };
    let url = match &part.url {
        Address::Plain(url) => quoted(url),
        Address::Secret(found) => source(found),
    };
    let ca_file = part.ca_file.as_deref().map_or_else(|| "null".into(), path);
    format!("{{url: {url}, replicas: {}, timeout: {}, ca_file: {ca_file}}}", part.replicas, duration(part.timeout))
}

fn api_tokens(config: &Config) -> String {
    let Some(at) = &config.api_tokens else { return "null".into() };
    let text = source(&at.value);
    if config.api_token_limits == Limits::default() {
        return text;
    }
    format!("{}, limits: {}}}", text.trim_end_matches('}'), config.api_token_limits)
}

fn upstream(config: &Config) -> String {
    let part = &config.upstream;
    format!(
        "{{connect_timeout: {}, call_timeout: {}, max_response: {}, max_concurrent: {}, max_waiting: {}, \
         breaker: {{failures: {}, open_for: {}}}, retries: {}, ca_file: {}, propagate_trace: {}}}",
        duration(part.connect_timeout),
        duration(part.call_timeout),
        size(part.max_response),
        part.max_concurrent,
        part.max_waiting,
        part.breaker.failures,
        duration(part.breaker.open_for),
        part.retries,
        part.ca_file.as_deref().map_or_else(|| "null".into(), path),
        part.propagate_trace,
    )
}

fn limits(config: &Config) -> String {
    format!(
        "{{max_body: {}, max_connections: {}, max_in_flight: {}, header_timeout: {}, drain: {}, fail_fast: {}}}",
        size(config.edge.max_body),
        config.serve.max_connections,
        config.edge.max_in_flight,
        duration(config.serve.header_timeout),
        duration(config.serve.drain),
        config.quota.fail_fast,
    )
}

fn telemetry(config: &Config) -> String {
    let part = &config.telemetry;
    let format = match part.format {
        Format::Json => "json",
        Format::Text => "text",
    };
    format!(
        "{{service_name: {}, log: {{format: {format}, level: {}}}, traces: {{sample: {}}}, otlp: {}, {}{}}}",
        quoted(&part.service_name),
        quoted(&part.level),
        part.sampling.ratio,
        otlp(&part.otlp),
        capture(&part.capture),
        part.audit.as_ref().map(audit).unwrap_or_default(),
    )
}

/// Two keys.
fn capture(part: &Capture) -> String {
    let words = [("arguments", part.arguments), ("results", part.results)];
    let words: Vec<&str> = words.iter().filter_map(|(word, on)| on.then_some(*word)).collect();
    let redact: Vec<String> = part.redact.iter().map(|glob| quoted(&glob.to_string())).collect();
    format!("capture: [{}], redact: [{}]", words.join(", "), redact.join(", "))
}

/// One more key.
fn audit(part: &audit::Config) -> String {
    let on_failure = if part.on_failure == OnFailure::Deny { "deny" } else { "allow" };
    let max_size = usize::try_from(part.max_size).unwrap_or(usize::MAX);
    format!(
        ", audit: {{file: {}, max_size: {}, keep: {}, on_failure: {on_failure}}}",
        path(&part.file),
        size(max_size),
        part.keep
    )
}

/// Headers of the environment are left out: there is no other way to say them.
fn otlp(part: &Otlp) -> String {
    let word = Protocol::NAMES.iter().find(|(_, known)| *known == part.protocol).map_or("grpc", |(word, _)| word);
    let headers: Vec<String> = part
        .headers
        .iter()
        .filter_map(|(name, value)| match value {
            Header::From(at) => Some(format!("{}: {}", quoted(name), source(at))),
            Header::Is(_) => None,
        })
        .collect();
    format!(
        "{{endpoint: {}, protocol: {word}, headers: {{{}}}, ca_file: {}, timeout: {}, compression: {}}}",
        part.endpoint.as_deref().map_or_else(|| "null".into(), quoted),
        headers.join(", "),
        part.ca_file.as_deref().map_or_else(|| "null".into(), path),
        duration(part.timeout),
        if part.gzip { "gzip" } else { "none" },
    )
}

/// A JSON string is a YAML string (YAML 1.2.2 section 1.3).
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn path(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    quoted(&absolute.display().to_string())
}

fn source(source: &Source) -> String {
    match source {
        Source::Env(name) => format!("{{env: {}}}", quoted(name)),
        Source::File(file) => format!("{{file: {}}}", path(file)),
    }
}

fn duration(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}

fn size(bytes: usize) -> String {
    match bytes {
        n if n % (1 << 20) == 0 => format!("{}MiB", n >> 20),
        n if n % (1 << 10) == 0 => format!("{}KiB", n >> 10),
        n => format!("{n}B"),
    }
}
