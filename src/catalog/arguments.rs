//! Arguments of a tool call: convert what models write as strings, check everything, name every fault at once.

pub(crate) mod conversion;
pub(crate) mod declaration;
pub(crate) mod file;
pub(crate) mod misfit;
pub(crate) mod time;

mod parse;
mod segment;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{constraint::Constraint, schema};
use crate::refusal::Misfit;
use conversion::Plan;
use file::FileRules;

/// Arguments that may go out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// Converted and checked values, defaults included.
    pub values: Map<String, Value>,
    /// The arguments that the caller left out and a default filled in that depends on the time of the call.
    pub timed: Vec<String>,
}

/// The compiled checks of one tool's arguments.
#[derive(Debug)]
pub struct Checker {
    /// The tool's arguments, for did-you-mean.
    pub(crate) known: Vec<String>,
    /// Where strings are converted, and into what.
    pub(crate) plan: Plan,
    /// The tool's whole schema.
    pub(crate) schema: schema::Lazy,
    /// What the schema does not say.
    pub(crate) rules: Rules,
}

/// What is checked and filled in besides what the schema says.
#[derive(Debug, PartialEq)]
pub(crate) struct Rules {
    /// The arguments that stand in the path.
    pub(crate) segments: Vec<String>,
    /// The arguments that make a file.
    pub(crate) file: Option<FileRules>,
    /// Rules between arguments.
    pub(crate) constraints: Vec<Constraint>,
    /// Defaults that are always the same.
    pub(crate) literals: Map<String, Value>,
    /// Defaults that depend on the time, each after the one it counts from.
    pub(crate) times: Vec<TimeDefault>,
}

/// A default that depends on the time of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeDefault {
    /// The argument it stands in for.
    pub(crate) argument: String,
    /// The argument it counts from; `None` for the time of the call.
    pub(crate) from: Option<String>,
    /// How far from there.
    pub(crate) offset: SignedDuration,
}

impl Checker {
    /// The arguments of a call, a JSON text, converted, checked and with defaults filled in, in the order the caller gave them.
    ///
    /// `now` is the time that defaults such as "the last 365 days" count from.
    ///
    /// # Errors
    /// Every fault of the arguments.
    pub fn check(&self, raw: Option<&str>, now: Timestamp) -> Result<Checked, Vec<Misfit>> {
        let mut misfits = Vec::new();
        let mut given = object(raw)?;
        self.plan.convert(&mut given, &mut misfits);

        let given = Value::Object(given);
        let validator = self.schema.validator();
        if !validator.is_valid(&given) {
            misfit::collect(validator, &given, &self.known, &mut misfits);
        }
        let Value::Object(mut values) = given else { return Err(vec![not_an_object("something else")]) };

        for name in &self.rules.segments {
            if let Some(problem) = values.get(name).and_then(segment::problem)
                && misfits.iter().all(|misfit| misfit.argument != *name)
            {
                misfits.push(Misfit { argument: name.clone(), problem });
            }
        }
        if let Some(file) = &self.rules.file {
            file.check(&values, &mut misfits);
        }
        for constraint in &self.rules.constraints {
            constraint.check_given(&values, &self.rules.literals, &mut misfits);
        }
        let timed = self.rules.fill(&mut values, now, &mut misfits);
        for constraint in &self.rules.constraints {
            constraint.check_filled(&values, &mut misfits);
        }
        if misfits.is_empty() { Ok(Checked { values, timed }) } else { Err(misfits) }
    }
}

impl Rules {
    /// Fills in what the caller left out; gives the arguments whose value depends on the time.
    fn fill(&self, values: &mut Map<String, Value>, now: Timestamp, misfits: &mut Vec<Misfit>) -> Vec<String> {
        for (name, value) in &self.literals {
            if !values.contains_key(name) {
                values.insert(name.clone(), value.clone());
            }
        }
        let mut timed = Vec::new();
        for TimeDefault { argument, from, offset } in &self.times {
            if values.contains_key(argument) {
                continue;
            }
            let base = match from {
                None => Some(now),
                Some(from) => values.get(from).and_then(Value::as_str).and_then(time::instant),
            };
            // What it counts from may be faulty, which was said, or left out.
            let Some(base) = base else { continue };
            if let Some(text) = base.checked_add(*offset).ok().and_then(time::rfc3339) {
                values.insert(argument.clone(), text.into());
                timed.push(argument.clone());
            } else {
                let problem = "its default would lie before or after all time, give a value".to_owned();
                misfits.push(Misfit { argument: argument.clone(), problem });
            }
        }
        timed
    }
}

/// The object that arguments are; none at all are an empty one.
fn object(raw: Option<&str>) -> Result<Map<String, Value>, Vec<Misfit>> {
    let Some(raw) = raw else { return Ok(Map::new()) };
    match parse::value(raw) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(other) => Err(vec![not_an_object(&misfit::found(&other))]),
        Err(problem) => Err(vec![Misfit { argument: String::new(), problem }]),
    }
}

fn not_an_object(found: &str) -> Misfit {
    Misfit { argument: String::new(), problem: format!("expected an object of arguments, found {found}") }
}
