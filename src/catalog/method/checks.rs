//! The checks of a tool's arguments, compiled.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Made;
use crate::{
    catalog::{
        arguments::{
            Checker, Rules, TimeDefault,
            conversion::Plan,
            declaration::{Declaration, Fallback},
        },
        constraint::Constraint,
        parts::Parts,
        schema,
        tool::{Place, Rest},
    },
    document::At,
};

/// The arguments that stand in the path.
pub(super) fn segments(rest: &Rest) -> Vec<String> {
    let in_path = rest.places.iter().filter(|placed| placed.place == Place::Path);
    in_path.map(|placed| placed.argument.to_string()).collect()
}

/// The checks of `made`.
pub(super) fn compile(
    at: &At<'_>,
    made: &Made,
    arguments: &[Declaration<'_>],
    constraints: Vec<Constraint>,
    parts: &Parts,
) -> Option<Arc<Checker>> {
    let literals = literals(arguments);
    let times = times(arguments);
    let bare = schema::bare(&made.schema);
    let text = bare.to_string();
    let compiled = || {
        // References that multiply are found by the plan, before a compiler follows them.
        let plan = Plan::new(&bare).map_err(|problem| at.fault(problem)).ok()?;
        let schema = if at.is_proven() {
            schema::Lazy::new(&text)
        } else {
            schema::compile(&bare).map_err(|problem| culprit(at, arguments, &problem)).ok()?.into()
        };
        Some((plan, schema))
    };
    let Some(times) = times else {
        // For its faults.
        let _ = compiled();
        return None;
    };
    let (segments, file) = (made.segments.clone(), made.file.clone());
    parts.checker(&text, Rules { segments, file, constraints, literals, times }, |rules| {
        let (plan, schema) = compiled()?;
        let properties = bare.get("properties").and_then(Value::as_object);
        let known = properties.into_iter().flat_map(Map::keys).cloned().collect();
        Some(Checker { known, plan, schema, rules })
    })
}

/// Says which argument's schema does not compile.
fn culprit(at: &At<'_>, arguments: &[Declaration<'_>], problem: &str) {
    let mut is_found = false;
    for argument in arguments {
        let compiled = argument.schema.as_ref().map(schema::compile);
        if let Some(Err(problem)) = compiled {
            argument.at.fault(format!("the schema does not compile: {problem}"));
            is_found = true;
        }
    }
    if !is_found {
        at.fault(format!("the schema does not compile: {problem}"));
    }
}

fn literals(arguments: &[Declaration<'_>]) -> Map<String, Value> {
    let mut literals = Map::new();
    for argument in arguments {
        if let Some((at, Fallback::Literal(value))) = &argument.fallback {
            if !argument.takes(value) {
                at.fault("the default does not fit the argument's schema");
            }
            literals.insert(argument.name.to_owned(), value.clone());
        }
    }
    literals
}

/// Defaults that depend on the time, each after the one it counts from.
fn times(arguments: &[Declaration<'_>]) -> Option<Vec<TimeDefault>> {
    let mut left: Vec<(&At<'_>, TimeDefault)> = Vec::new();
    for argument in arguments {
        let Some((at, Fallback::Time { from, offset })) = &argument.fallback else { continue };
        if !argument.is_time() {
            at.fault("a time as default needs an argument of `format: date-time`");
        }
        if let Some(from) = from
            && !arguments.iter().any(|other| other.name == from && other.is_time())
        {
            at.fault(format!("`{from}` is no argument of `format: date-time` of this method"));
        }
        let argument = argument.name.to_owned();
        left.push((at, TimeDefault { argument, from: from.clone(), offset: *offset }));
    }
    let mut sorted = Vec::new();
    while !left.is_empty() {
        let waits = |from: &str| left.iter().any(|(_, other)| other.argument == from);
        let next = left.iter().position(|(_, default)| default.from.as_deref().is_none_or(|from| !waits(from)));
        let Some(next) = next else {
            let names: Vec<&str> = left.iter().map(|(_, default)| default.argument.as_str()).collect();
            left[0].0.fault(format!("the defaults of {} count from each other in a circle", names.join(", ")));
            return None;
        };
        sorted.push(left.remove(next).1);
    }
    Some(sorted)
}
