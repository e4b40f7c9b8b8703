//! JSON Schemas (2020-12) of arguments: what of them the catalog accepts, checked before they are compiled.

mod compile;
mod reference;
mod vocabulary;

pub(crate) use compile::{Lazy, compile};
pub(crate) use reference::{lookup, under};
pub(crate) use vocabulary::bare;

use serde_json::Value as Json;

use crate::{
    document::{At, Value},
    nearest::nearest,
};
use vocabulary::Subschemas;

/// The types of JSON Schema.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Most references of one schema: each is followed to its end to find circles.
const MAX_REFERENCES: usize = 256;

/// What may stand in a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// The schema of one argument: it becomes a piece of the tool's, so it has no dialect and no anchors of its own.
    Argument,
    /// The whole schema of a static tool, word for word.
    Whole,
}

/// The schema of an argument; `None` if something of it is faulty.
pub(crate) fn argument(at: &At<'_>) -> Option<Json> {
    let mut is_clean = checked(at, Rules::Argument)?;
    let schema = at.json();
    if schema.get("description").and_then(Json::as_str).is_none_or(|text| text.trim().is_empty()) {
        at.fault("the key `description` is missing: every argument is explained to the model");
        is_clean = false;
    }
    is_clean.then_some(schema)
}

/// The schema of all arguments of a static tool; `None` if something of it is faulty.
pub(crate) fn whole(at: &At<'_>) -> Option<Json> {
    let mut is_clean = checked(at, Rules::Whole)?;
    let schema = at.json();
    if schema.get("type").and_then(Json::as_str) != Some("object") {
        at.fault("expected `type: object`: the arguments of a tool are an object");
        is_clean = false;
    }
    is_clean.then_some(schema)
}

/// `None` where it is no mapping; else whether no fault was found.
fn checked(at: &At<'_>, rules: Rules) -> Option<bool> {
    at.entries()?;
    let root = at.json();
    let mut walk = Walk { root: &root, rules, references: 0, is_clean: true };
    walk.schema(at);
    Some(walk.is_clean && (at.is_proven() || compile::meta(at, &root)))
}

struct Walk<'r> {
    root: &'r Json,
    rules: Rules,
    references: usize,
    is_clean: bool,
}

impl Walk<'_> {
    fn fault(&mut self, at: &At<'_>, message: impl Into<String>) {
        at.fault(message);
        self.is_clean = false;
    }

    fn schema(&mut self, at: &At<'_>) {
        if matches!(at.value(), Value::Boolean(_)) {
            return;
        }
        let Some(entries) = at.entries() else {
            self.is_clean = false;
            return;
        };
        for (keyword, at) in entries {
            match keyword {
                "type" => self.types(&at),
                "$ref" => self.reference(&at),
                "x-mcp-header" => self.fault(&at, "x-mcp-header is not supported"),
                _ => {}
            }
            match vocabulary::subschemas(keyword) {
                Some(Subschemas::One) => self.schema(&at),
                Some(Subschemas::List) => at.items().unwrap_or_default().iter().for_each(|at| self.schema(at)),
                Some(Subschemas::Named) => {
                    at.entries().unwrap_or_default().iter().for_each(|(_, at)| self.schema(at));
                }
                Some(Subschemas::Document) if self.rules == Rules::Whole => self.document(keyword, &at),
                Some(Subschemas::Document) => {
                    self.fault(&at, format!("`{keyword}` has no place in the schema of one argument"));
                }
                None if self.rules == Rules::Argument && keyword != "x-mcp-header" => {
                    let hint = nearest(keyword, vocabulary::words()).map(|word| format!("; did you mean `{word}`?"));
                    let hint = hint.unwrap_or_default();
                    self.fault(&at, format!("`{keyword}` is no keyword of JSON Schema 2020-12{hint}"));
                }
                Some(Subschemas::None) | None => {}
            }
        }
    }

    fn types(&mut self, at: &At<'_>) {
        let words = match at.value() {
            Value::Sequence(_) => at.items().unwrap_or_default(),
            _ => vec![at.clone()],
        };
        for word in words {
            match word.string() {
                Some(text) if TYPES.contains(&text) => {}
                Some(text) => {
                    word.unknown_word(text, &TYPES);
                    self.is_clean = false;
                }
                None => self.is_clean = false,
            }
        }
    }

    fn document(&mut self, keyword: &str, at: &At<'_>) {
        match (keyword, at.string()) {
            ("$schema", Some(text)) if text.trim_end_matches('#') != vocabulary::DIALECT => {
                self.fault(at, format!("expected {}, found `{text}`", vocabulary::DIALECT));
            }
            ("$id" | "$dynamicRef" | "$dynamicAnchor" | "$vocabulary", _) => {
                self.fault(at, format!("`{keyword}` is not supported: a schema stands in its own document"));
            }
            _ => {}
        }
    }

    fn reference(&mut self, at: &At<'_>) {
        let Some(reference) = at.string() else {
            self.is_clean = false;
            return;
        };
        self.references += 1;
        if self.references > MAX_REFERENCES {
            if self.references == MAX_REFERENCES + 1 {
                self.fault(at, format!("expected at most {MAX_REFERENCES} references in one schema, this is one more"));
            }
            return;
        }
        if !reference.starts_with('#') {
            return self.fault(at, format!("expected a $ref within this schema (`#/$defs/…`), found `{reference}`"));
        }
        if lookup(self.root, reference).is_none() {
            return self.fault(at, format!("nothing stands at `{reference}` in this schema"));
        }
        if reference::is_circular(self.root, reference) {
            self.fault(at, format!("`{reference}` leads back to itself, expected a schema without circles"));
        }
    }
}
