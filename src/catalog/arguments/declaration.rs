//! One argument as the catalog declares it.

use jiff::SignedDuration;
use serde_json::Value as Json;

use super::time;
use crate::{
    catalog::schema,
    document::{At, Value},
};

/// Where an argument is said to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Into the path.
    Path,
    /// Into the query.
    Query,
    /// Into the body.
    Body,
    /// Into the file part.
    File,
}

/// What stands in for an argument that the caller left out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fallback {
    /// This value.
    Literal(Json),
    /// A time so far from another.
    Time {
        /// The argument it counts from; `None` for the time of the call.
        from: Option<String>,
        /// How far.
        offset: SignedDuration,
    },
}

/// An argument that was read; only what is faulty in itself is known to be so.
#[derive(Clone, Debug)]
pub(crate) struct Declaration<'d> {
    /// Its name.
    pub(crate) name: &'d str,
    /// Where it is declared.
    pub(crate) at: At<'d>,
    /// Where it is said to go, and where that is said.
    pub(crate) destination: Option<(At<'d>, Destination)>,
    /// Its name upstream, and where that is said.
    pub(crate) upstream: Option<(At<'d>, &'d str)>,
    /// Must the caller give it?
    pub(crate) required: bool,
    /// What stands in for it, and where that is said.
    pub(crate) fallback: Option<(At<'d>, Fallback)>,
    /// Its JSON Schema, an object with a description; `None` where it is faulty.
    pub(crate) schema: Option<Json>,
}

impl<'d> Declaration<'d> {
    /// Every argument of a mapping.
    pub(crate) fn all(at: &At<'d>) -> Vec<Self> {
        let entries = at.entries().unwrap_or_default();
        entries.into_iter().filter_map(|(name, at)| Self::read(name, at)).collect()
    }

    fn read(name: &'d str, at: At<'d>) -> Option<Self> {
        let mut fields = at.fields()?;
        let words = [
            ("path", Destination::Path),
            ("query", Destination::Query),
            ("body", Destination::Body),
            ("file", Destination::File),
        ];
        let destination = fields.get("in").and_then(|at| at.word(&words).map(|word| (at, word)));
        let upstream = fields.get("name").and_then(|at| at.text().map(|text| (at, text)));
        let required = fields.get("required").and_then(|at| at.boolean()).unwrap_or(false);
        let fallback = fields.get("default").and_then(|at| Fallback::read(&at).map(|fallback| (at, fallback)));
        let schema = fields.require("schema").and_then(|at| schema::argument(&at));
        fields.finish();
        if let Some((at, _)) = fallback.as_ref().filter(|_| required) {
            at.fault("an argument that is required needs no default");
        }
        Some(Self { name, at, destination, upstream, required, fallback, schema })
    }

    /// Does its schema take this value?
    pub(crate) fn takes(&self, value: &Json) -> bool {
        if self.at.is_proven() {
            return true;
        }
        self.schema.as_ref().and_then(|schema| schema::compile(schema).ok()).is_none_or(|schema| schema.is_valid(value))
    }

    /// Is it a date-time?
    pub(crate) fn is_time(&self) -> bool {
        self.schema.as_ref().is_none_or(|schema| schema.get("format").and_then(Json::as_str) == Some("date-time"))
    }
}

impl Fallback {
    fn read(at: &At<'_>) -> Option<Self> {
        let Value::Mapping(entries) = at.value() else { return Some(Self::Literal(at.json())) };
        if !entries.iter().any(|entry| entry.key == "now" || entry.key == "from") {
            return Some(Self::Literal(at.json()));
        }
        let offset = |at: At<'_>| {
            let text = at.text()?;
            let offset = time::offset(text);
            if offset.is_none() {
                at.fault(format!("expected a signed duration such as -365d, found `{text}`"));
            }
            offset
        };
        let mut fields = at.fields()?;
        let read = if let Some(now) = fields.get("now") {
            offset(now).map(|offset| Self::Time { from: None, offset })
        } else {
            let from = fields.require("from").and_then(|at| at.text());
            let offset = fields.require("offset").and_then(offset);
            from.zip(offset).map(|(from, offset)| Self::Time { from: Some(from.to_owned()), offset })
        };
        fields.finish();
        read
    }
}

/// An argument of the method, by name.
pub(crate) fn find<'r, 'd>(at: &At<'_>, declared: &'r [Declaration<'d>]) -> Option<&'r Declaration<'d>> {
    named(at, at.text()?, declared)
}

fn named<'r, 'd>(at: &At<'_>, name: &str, declared: &'r [Declaration<'d>]) -> Option<&'r Declaration<'d>> {
    let found = declared.iter().find(|argument| argument.name == name);
    if found.is_none() {
        let names: Vec<&str> = declared.iter().map(|argument| argument.name).collect();
        at.unknown_word(name, &names);
    }
    found
}

/// An argument and a value that it can have.
pub(crate) fn value(name: &str, at: &At<'_>, declared: &[Declaration<'_>]) -> Option<(String, Json)> {
    let argument = named(at, name, declared)?;
    let value = at.json();
    if !argument.takes(&value) {
        at.fault(format!("the argument `{name}` never has this value: its schema refuses it"));
    }
    Some((name.to_owned(), value))
}
