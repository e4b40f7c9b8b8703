//! The effective configuration as YAML: what `chaperone check --print` shows. Secrets are shown by their source.

use std::{fmt::Write as _, path::Path, time::Duration};

use super::Config;
use crate::policy::quota::Address;
use crate::rate::Limits;
use crate::secret::Source;
use crate::telemetry::Format;

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
    format!("{{url: {url}, replicas: {}, timeout: {}}}", part.replicas, duration(part.timeout))
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
        "{{connect_timeout: {}, call_timeout: {}, max_response: {}, ca_file: {}, propagate_trace: {}}}",
        duration(part.connect_timeout),
        duration(part.call_timeout),
        size(part.max_response),
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
        "{{service_name: {}, log: {{format: {format}, level: {}}}}}",
        quoted(&part.service_name),
        quoted(&part.level)
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
