//! Strings that hold a number, a boolean, a list or an object become one where the schema wants one and would not
//! take the string. Nothing else is guessed.

mod plan;
mod types;

pub(crate) use plan::Plan;

use serde_json::{Map, Value};

use super::{misfit, parse};
use crate::refusal::Misfit;
use types::Types;

/// Largest magnitude up to which every integer is its own `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The way to a value, for a misfit; built on the stack, written out only when needed.
enum Way<'w> {
    Root,
    Key(&'w Way<'w>, &'w str),
    Item(&'w Way<'w>, usize),
}

impl Way<'_> {
    fn path(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Key(Way::Root, name) => misfit::cut(name).into_owned(),
            Self::Key(parent, name) => format!("{}.{}", parent.path(), misfit::cut(name)),
            Self::Item(parent, n) => format!("{}[{n}]", parent.path()),
        }
    }
}

impl Plan {
    /// Converts all arguments of a call in place.
    pub(super) fn convert(&self, values: &mut Map<String, Value>, misfits: &mut Vec<Misfit>) {
        self.members(values, &Way::Root, misfits);
    }

    fn members(&self, values: &mut Map<String, Value>, way: &Way<'_>, misfits: &mut Vec<Misfit>) {
        for (name, value) in values.iter_mut() {
            if let Some(plan) = self.member(name) {
                plan.value(value, &Way::Key(way, name), misfits);
            }
        }
    }

    fn value(&self, value: &mut Value, way: &Way<'_>, misfits: &mut Vec<Misfit>) {
        if let Value::String(text) = value {
            match self.read(text) {
                Some(Ok(read)) => *value = read,
                Some(Err(problem)) => push(misfits, way, problem),
                None => return,
            }
        }
        match value {
            Value::Array(items) => {
                for (n, item) in items.iter_mut().enumerate() {
                    if let Some(plan) = self.item(n) {
                        plan.value(item, &Way::Item(way, n), misfits);
                    }
                }
            }
            Value::Object(members) => self.members(members, way, misfits),
            Value::Number(number) if self.types.is_integral() && number.is_f64() => {
                match number.as_f64().and_then(integral) {
                    Some(integer) => *value = integer.into(),
                    None if number.as_f64().is_some_and(|float| float.fract() == 0.0) => {
                        push(misfits, way, format!("expected an integer of 64 bits, found {number}"));
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// What a string holds, if the schema does not take strings and wants that; an error for JSON that is refused.
    fn read(&self, text: &str) -> Option<Result<Value, String>> {
        if self.types.has(Types::STRING) {
            return None;
        }
        let first = text.trim_ascii_start().bytes().next();
        match (text, first) {
            ("true" | "false", _) if self.types.has(Types::BOOLEAN) => Some(Ok(Value::Bool(text == "true"))),
            (_, Some(b'[')) if self.types.has(Types::ARRAY) => Some(parse::value(text)),
            (_, Some(b'{')) if self.types.has(Types::OBJECT) => Some(parse::value(text)),
            _ if self.types.has(Types::INTEGER) => {
                integer(text).or_else(|| self.types.has(Types::FRACTION).then(|| number(text)).flatten()).map(Ok)
            }
            _ if self.types.has(Types::FRACTION) => number(text).map(Ok),
            _ => None,
        }
    }
}

fn push(misfits: &mut Vec<Misfit>, way: &Way<'_>, problem: String) {
    if misfits.len() < misfit::MAX_MISFITS {
        misfits.push(Misfit { argument: way.path(), problem });
    }
}

/// Decimal digits with an optional minus, if they fit 64 bits.
fn integer(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
}

/// A JSON number and nothing around it.
fn number(text: &str) -> Option<Value> {
    let is_plain = text.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'-' | b'+' | b'.' | b'e' | b'E'));
    if is_plain { serde_json::from_str(text).ok().filter(Value::is_number) } else { None }
}

/// The integer that a number without fraction is (JSON Schema 2020-12 core, section 4.2.3: `5.0` is an integer).
#[expect(clippy::cast_possible_truncation, reason = "the range in which the cast is exact is checked")]
fn integral(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn converted(schema: &Value, value: Value) -> Value {
        let plan = Plan::new(&json!({"properties": {"a": schema}})).unwrap();
        let mut values = Map::from_iter([("a".to_owned(), value)]);
        plan.convert(&mut values, &mut Vec::new());
        values.remove("a").unwrap()
    }

    #[test]
    fn strings_become_what_the_schema_wants() {
        let integers = json!({"type": "array", "items": {"type": "integer"}});
        let either = json!({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]});
        let object =
            json!({"type": "object", "properties": {"n": {"type": "number"}}, "additionalProperties": integers});
        let table = [
            (json!({"type": "integer"}), json!("5"), json!(5)),
            (json!({"type": "integer"}), json!("-5"), json!(-5)),
            (json!({"type": "integer"}), json!("18446744073709551615"), json!(u64::MAX)),
            (json!({"type": "integer"}), json!(5.0), json!(5)),
            (json!({"enum": [0, 1]}), json!("1"), json!(1)),
            (json!({"type": "number"}), json!("1e3"), json!(1000.0)),
            (json!({"type": "number"}), json!("7"), json!(7.0)),
            (json!({"type": "boolean"}), json!("true"), json!(true)),
            (integers.clone(), json!("[1, \"2\"]"), json!([1, 2])),
            (integers, json!(["1", 2]), json!([1, 2])),
            (either.clone(), json!("7"), json!(7)),
            (either, json!("[\"7\"]"), json!([7])),
            (object, json!("{\"n\": \"1.5\", \"x\": \"[\\\"3\\\"]\"}"), json!({"n": 1.5, "x": [3]})),
        ];
        for (schema, given, expected) in table {
            let found = converted(&schema, given.clone());
            assert!(found == expected || found.as_f64() == expected.as_f64() && found.is_number(), "{given} {found}");
        }
    }

    #[test]
    fn nothing_else_is_guessed() {
        let integer = json!({"type": "integer"});
        let table = [
            (&integer, json!("1e3")),
            (&integer, json!("0x10")),
            (&integer, json!(" 5 ")),
            (&integer, json!("+5")),
            (&integer, json!("")),
            (&integer, json!("-")),
            (&integer, json!("٣")),
            (&integer, json!("18446744073709551616")),
            (&integer, json!("true")),
            (&integer, json!(1.5)),
            (&json!({"type": "boolean"}), json!("True")),
            (&json!({"type": "boolean"}), json!(1)),
            (&json!({"type": "string"}), json!("5")),
            (&json!({"type": "string"}), json!(5)),
            (&json!({"type": ["string", "integer"]}), json!("5")),
            (&json!({"type": "array"}), json!("1,2")),
            (&json!({"type": "array"}), json!("{}")),
            (&json!({}), json!("5")),
        ];
        for (schema, given) in table {
            assert_eq!(converted(schema, given.clone()), given, "{schema}");
        }
    }

    #[test]
    fn an_integer_that_a_float_cannot_hold_is_a_misfit() {
        let plan = Plan::new(&json!({"properties": {"a": {"items": {"type": "integer"}}}})).unwrap();
        let mut misfits = Vec::new();
        plan.convert(json!({"a": [1, 1e20]}).as_object_mut().unwrap(), &mut misfits);
        assert_eq!(misfits.len(), 1);
        assert_eq!(misfits[0].argument, "a[1]");
    }
}
