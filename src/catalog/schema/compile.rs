//! Schemas into validators.

use std::sync::OnceLock;

use jsonschema::{Draft, PatternOptions, Validator, draft202012};
use serde_json::Value;

use crate::{
    catalog::arguments::{misfit, time},
    document::{self, At},
};

/// Formats that say something to a model and are not checked here: the upstream knows best what it takes.
const ANNOTATIONS: [&str; 14] = [
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uuid",
];

/// A schema that is compiled when it is first needed: a process calls few of the tools that a catalog has, and a
/// validator takes several times the memory of its schema.
#[derive(Debug)]
pub(crate) struct Lazy {
    text: Box<str>,
    validator: OnceLock<Validator>,
}

impl Lazy {
    /// The text of a schema that is known to compile.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.into(), validator: OnceLock::new() }
    }

    /// The validator.
    pub(crate) fn validator(&self) -> &Validator {
        self.validator.get_or_init(|| {
            let schema = serde_json::from_str(&self.text).expect("it was written from a schema");
            compile(&schema).expect("it is known to compile")
        })
    }
}

impl From<Validator> for Lazy {
    fn from(validator: Validator) -> Self {
        Self { text: Box::default(), validator: validator.into() }
    }
}

/// A compiled schema.
///
/// Patterns are matched in linear time, so no argument can make one run away; `date-time` also takes a plain date.
pub(crate) fn compile(schema: &Value) -> Result<Validator, String> {
    let mut options = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .should_validate_formats(true)
        .with_format("date-time", |text: &str| time::instant(text).is_some())
        .with_format("date", |text: &str| time::date(text).is_some());
    for format in ANNOTATIONS {
        options = options.with_format(format, |_: &str| true);
    }
    options.build(schema).map_err(|error| misfit::problem(&error))
}

/// Is this a schema, by the schema of schemas? Every fault with its place.
pub(super) fn meta(at: &At<'_>, schema: &Value) -> bool {
    let validator = draft202012::meta::validator();
    let mut is_clean = true;
    for error in validator.iter_errors(schema) {
        descend(at, error.instance_path().as_str()).fault(misfit::problem(&error));
        is_clean = false;
    }
    is_clean
}

/// The value at a JSON pointer, or the nearest above it.
fn descend<'d>(at: &At<'d>, pointer: &str) -> At<'d> {
    let mut here = at.clone();
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        let next = match here.value() {
            document::Value::Mapping(_) => {
                let entries = here.entries().unwrap_or_default();
                entries.into_iter().find(|(key, _)| *key == segment).map(|(_, at)| at)
            }
            document::Value::Sequence(_) => segment.parse().ok().and_then(|n: usize| here.items()?.into_iter().nth(n)),
            _ => None,
        };
        match next {
            Some(next) => here = next,
            None => return here,
        }
    }
    here
}
