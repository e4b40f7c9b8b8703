//! What the validator found, in words that a model can act on.

use std::borrow::Cow;

use jsonschema::{
    JsonTypeSet, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use crate::{nearest::nearest, refusal::Misfit};

/// Most misfits of one call: a model mends these first.
pub(super) const MAX_MISFITS: usize = 32;

/// Longest piece of a caller's own value that is shown back, in characters.
const SHOWN: usize = 60;

/// Longest list of allowed values that is shown, in bytes.
const ALLOWED: usize = 600;

/// Arguments of more values than this are told their first fault alone: the validator keeps every fault of a list in
/// memory, hundreds of bytes for one of the caller's.
const MANY: usize = 2_000;

/// Writes down every fault of `values`; `known` are the tool's arguments.
pub(super) fn collect(validator: &Validator, values: &Value, known: &[String], misfits: &mut Vec<Misfit>) {
    if is_larger(values, &mut MANY.clone()) {
        misfits.extend(
            validator
                .validate(values)
                .err()
                .map(|error| Misfit { argument: path(error.instance_path().as_str()), problem: problem(&error) }),
        );
        return;
    }
    for error in validator.iter_errors(values) {
        let path = path(error.instance_path().as_str());
        let mut fault = |argument: String, problem: String| {
            let misfit = Misfit { argument, problem };
            if misfits.len() < MAX_MISFITS && !misfits.contains(&misfit) {
                misfits.push(misfit);
            }
        };
        match error.kind() {
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                for name in unexpected.iter().take(MAX_MISFITS) {
                    let problem = if path.is_empty() { unknown(name, known) } else { "unknown property".to_owned() };
                    fault(below(&path, name), problem);
                }
            }
            Kind::Required { property } => {
                fault(below(&path, property.as_str().unwrap_or_default()), "required, but missing".to_owned());
            }
            _ => fault(path, problem(&error)),
        }
    }
}

/// Are there more values than `left`?
fn is_larger(value: &Value, left: &mut usize) -> bool {
    if *left == 0 {
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter().any(|item| is_larger(item, left)),
        Value::Object(members) => members.values().any(|member| is_larger(member, left)),
        _ => false,
    }
}

fn unknown(name: &str, known: &[String]) -> String {
    let hint = nearest(&cut(name), known.iter().map(String::as_str));
    match (hint, known) {
        (Some(meant), _) => format!("unknown argument; did you mean `{meant}`?"),
        (None, []) => "unknown argument; this tool takes none".to_owned(),
        (None, known) => format!("unknown argument; known are {}", known.join(", ")),
    }
}

/// What is wrong with the value, without its place.
pub(crate) fn problem(error: &ValidationError<'_>) -> String {
    let found = found(error.instance());
    match error.kind() {
        Kind::Type { kind } => format!("expected {}, found {found}{}", types(kind), leave_out(error.instance())),
        Kind::Enum { options } => format!("expected one of {}, found {found}", allowed(options)),
        Kind::Constant { expected_value } => format!("expected {}, found {found}", allowed(expected_value)),
        Kind::Minimum { limit } => format!("expected at least {limit}, found {found}"),
        Kind::Maximum { limit } => format!("expected at most {limit}, found {found}"),
        Kind::ExclusiveMinimum { limit } => format!("expected more than {limit}, found {found}"),
        Kind::ExclusiveMaximum { limit } => format!("expected less than {limit}, found {found}"),
        Kind::MinLength { limit } => format!("expected at least {limit} characters, found {found}"),
        Kind::MaxLength { limit } => format!("expected at most {limit} characters, found {found}"),
        Kind::MinItems { limit } => format!("expected at least {limit} items, found {found}"),
        Kind::MaxItems { limit } => format!("expected at most {limit} items, found {found}"),
        Kind::UniqueItems => "expected items that differ from each other".to_owned(),
        Kind::Format { format } if format == "date-time" => {
            format!("expected a date-time with offset such as 2025-11-22T10:00:00Z, or a date, found {found}")
        }
        Kind::Format { format } if format == "regex" => {
            "expected a regular expression without look-around and back-references".to_owned()
        }
        Kind::Format { format } if format == "date" => format!("expected a date such as 2025-11-22, found {found}"),
        Kind::Pattern { pattern } => format!("expected a match of {}, found {found}", cut(pattern)),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => forms(context, &found),
        Kind::Required { property } => format!("the key {property} is missing"),
        _ => cut_to(&error.masked_with("the value").to_string(), ALLOWED).into_owned(),
    }
}

/// Why each of several forms does not fit: the first reason of each.
fn forms(context: &[Vec<ValidationError<'static>>], found: &str) -> String {
    let mut reasons: Vec<String> = context.iter().filter_map(|errors| errors.first().map(problem)).collect();
    reasons.dedup();
    match reasons.as_slice() {
        [only] => only.clone(),
        _ => cut_to(&format!("fits no allowed form, found {found}: {}", reasons.join("; or ")), ALLOWED).into_owned(),
    }
}

fn leave_out(value: &Value) -> &'static str {
    if value.is_null() { "; leave it out instead" } else { "" }
}

fn types(kind: &TypeKind) -> String {
    let all = match kind {
        TypeKind::Single(one) => JsonTypeSet::from(*one),
        TypeKind::Multiple(all) => *all,
    };
    let words = all.iter().map(|one| match one.as_str() {
        "null" => "null",
        "boolean" => "a boolean",
        "integer" => "an integer of 64 bits",
        "number" => "a number",
        "string" => "a string",
        "array" => "a list",
        _ => "an object",
    });
    words.collect::<Vec<_>>().join(" or ")
}

/// A value as it may be shown: short ones as they are, long ones by their kind.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", cut(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        scalar => scalar.to_string(),
    }
}

fn allowed(options: &Value) -> String {
    let text = match options {
        Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(", "),
        one => one.to_string(),
    };
    cut_to(&text, ALLOWED).into_owned()
}

/// The beginning of a text that a caller sent.
pub(super) fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => cut_to(text, end),
        None => text.into(),
    }
}

fn cut_to(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes { text.into() } else { format!("{}…", &text[..text.floor_char_boundary(bytes)]).into() }
}

/// A JSON pointer as a path (`person_ids[0]`).
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for segment in pointer.split('/').skip(1) {
        if segment.bytes().all(|c| c.is_ascii_digit()) && !path.is_empty() {
            path.extend(["[", segment, "]"]);
        } else {
            path = below(&path, &segment.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}

fn below(path: &str, name: &str) -> String {
    let name = cut(name);
    if path.is_empty() { name.into_owned() } else { format!("{path}.{name}") }
}
