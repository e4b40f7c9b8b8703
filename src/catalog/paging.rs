//! Paging styles: how `limit` and `next_cursor` become query parameters.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use super::tool::Paging;
use crate::document::At;

/// The argument for the page size.
pub(crate) const LIMIT: &str = "limit";

/// The argument for the cursor.
pub(crate) const NEXT_CURSOR: &str = "next_cursor";

/// A style of an integration or of one method.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// What the calls do.
    pub(crate) paging: Arc<Paging>,
    /// The largest `limit`.
    max: u64,
}

#[derive(Clone, Copy)]
enum Word {
    Token,
    Keyset,
}

impl Style {
    /// The style that is written out here.
    pub(crate) fn read(at: &At<'_>) -> Option<Self> {
        let mut fields = at.fields()?;
        let style = fields.require("style").and_then(|at| at.word(&[("token", Word::Token), ("keyset", Word::Keyset)]));
        let size = fields.require("size").and_then(|at| at.text());
        let max = fields.require("max").and_then(|at| at_least_one(&at));
        let paging = match style? {
            Word::Token => {
                let token = fields.require("token").and_then(|at| at.text());
                let next = fields.require("next").and_then(|at| at.text());
                let default = fields.require("default").and_then(|at| {
                    let default = at_least_one(&at)?;
                    if max.is_some_and(|max| default > max) {
                        at.fault("the default is larger than `max`");
                    }
                    Some(default)
                });
                fields.finish();
                Paging::Token {
                    size: size?.to_owned(),
                    token: token?.to_owned(),
                    next: next?.to_owned(),
                    default: default?,
                }
            }
            Word::Keyset => {
                let when = fields.get("when").and_then(|at| at.entries()).unwrap_or_default();
                let after = fields.require("after").and_then(|at| at.entries());
                fields.finish();
                let key = |(parameter, at): (&str, At<'_>)| Some((parameter.to_owned(), at.text()?.to_owned()));
                Paging::Keyset {
                    size: size?.to_owned(),
                    when: when.into_iter().map(|(name, at)| (name.to_owned(), at.json())).collect(),
                    after: after?.into_iter().filter_map(key).collect::<BTreeMap<_, _>>(),
                }
            }
        };
        Some(Self { paging: Arc::new(paging), max: max? })
    }

    /// The query parameters that paging writes itself and no argument can be.
    pub(crate) fn parameters(&self) -> Vec<&str> {
        match &*self.paging {
            Paging::None => Vec::new(),
            Paging::Token { size, token, .. } => vec![size, token],
            Paging::Keyset { size, .. } => vec![size],
        }
    }

    /// The arguments that a call must bear to be paged, each with its value.
    pub(crate) fn when(&self) -> impl Iterator<Item = (&str, &Value)> {
        let when = if let Paging::Keyset { when, .. } = &*self.paging { Some(when) } else { None };
        when.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    /// Adds the schemas of `limit` and `next_cursor`.
    pub(crate) fn describe(&self, properties: &mut Map<String, Value>) {
        let size = match &*self.paging {
            Paging::Token { default, .. } => format!("Page size, default {default}"),
            Paging::None | Paging::Keyset { .. } => "Page size".to_owned(),
        };
        let limit = json!({"type": "integer", "minimum": 1, "maximum": self.max, "description": size});
        let when: Vec<String> = self.when().map(|(name, value)| super::constraint::equation(name, value)).collect();
        let only = if when.is_empty() { String::new() } else { format!(", needs {}", when.join(" and ")) };
        let cursor = json!({"type": "string", "description": format!("From the previous page{only}")});
        properties.insert(LIMIT.to_owned(), limit);
        properties.insert(NEXT_CURSOR.to_owned(), cursor);
    }
}

fn at_least_one(at: &At<'_>) -> Option<u64> {
    let number = at.unsigned::<u64>()?;
    if number == 0 {
        at.fault("expected an integer from 1");
    }
    Some(number)
}
