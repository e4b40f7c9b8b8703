//! A list, cut out of the bytes of an answer without building a tree.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{error::Category, value::RawValue};

use super::failure::Failure;
use crate::json::scan;

/// A list as an answer holds it.
#[derive(Debug, PartialEq)]
pub(super) struct List {
    /// The text of the array.
    pub(super) items: Bytes,
    /// The token of the next page.
    pub(super) next: Option<String>,
}

/// Find the array under `key` and the token under `next`; a bare array has no next page.
///
/// # Errors
/// [`Failure::Incomplete`]: the answer is not JSON, or not a list.
pub(super) fn list(body: &Bytes, key: Option<&str>, next: Option<&str>) -> Result<List, Failure> {
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Ok(List { items: value(body)?, next: None });
    }
    let Some(key) = key else {
        return Err(Failure::Incomplete("the answer is not the list that the catalog names".into()));
    };
    if let Some(list) = scanned(body, key, next) {
        return Ok(list);
    }
    let mut found = Envelope { key, next, items: None, token: None };
    let mut json = serde_json::Deserializer::from_slice(body);
    json.deserialize_map(&mut found).and_then(|()| json.end()).map_err(|error| unreadable(&error))?;
    match found.items {
        Some(items) if items.get().starts_with('[') => {
            Ok(List { items: body.slice_ref(items.get().as_bytes()), next: found.token })
        }
        _ => Err(Failure::Incomplete(format!("the answer has no list under the key `{key}`"))),
    }
}

/// As [`list`], in the usual case: `None` is for `serde_json` to look at.
fn scanned(body: &Bytes, key: &str, next: Option<&str>) -> Option<List> {
    let (mut items, mut following) = (None, None);
    scan::members(body, |name, value| {
        if name == key {
            items = Some(value);
        } else if Some(name) == next {
            following = token(std::str::from_utf8(body.get(value)?).ok()?).ok()?;
        }
        Some(())
    })?;
    let items = items.filter(|items| body.get(items.start) == Some(&b'['))?;
    Some(List { items: body.slice(items), next: following })
}

/// The one JSON value of a body, without the white space around it.
///
/// # Errors
/// [`Failure::Incomplete`]: the body is not JSON.
pub(super) fn value(body: &Bytes) -> Result<Bytes, Failure> {
    if let Some(whole) = scan::whole(body) {
        return Ok(body.slice(whole));
    }
    let raw: &RawValue = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    Ok(body.slice_ref(raw.get().as_bytes()))
}

/// Says where, and nothing of what stands there.
fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::Incomplete(match error.classify() {
        Category::Data => "the answer is not an object with a list, as the catalog says".into(),
        _ => format!("the answer is not JSON (line {}, column {})", error.line(), error.column()),
    })
}

/// The items of an array that [`list`] found.
///
/// # Errors
/// [`Failure::Incomplete`]: not an array.
pub(super) fn items(array: &Bytes) -> Result<Vec<Bytes>, Failure> {
    let raw: Vec<&RawValue> =
        serde_json::from_slice(array).map_err(|_| Failure::Incomplete("the answer's list is not an array".into()))?;
    Ok(raw.into_iter().map(|item| array.slice_ref(item.get().as_bytes())).collect())
}

/// The value of one key of an object; `None` if it is no object or has no such key.
pub(super) fn member<'j>(object: &'j [u8], key: &str) -> Option<&'j RawValue> {
    let mut found = Envelope { key, next: None, items: None, token: None };
    serde_json::Deserializer::from_slice(object).deserialize_map(&mut found).ok()?;
    found.items
}

/// What to look for in an envelope, and what was found.
struct Envelope<'k, 'de> {
    key: &'k str,
    next: Option<&'k str>,
    items: Option<&'de RawValue>,
    token: Option<String>,
}

impl<'de> Visitor<'de> for &mut Envelope<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Field { key: self.key, next: self.next })? {
            match field {
                Found::Items => self.items = Some(map.next_value()?),
                Found::Next => self.token = token(map.next_value::<&RawValue>()?.get()).map_err(A::Error::custom)?,
                Found::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A token is a text or a number; `null` and the empty text end the list.
fn token(json: &str) -> Result<Option<String>, &'static str> {
    match json.as_bytes() {
        b"null" | b"\"\"" => Ok(None),
        [b'"', ..] => serde_json::from_str(json).map(Some).map_err(|_| "the next token is no text"),
        [b'-' | b'0'..=b'9', ..] => Ok(Some(json.to_owned())),
        _ => Err("the next token is neither text nor number"),
    }
}

/// Compares a key in place, so that no key is copied.
struct Field<'k> {
    key: &'k str,
    next: Option<&'k str>,
}

enum Found {
    Items,
    Next,
    Other,
}

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = Found;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Field<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Found, E> {
        Ok(match key {
            key if key == self.key => Found::Items,
            key if Some(key) == self.next => Found::Next,
            _ => Found::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Result<(String, Option<String>), Failure> {
        let list = list(&Bytes::copy_from_slice(text.as_bytes()), Some("persons"), Some("next"))?;
        Ok((String::from_utf8(list.items.to_vec()).unwrap(), list.next))
    }

    #[test]
    fn the_array_and_the_token_are_found_wherever_they_stand() {
        for (text, items, next) in [
            (r#"{"persons":[1, {"a":[]}],"next":"t"}"#, r#"[1, {"a":[]}]"#, Some("t")),
            (r#" {"next":null,"x":{"persons":[9]},"persons" : [] } "#, "[]", None),
            (r#"{"persons":[],"next":""}"#, "[]", None),
            (r#"{"persons":[],"next":42}"#, "[]", Some("42")),
            (r#"{"p\u0065rsons":["\u00e9"],"next":"a\"b"}"#, r#"["\u00e9"]"#, Some("a\"b")),
            (r#"{"persons":[]}"#, "[]", None),
            (" [1,2]\n", "[1,2]", None),
        ] {
            assert_eq!(cut(text).unwrap(), (items.into(), next.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_list() {
        for text in [
            "",
            "null",
            "{}",
            r#"{"persons":{}}"#,
            r#"{"persons":null}"#,
            "[1",
            r#"{"persons":[],"next":{}}"#,
            "<html>",
        ] {
            assert!(matches!(cut(text), Err(Failure::Incomplete(_))), "{text}");
        }
        assert!(matches!(list(&Bytes::from_static(b"{\"a\":[]}"), None, None), Err(Failure::Incomplete(_))));
        assert!(matches!(value(&Bytes::from_static(b"\"\xff\"")), Err(Failure::Incomplete(_))));
    }

    #[test]
    fn items_are_slices_of_the_answer() {
        let array = Bytes::from_static(br#"[ {"a": 1} , "b",[] ]"#);
        assert_eq!(items(&array).unwrap(), [&br#"{"a": 1}"#[..], b"\"b\"", b"[]"]);
    }
}
