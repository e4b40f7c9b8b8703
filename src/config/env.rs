//! What overrides the file: flags and environment variables, one for each scalar key.

use std::fmt::Write as _;

use crate::document::{At, Faults, Node, Place, Sink, Value};
use crate::nearest::nearest;

/// Where environment variables come from: the process's own, or a test's.
pub type Environment<'e> = dyn Fn(&str) -> Option<String> + Send + Sync + 'e;

/// How the text of an override is to be read.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Boolean,
}

/// Every key that can be overridden.
const KEYS: [(&str, Kind); 27] = [
    ("listen", Kind::Text),
    ("public_url", Kind::Text),
    ("policies", Kind::Text),
    ("catalog", Kind::Text),
    ("store", Kind::Text),
    ("shared", Kind::Text),
    ("admin.listen", Kind::Text),
    ("upstream.connect_timeout", Kind::Text),
    ("upstream.call_timeout", Kind::Text),
    ("upstream.max_response", Kind::Text),
    ("upstream.max_concurrent", Kind::Integer),
    ("upstream.ca_file", Kind::Text),
    ("upstream.propagate_trace", Kind::Boolean),
    ("limits.max_body", Kind::Text),
    ("limits.max_connections", Kind::Integer),
    ("limits.max_in_flight", Kind::Integer),
    ("limits.header_timeout", Kind::Text),
    ("limits.drain", Kind::Text),
    ("telemetry.service_name", Kind::Text),
    ("telemetry.traces.sample", Kind::Text),
    ("telemetry.otlp.endpoint", Kind::Text),
    ("telemetry.otlp.protocol", Kind::Text),
    ("telemetry.otlp.ca_file", Kind::Text),
    ("telemetry.otlp.timeout", Kind::Text),
    ("telemetry.otlp.compression", Kind::Text),
    ("telemetry.log.format", Kind::Text),
    ("telemetry.log.level", Kind::Text),
];

/// The environment variable of a key: `admin.listen` is `CHAPERONE_ADMIN_LISTEN`.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("CHAPERONE_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// The overrides that are there. Each is a document of one value, so that its faults name the flag or the variable.
#[derive(Debug)]
pub(super) struct Overrides {
    set: Vec<Override>,
    unknown: Faults,
}

#[derive(Debug)]
struct Override {
    key: &'static str,
    sink: Sink,
    node: Node,
}

impl Overrides {
    /// Flags (`key`, value) and, for the keys without one, environment variables. An empty variable is not set.
    pub(super) fn collect(flags: &[(String, String)], environment: &Environment<'_>) -> Self {
        let mut set = Vec::new();
        for (key, kind) in KEYS {
            let flag = flags.iter().rev().find(|(name, _)| name == key);
            let found = match flag {
                Some((_, text)) => Some((format!("--set {key}"), text.clone())),
                None => environment(&variable(key)).filter(|text| !text.is_empty()).map(|text| (variable(key), text)),
            };
            if let Some((file, text)) = found {
                set.push(Override { key, sink: Sink::new(&file), node: node(kind, text) });
            }
        }
        let mut unknown = Faults::default();
        for (name, _) in flags.iter().filter(|(name, _)| KEYS.iter().all(|(key, _)| key != name)) {
            let mut message = "no such key can be set by a flag".to_owned();
            if let Some(near) = nearest(name, KEYS.iter().map(|(key, _)| *key)) {
                let _ = write!(message, "; did you mean `{near}`?");
            }
            unknown.0.extend(Faults::whole_file(&format!("--set {name}"), message).0);
        }
        Self { set, unknown }
    }

    /// The override of a key.
    pub(super) fn get(&self, prefix: &str, key: &str) -> Option<At<'_>> {
        let full = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        debug_assert!(KEYS.iter().any(|(known, _)| *known == full), "{full} stands in the table of overrides");
        self.set.iter().find(|one| one.key == full).map(|one| At::root(&one.sink, &one.node))
    }

    /// What was wrong with them.
    pub(super) fn into_faults(self) -> Faults {
        let mut faults = self.unknown;
        for one in self.set {
            // A variable has no lines.
            faults.0.extend(
                one.sink.into_faults().0.into_iter().map(|fault| crate::document::Fault { place: None, ..fault }),
            );
        }
        faults
    }
}

fn node(kind: Kind, text: String) -> Node {
    let value = match (kind, text.trim()) {
        (Kind::Integer, number) if number.parse::<i64>().is_ok() => Value::Integer(number.parse().unwrap_or_default()),
        (Kind::Boolean, word) if word.eq_ignore_ascii_case("true") => Value::Boolean(true),
        (Kind::Boolean, word) if word.eq_ignore_ascii_case("false") => Value::Boolean(false),
        _ => Value::String(text),
    };
    Node { place: Place { line: 1, column: 1 }, value }
}
