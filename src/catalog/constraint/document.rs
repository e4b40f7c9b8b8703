//! Constraints as the catalog writes them.

use super::{Constraint, Count, When};
use crate::{
    catalog::arguments::declaration::{Declaration, find, value},
    document::{At, Fields},
};

/// The constraints of a method whose arguments are `declared`.
pub(crate) fn read(at: &At<'_>, declared: &[Declaration<'_>]) -> Vec<Constraint> {
    at.items().unwrap_or_default().iter().filter_map(|item| constraint(item, declared)).collect()
}

fn constraint(at: &At<'_>, declared: &[Declaration<'_>]) -> Option<Constraint> {
    let mut fields = at.fields()?;
    let counts =
        [("exactly_one_of", Count::Exactly), ("at_most_one_of", Count::AtMost), ("at_least_one_of", Count::AtLeast)];
    let mut found: Vec<Option<Constraint>> = Vec::new();
    for (key, count) in counts {
        if let Some(at) = fields.get(key) {
            found.push(several(&at, declared).map(|names| Constraint::Count(count, names)));
        }
    }
    if let Some(at) = fields.get("required_if") {
        let condition = conditional(&at, &mut fields, declared);
        found.push(condition.map(|(when, names)| Constraint::RequiredIf(when, names)));
    } else if let Some(at) = fields.get("only_if") {
        let condition = conditional(&at, &mut fields, declared);
        found.push(condition.map(|(when, names)| Constraint::OnlyIf(when, names)));
    }
    if let Some(at) = fields.get("max_range") {
        found.push(range(&at, declared));
    }
    fields.finish();
    if found.len() != 1 {
        at.fault(format!("expected exactly one kind of constraint here, found {}", found.len()));
    }
    found.pop().flatten()
}

fn names(at: &At<'_>, declared: &[Declaration<'_>]) -> Option<Vec<String>> {
    let name = |item: &At<'_>| find(item, declared).map(|argument| argument.name.to_owned());
    let names: Vec<String> = at.items()?.iter().filter_map(name).collect();
    Some(names)
}

fn several(at: &At<'_>, declared: &[Declaration<'_>]) -> Option<Vec<String>> {
    if at.items()?.len() < 2 {
        at.fault("expected at least two arguments");
    }
    names(at, declared)
}

fn conditional(at: &At<'_>, fields: &mut Fields<'_>, declared: &[Declaration<'_>]) -> Option<(When, Vec<String>)> {
    let names = fields.require("arguments").and_then(|at| {
        if at.items()?.is_empty() {
            at.fault("expected at least one argument");
        }
        names(&at, declared)
    });
    let entries = at.entries()?;
    if entries.is_empty() {
        at.fault("expected an argument and its value, such as {type: 0}");
    }
    let equals = entries.into_iter().filter_map(|(name, at)| value(name, &at, declared));
    let when: When = equals.collect();
    Some((when, names?))
}

fn range(at: &At<'_>, declared: &[Declaration<'_>]) -> Option<Constraint> {
    let mut fields = at.fields()?;
    let [from, to] = ["from", "to"].map(|key| {
        let at = fields.require(key)?;
        let argument = find(&at, declared)?;
        if !argument.is_time() {
            at.fault(format!("expected an argument of `format: date-time`, `{}` is none", argument.name));
        }
        Some(argument.name.to_owned())
    });
    let days = fields.require("days").and_then(|at| at.unsigned());
    fields.finish();
    Some(Constraint::MaxRange { from: from?, to: to?, days: days? })
}
