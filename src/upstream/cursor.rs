//! Cursors: opaque to agents, bound to the tool and to all other arguments of the call they came from.
//!
//! A cursor is base64url of a JSON object: where to go on, a hash that binds it, and the values of arguments that
//! depend on the time of the first call, so that all pages are of one and the same list.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::page::NEXT_CURSOR;
use crate::catalog::arguments::Checked;

/// Bytes of the binding hash: it finds slips, it is no signature.
const BINDING: usize = 9;

#[derive(Serialize, Deserialize)]
struct Cursor<S> {
    #[serde(rename = "h")]
    binding: String,
    #[serde(rename = "t", default, skip_serializing_if = "Map::is_empty")]
    timed: Map<String, Value>,
    #[serde(rename = "p")]
    state: S,
}

/// The arguments of a paged call, and what its cursors are bound to.
pub(super) struct Paged<'t> {
    tool: &'t str,
    timed: &'t [String],
    /// The arguments but the cursor; those that depend on time as the first call had them.
    pub(super) values: &'t Map<String, Value>,
}

impl<'t> Paged<'t> {
    /// Take the cursor out of the arguments: where to go on, if there is one.
    ///
    /// # Errors
    /// The cursor is malformed, or of another call.
    pub(super) fn open<S: DeserializeOwned>(
        tool: &'t str,
        arguments: &'t mut Checked,
    ) -> Result<(Self, Option<S>), Failure> {
        let Checked { values, timed } = arguments;
        let text = match values.shift_remove(NEXT_CURSOR) {
            None | Some(Value::Null) => return Ok((Self { tool, timed, values }, None)),
            Some(Value::String(text)) => text,
            Some(_) => return Err(foreign()),
        };
        let json = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| foreign())?;
        let cursor: Cursor<S> = serde_json::from_slice(&json).map_err(|_| foreign())?;
        if cursor.binding != binding(tool, timed, values) || !cursor.timed.keys().all(|name| timed.contains(name)) {
            return Err(foreign());
        }
        for (name, value) in cursor.timed {
            if !value.is_string() {
                return Err(foreign());
            }
            values.insert(name, value);
        }
        Ok((Self { tool, timed, values }, Some(cursor.state)))
    }

    /// A cursor that goes on here.
    ///
    /// # Errors
    /// A bug: the state is no JSON.
    pub(super) fn cursor<S: Serialize>(&self, state: S) -> Result<String, Failure> {
        let timed = self.timed.iter().filter_map(|name| Some((name.clone(), self.values.get(name)?.clone())));
        let cursor = Cursor { binding: binding(self.tool, self.timed, self.values), timed: timed.collect(), state };
        let json = serde_json::to_vec(&cursor).map_err(|error| Failure::Bug(format!("no cursor: {error}")))?;
        Ok(URL_SAFE_NO_PAD.encode(json))
    }
}

/// What a cursor is bound to.
fn binding(tool: &str, timed: &[String], values: &Map<String, Value>) -> String {
    let mut hash = Sha256::new();
    hash.update(tool);
    members(&mut hash, values.iter().filter(|(name, _)| !timed.contains(name)));
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..BINDING])
}

/// The one answer to a cursor that cannot be used.
pub(super) fn foreign() -> Failure {
    Failure::misfit(
        NEXT_CURSOR,
        "this cursor does not belong to this call: repeat the call with exactly the same other arguments, or leave \
         next_cursor out to begin again",
    )
}

/// Members in the order of their keys: the order in which a caller wrote them means nothing.
fn members<'v>(hash: &mut Sha256, members: impl Iterator<Item = (&'v String, &'v Value)>) {
    let mut sorted: Vec<_> = members.collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in sorted {
        hash.update(Value::from(key.as_str()).to_string());
        feed(hash, value);
    }
}

fn feed(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(object) => {
            hash.update("{");
            members(hash, object.iter());
            hash.update("}");
        }
        Value::Array(items) => {
            hash.update("[");
            for item in items {
                feed(hash, item);
            }
            hash.update("]");
        }
        // Followed by a comma, so that 1 and 2 are not 12.
        plain => hash.update(format!("{plain},")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::upstream::tests::support::object;

    fn checked(values: Value) -> Checked {
        Checked { values: object(values), timed: vec!["end_time".into()] }
    }

    fn open<'t>(tool: &'t str, arguments: &'t mut Checked) -> Result<(Paged<'t>, Option<String>), Failure> {
        Paged::open(tool, arguments)
    }

    fn cursor() -> String {
        let mut arguments = checked(json!({"a": 1, "b": {"x": 1, "y": 2}, "end_time": "then"}));
        let (paged, state) = open("list_a", &mut arguments).unwrap();
        assert_eq!(state, None);
        paged.cursor("token").unwrap()
    }

    #[test]
    fn a_cursor_goes_on_with_the_times_of_the_first_call() {
        let again = json!({"end_time": "now", "b": {"y": 2, "x": 1}, "a": 1, "next_cursor": cursor()});
        let mut arguments = checked(again);
        let (paged, state) = open("list_a", &mut arguments).unwrap();
        assert_eq!(state.as_deref(), Some("token"));
        assert_eq!(Value::from(paged.values.clone()), json!({"end_time": "then", "b": {"y": 2, "x": 1}, "a": 1}));
        assert_eq!(paged.cursor("token").unwrap(), cursor());
    }

    #[test]
    fn a_cursor_of_another_call_is_refused_with_what_to_do() {
        let b = json!({"x": 1, "y": 2});
        for (tool, values) in [
            ("list_b", json!({"a": 1, "b": b, "next_cursor": cursor()})),
            ("list_a", json!({"a": 2, "b": b, "next_cursor": cursor()})),
            ("list_a", json!({"a": 1, "b": {"x": 12}, "next_cursor": cursor()})),
            ("list_a", json!({"a": 1, "b": b, "c": null, "next_cursor": cursor()})),
            ("list_a", json!({"a": 1, "b": b, "next_cursor": "not a cursor"})),
            ("list_a", json!({"a": 1, "b": b, "next_cursor": URL_SAFE_NO_PAD.encode("{}")})),
            ("list_a", json!({"a": 1, "b": b, "next_cursor": 7})),
        ] {
            match open(tool, &mut checked(values.clone())) {
                Err(Failure::Misfit(misfit)) => {
                    assert_eq!(misfit.argument, "next_cursor");
                    assert!(misfit.problem.contains("exactly the same other arguments"));
                }
                _ => panic!("{values}"),
            }
        }
    }

    #[test]
    fn a_caller_who_names_a_time_that_was_a_default_before_is_told_so() {
        let values = object(json!({"a": 1, "b": {"x": 1, "y": 2}, "end_time": "then", "next_cursor": cursor()}));
        let mut arguments = Checked { values, timed: Vec::new() };
        assert!(matches!(open("list_a", &mut arguments), Err(Failure::Misfit(_))));
    }
}
