//! Constraints between arguments: said in the tool's description, checked before anything is sent.

mod document;

pub(crate) use document::read;

use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::arguments::time;
use crate::refusal::Misfit;

/// A rule that no single argument's schema can say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constraint {
    /// So many of these.
    Count(Count, Vec<String>),
    /// With these values, those arguments must be there.
    RequiredIf(When, Vec<String>),
    /// Only with these values may those arguments be there.
    OnlyIf(When, Vec<String>),
    /// Times in order, at most so far apart.
    MaxRange {
        /// The earlier.
        from: String,
        /// The later.
        to: String,
        /// Days of 24 hours.
        days: u32,
    },
}

/// How many of several arguments a call may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// One.
    Exactly,
    /// None or one.
    AtMost,
    /// One or more.
    AtLeast,
}

impl Count {
    fn words(self) -> &'static str {
        match self {
            Self::Exactly => "exactly one of",
            Self::AtMost => "at most one of",
            Self::AtLeast => "at least one of",
        }
    }

    fn fits(self, given: usize) -> bool {
        match self {
            Self::Exactly => given == 1,
            Self::AtMost => given <= 1,
            Self::AtLeast => given >= 1,
        }
    }
}

/// Arguments and the values they must have, all of them.
pub(crate) type When = Vec<(String, Value)>;

impl Constraint {
    /// What the tool's description says of it; nothing where an argument's own description has to.
    pub(crate) fn sentence(&self) -> Option<String> {
        match self {
            Self::Count(count, names) => {
                let words = count.words();
                Some(format!("{}{}: {}.", words[..1].to_ascii_uppercase(), &words[1..], names.join(", ")))
            }
            Self::RequiredIf(when, names) => Some(format!("{} requires {}.", equations(when), names.join(", "))),
            Self::OnlyIf(when, names) => Some(format!("{} only with {}.", names.join(", "), equations(when))),
            Self::MaxRange { .. } => None,
        }
    }

    /// Checks what the caller gave; `literals` stand in for what it left out.
    pub(crate) fn check_given(&self, given: &Map<String, Value>, literals: &Map<String, Value>, out: &mut Vec<Misfit>) {
        let holds = |when: &When| {
            when.iter().all(|(name, value)| {
                given.get(name).or_else(|| literals.get(name)).is_some_and(|found| equal(found, value))
            })
        };
        match self {
            Self::Count(count, names) => {
                let found: Vec<&str> =
                    names.iter().map(String::as_str).filter(|name| given.contains_key(*name)).collect();
                if !count.fits(found.len()) {
                    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
                    misfit(out, "", format!("give {} {}; found {found}", count.words(), names.join(", ")));
                }
            }
            Self::RequiredIf(when, names) if holds(when) => {
                for name in names.iter().filter(|name| !given.contains_key(*name) && !literals.contains_key(*name)) {
                    misfit(out, name, format!("required with {}, but missing", equations(when)));
                }
            }
            Self::OnlyIf(when, names) if !holds(when) => {
                for name in names.iter().filter(|name| given.contains_key(*name)) {
                    misfit(out, name, format!("allowed only with {}; leave it out", equations(when)));
                }
            }
            Self::RequiredIf(..) | Self::OnlyIf(..) | Self::MaxRange { .. } => {}
        }
    }

    /// Checks the values that would go out, defaults included.
    pub(crate) fn check_filled(&self, values: &Map<String, Value>, out: &mut Vec<Misfit>) {
        let Self::MaxRange { from, to, days } = self else { return };
        let instant = |name: &str| values.get(name).and_then(Value::as_str).and_then(time::instant);
        let Some((first, last)) = instant(from).zip(instant(to)) else { return };
        let between = last.duration_since(first);
        if between <= SignedDuration::ZERO {
            misfit(out, from, format!("expected a time before {to}"));
        } else if between > SignedDuration::from_hours(24 * i64::from(*days)) {
            // Rounded up: 365 days and an hour are not 365 days.
            let found = (between.as_secs() + 86_399) / 86_400;
            let advice = "ask for one span after the other";
            misfit(out, from, format!("expected at most {days} days before {to}, found {found}; {advice}"));
        }
    }
}

fn misfit(misfits: &mut Vec<Misfit>, argument: &str, problem: String) {
    misfits.push(Misfit { argument: argument.to_owned(), problem });
}

/// Numbers are equal whatever they are written as.
fn equal(one: &Value, other: &Value) -> bool {
    one == other || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
}

fn equations(when: &When) -> String {
    when.iter().map(|(name, value)| equation(name, value)).collect::<Vec<_>>().join(" and ")
}

/// `name=value`, strings without quotes.
pub(crate) fn equation(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn faults(constraint: &Constraint, given: &Value) -> Vec<String> {
        let literals = Map::from_iter([("mode".to_owned(), json!("b"))]);
        let mut misfits = Vec::new();
        constraint.check_given(given.as_object().unwrap(), &literals, &mut misfits);
        constraint.check_filled(given.as_object().unwrap(), &mut misfits);
        misfits.into_iter().map(|misfit| misfit.argument).collect()
    }

    #[test]
    fn sentences_have_one_short_form() {
        let when = vec![("type".to_owned(), json!(0))];
        let table = [
            (Constraint::Count(Count::Exactly, names(&["a", "b"])), Some("Exactly one of: a, b.")),
            (Constraint::Count(Count::AtMost, names(&["a", "b"])), Some("At most one of: a, b.")),
            (Constraint::Count(Count::AtLeast, names(&["a", "b"])), Some("At least one of: a, b.")),
            (Constraint::RequiredIf(when.clone(), names(&["c", "d"])), Some("type=0 requires c, d.")),
            (Constraint::OnlyIf(when, names(&["c"])), Some("c only with type=0.")),
            (Constraint::MaxRange { from: "a".into(), to: "b".into(), days: 1 }, None),
        ];
        for (constraint, sentence) in table {
            assert_eq!(constraint.sentence().as_deref(), sentence);
        }
    }

    #[test]
    fn counts_count_what_the_caller_gave() {
        let of = |count| Constraint::Count(count, names(&["a", "b"]));
        for (count, none, one, two) in [(Count::Exactly, 1, 0, 1), (Count::AtMost, 0, 0, 1), (Count::AtLeast, 1, 0, 0)]
        {
            assert_eq!(faults(&of(count), &json!({"c": 1})).len(), none, "{count:?}");
            assert_eq!(faults(&of(count), &json!({"a": 1})).len(), one, "{count:?}");
            assert_eq!(faults(&of(count), &json!({"a": 1, "b": 2})).len(), two, "{count:?}");
        }
    }

    #[test]
    fn conditions_see_values_and_literal_defaults() {
        let required = Constraint::RequiredIf(vec![("type".into(), json!(0))], names(&["due", "by"]));
        assert_eq!(faults(&required, &json!({"type": 0.0, "by": 1})), ["due"]);
        assert_eq!(faults(&required, &json!({"type": 1})), Vec::<String>::new());
        let only = Constraint::OnlyIf(vec![("mode".into(), json!("a"))], names(&["x"]));
        assert_eq!(faults(&only, &json!({"x": 1})), ["x"]);
        assert_eq!(faults(&only, &json!({"x": 1, "mode": "a"})), Vec::<String>::new());
        let required = Constraint::RequiredIf(vec![("mode".into(), json!("b"))], names(&["y"]));
        assert_eq!(faults(&required, &json!({})), ["y"]);
    }

    #[test]
    fn ranges_take_dates_and_times_in_order_and_within_the_days() {
        let range = Constraint::MaxRange { from: "a".into(), to: "b".into(), days: 365 };
        let table = [
            ("2025-01-01", "2026-01-01", 0),
            ("2025-01-01", "2026-01-01T00:00:01Z", 1),
            ("2025-01-02", "2025-01-01", 1),
            ("2025-01-01", "2025-01-01T00:00:00Z", 1),
            ("2025-01-01T00:00:00+02:00", "2025-01-01", 0),
            ("never", "2025-01-01", 0),
        ];
        for (from, to, expected) in table {
            assert_eq!(faults(&range, &json!({"a": from, "b": to})).len(), expected, "{from} {to}");
        }
    }
}
