//! Pages of an upstream list: how one is asked for, and where the next one begins.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cut::{self, List};
use super::errand::Errand;
use super::failure::Failure;
use super::split::Parameter;
use super::text::scalar;
use crate::catalog::tool::{Items, Paging};

/// The argument that bounds a page.
pub(super) const LIMIT: &str = "limit";
/// The argument that continues a list.
pub(super) const NEXT_CURSOR: &str = "next_cursor";

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Position {
    /// At the upstream's own token.
    Token(String),
    /// After the item with these values, by upstream parameter.
    After(BTreeMap<String, String>),
}

impl Position {
    /// Can this be a position of lists paged in this way?
    pub(super) fn suits(&self, paging: &Paging) -> bool {
        match (self, paging) {
            (Self::Token(_), Paging::Token { .. }) => true,
            // Exactly the catalog's parameters: a forged cursor must not add others to the query.
            (Self::After(values), Paging::Keyset { after, .. }) => values.keys().eq(after.keys()),
            _ => false,
        }
    }
}

/// The items of one page, and where the next one begins.
#[derive(Debug)]
pub(super) struct Page {
    /// The text of the array.
    pub(super) items: Bytes,
    /// Where the next page begins.
    pub(super) next: Option<Position>,
}

/// Fetch the page at `position`, or the first.
///
/// # Errors
/// How the upstream failed to give a page.
#[expect(clippy::manual_async_fn, reason = "an `async fn` would have room for its arguments twice")]
pub(super) fn fetch(
    errand: &Errand<'_>,
    items: &Items,
    values: &Map<String, Value>,
    position: Option<&Position>,
) -> impl Future<Output = Result<Page, Failure>> + Send {
    async move {
        let paging = &errand.rest.paging;
        let reply = errand.fetch(values, &query(paging, values, position)).await?;
        let token = match paging {
            Paging::Token { next, .. } => Some(next.as_str()),
            _ => None,
        };
        let list = cut::list(&reply.body, key(items, values)?, token)?;
        let next = match paging {
            Paging::None => None,
            Paging::Token { .. } => list.next.map(Position::Token),
            Paging::Keyset { when, after, .. } => after_last(&list, when, after, values)?,
        };
        if next.is_some() && next.as_ref() == position {
            return Err(Failure::Incomplete("the answer names itself as the next page".into()));
        }
        Ok(Page { items: list.items, next })
    }
}

/// The number of items that the caller asked for.
pub(super) fn limit(values: &Map<String, Value>) -> Option<u64> {
    values.get(LIMIT).and_then(Value::as_u64)
}

fn query<'a>(paging: &'a Paging, values: &Map<String, Value>, position: Option<&'a Position>) -> Vec<Parameter<'a>> {
    let number = |limit: u64| Cow::Owned(limit.to_string());
    let mut parameters: Vec<Parameter<'a>> = Vec::new();
    match paging {
        Paging::None => {}
        Paging::Token { size, token, default, .. } => {
            parameters.push((size, number(limit(values).unwrap_or(*default))));
            if let Some(Position::Token(text)) = position {
                parameters.push((token, Cow::Borrowed(text)));
            }
        }
        Paging::Keyset { size, .. } => {
            parameters.extend(limit(values).map(|limit| (size.as_str(), number(limit))));
            if let Some(Position::After(values)) = position {
                parameters.extend(values.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str()))));
            }
        }
    }
    parameters
}

/// The key of the items in the answer; `None` where the answer is the array.
fn key<'i>(items: &'i Items, values: &Map<String, Value>) -> Result<Option<&'i str>, Failure> {
    match items {
        Items::Whole => Ok(None),
        Items::Key(key) => Ok(Some(key)),
        Items::KeyBy { argument, keys } => {
            let value = values.get(argument).unwrap_or(&Value::Null).to_string();
            let key = keys.get(&value).ok_or_else(|| Failure::Bug(format!("no list key for {argument} {value}")))?;
            Ok(Some(key))
        }
    }
}

/// The position after the last item of a full page. Where nobody named a size, any page but an empty one may be full.
fn after_last(
    list: &List,
    when: &BTreeMap<String, Value>,
    after: &BTreeMap<String, String>,
    values: &Map<String, Value>,
) -> Result<Option<Position>, Failure> {
    if !when.iter().all(|(argument, value)| values.get(argument) == Some(value)) {
        return Ok(None);
    }
    let items = cut::items(&list.items)?;
    let full = limit(values).map_or(!items.is_empty(), |limit| items.len() as u64 >= limit);
    let Some(final_item) = items.last().filter(|_| full) else { return Ok(None) };
    let final_item: Value = serde_json::from_slice(final_item).unwrap_or_default();
    let value = |key: &String| final_item.get(key).and_then(scalar).map(Cow::into_owned);
    let values = after.iter().map(|(parameter, key)| Some((parameter.clone(), value(key)?)));
    match values.collect::<Option<_>>() {
        Some(values) => Ok(Some(Position::After(values))),
        None => {
            Err(Failure::Incomplete("the last item of the page lacks a key that the next page begins after".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::upstream::tests::support::object;

    fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    fn keyset() -> Paging {
        Paging::Keyset {
            size: "limit".into(),
            when: BTreeMap::from([("order_by".into(), json!("asc"))]),
            after: texts(&[("changed_after", "changed_at"), ("after_id", "id")]),
        }
    }

    fn next(arguments: Value, items: &'static str) -> Option<Position> {
        let Paging::Keyset { when, after, .. } = keyset() else { unreachable!() };
        let list = List { items: Bytes::from_static(items.as_bytes()), next: None };
        after_last(&list, &when, &after, &object(arguments)).unwrap()
    }

    #[test]
    fn a_full_keyset_page_continues_after_its_last_item() {
        const TWO: &str = r#"[{"id":1,"changed_at":"a"},{"id":2,"changed_at":"b"}]"#;
        let position = Some(Position::After(texts(&[("changed_after", "b"), ("after_id", "2")])));
        for (arguments, expected) in [
            (json!({"order_by": "asc", "limit": 2}), position.clone()),
            (json!({"order_by": "asc", "limit": 3}), None),
            (json!({"order_by": "asc"}), position.clone()),
            (json!({"order_by": "desc", "limit": 2}), None),
            (json!({"limit": 2}), None),
        ] {
            assert_eq!(next(arguments.clone(), TWO), expected, "{arguments}");
        }
        assert_eq!(next(json!({"order_by": "asc"}), "[]"), None);
    }

    #[test]
    fn a_position_suits_only_the_paging_it_came_from() {
        let token = Paging::Token { size: "s".into(), token: "t".into(), next: "n".into(), default: 5 };
        let after = |pairs| Position::After(texts(pairs));
        for (position, paging, expected) in [
            (Position::Token("x".into()), &token, true),
            (Position::Token("x".into()), &keyset(), false),
            (after(&[("after_id", "1"), ("changed_after", "b")]), &keyset(), true),
            (after(&[("after_id", "1"), ("changed_after", "b"), ("term", "c")]), &keyset(), false),
            (after(&[]), &token, false),
        ] {
            assert_eq!(position.suits(paging), expected, "{position:?}");
        }
    }

    #[test]
    fn the_size_of_a_token_page_is_always_named() {
        let token = Paging::Token { size: "s".into(), token: "t".into(), next: "n".into(), default: 5 };
        let at = Position::Token("x".into());
        assert_eq!(query(&token, &Map::new(), None), [("s", "5".into())]);
        assert_eq!(query(&token, &object(json!({"limit": 2})), Some(&at)), [("s", "2".into()), ("t", "x".into())]);
        assert_eq!(query(&keyset(), &Map::new(), None), []);
    }
}
