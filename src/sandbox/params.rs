//! The parameters of a request, from wherever Affinity accepts them, and their readers.
//!
//! Query, JSON body and form body end up in one map. Every reader accepts what v1 accepts (a number as a string, `1` for
//! true) and answers anything else with v1's 422. A parameter that no handler reads is ignored, as v1 does.

use std::hash::{DefaultHasher, Hash, Hasher};

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::{
    answer::{Fault, Result},
    id::Id,
    time::Time,
};

/// All parameters of one request but the ids in its path.
#[derive(Debug, Default)]
pub(super) struct Params(Map<String, Value>);

impl Params {
    /// Add `a=1&b[]=2`, from a query or a form body.
    pub(super) fn add_form(&mut self, form: &[u8]) -> Result<()> {
        for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            self.add(&name, value);
        }
        Ok(())
    }

    /// Add one pair; a name that ends with `[]` collects its values in an array.
    pub(super) fn add(&mut self, name: &str, value: String) {
        match name.strip_suffix("[]") {
            None => {
                self.0.insert(name.to_owned(), Value::String(value));
            }
            Some(name) => match self.0.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(items) => items.push(Value::String(value)),
                scalar => *scalar = Value::Array(vec![Value::String(value)]),
            },
        }
    }

    /// Add the members of a JSON object.
    pub(super) fn add_json(&mut self, body: &[u8]) -> Result<()> {
        let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
            return Err(Fault::unprocessable("The request body is not a JSON object"));
        };
        self.0.extend(members);
        Ok(())
    }

    /// A number that is the same for two requests with the same parameters, page token apart.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut names: Vec<&String> = self.0.keys().filter(|name| *name != "page_token").collect();
        names.sort_unstable();
        let mut hasher = DefaultHasher::new();
        for name in names {
            (name, self.0[name].to_string()).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The raw value, null counted as absent.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Was the parameter sent at all, even as null?
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A string; numbers pass as their digits.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        self.read(name, "a string", |value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// A string with something in it.
    pub(super) fn full_text(&self, name: &str) -> Result<Option<String>> {
        match self.text(name)? {
            Some(text) if text.trim().is_empty() => Err(Fault::field(name, "expected a string that is not empty")),
            text => Ok(text),
        }
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>> {
        self.read(name, "an integer", integer)
    }

    /// An integer out of a closed set.
    pub(super) fn code(&self, name: &str, allowed: &[i64]) -> Result<Option<i64>> {
        match self.integer(name)? {
            Some(code) if !allowed.contains(&code) => {
                Err(Fault::field(name, format_args!("expected {code} to be one of {allowed:?}")))
            }
            code => Ok(code),
        }
    }

    pub(super) fn id(&self, name: &str) -> Result<Option<Id>> {
        self.read(name, "a valid id", id)
    }

    /// A list of ids; a single one passes as a list of one.
    pub(super) fn ids(&self, name: &str) -> Result<Option<Vec<Id>>> {
        self.read(name, "a list of valid ids", |value| match value {
            Value::Array(items) => items.iter().map(id).collect(),
            single => Some(vec![id(single)?]),
        })
    }

    /// A list of strings; a single one passes as a list of one.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        self.read(name, "a list of strings", |value| match value {
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::String(single) => Some(vec![single.clone()]),
            _ => None,
        })
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.read(name, "true or false", |value| match value {
            Value::Bool(flag) => Some(*flag),
            // Python clients write `True`.
            Value::String(text) if text == "1" || text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text == "0" || text.eq_ignore_ascii_case("false") => Some(false),
            Value::Number(number) => number.as_u64().filter(|number| *number < 2).map(|number| number == 1),
            _ => None,
        })
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Time>> {
        self.read(name, "an ISO 8601 date", |value| Time::parse(value.as_str()?))
    }

    /// At most one of `names` may stand; which one?
    pub(super) fn at_most_one<'n>(&self, names: &[&'n str]) -> Result<Option<&'n str>> {
        let mut found = names.iter().copied().filter(|name| self.value(name).is_some());
        let first = found.next();
        if found.next().is_some() {
            return Err(Fault::unprocessable(format!("At most one of {} can be specified", names.join(", "))));
        }
        Ok(first)
    }

    fn read<T>(&self, name: &str, what: &str, reader: impl Fn(&Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        reader(value).map(Some).ok_or_else(|| Fault::field(name, format_args!("expected {value} to be {what}")))
    }
}

/// The value of a parameter that must be there.
pub(super) fn required<T>(name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Fault::field(name, "is required"))
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

fn id(value: &Value) -> Option<Id> {
    integer(value).and_then(|id| Id::try_from(id).ok())
}

fn decode(text: &[u8]) -> Result<String> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded = percent_decode(&spaced).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| Fault::unprocessable("The parameters are not valid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Params {
        let mut params = Params::default();
        params.add_form(text.as_bytes()).unwrap();
        params
    }

    #[test]
    fn a_form_is_read_with_arrays_and_escapes() {
        let params = form("term=Acme+Corp%21&person_ids[]=1&person_ids%5B%5D=2&flag=1");
        assert_eq!(params.text("term").unwrap().unwrap(), "Acme Corp!");
        assert_eq!(params.ids("person_ids").unwrap().unwrap(), [1, 2]);
        assert_eq!(params.flag("flag").unwrap(), Some(true));
        assert_eq!(params.id("absent").unwrap(), None);
    }

    #[test]
    fn a_value_of_the_wrong_type_is_a_422_that_names_the_field() {
        let mut params = Params::default();
        params.add_json(br#"{"a": "x", "b": [1, "y"], "c": 2.5, "d": "soon", "e": 7, "f": -1}"#).unwrap();
        for (result, text) in [
            (params.integer("a").map(drop), r#"Field a: expected "x" to be an integer"#),
            (params.ids("b").map(drop), r#"Field b: expected [1,"y"] to be a list of valid ids"#),
            (params.integer("c").map(drop), "Field c: expected 2.5 to be an integer"),
            (params.time("d").map(drop), r#"Field d: expected "soon" to be an ISO 8601 date"#),
            (params.code("e", &[0, 1]).map(drop), "Field e: expected 7 to be one of [0, 1]"),
            (params.id("f").map(drop), "Field f: expected -1 to be a valid id"),
        ] {
            assert_eq!(result, Err(Fault::unprocessable(text)));
        }
    }

    #[test]
    fn the_fingerprint_forgets_order_and_page_token_only() {
        let base = form("a=1&b=2").fingerprint();
        assert_eq!(form("b=2&page_token=x&a=1").fingerprint(), base);
        assert_ne!(form("a=1&b=3").fingerprint(), base);
        assert_ne!(form("a=1&b=2&c=").fingerprint(), base);
    }
}
