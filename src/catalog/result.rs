//! The `result` and `fan_out` of a method: what the upstream's answer is.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    arguments::declaration::{self, Declaration},
    tool::{FanOut, Items, Shape},
};
use crate::document::{At, Value};

#[derive(Clone, Copy)]
enum Word {
    Object,
    List,
    Deleted,
}

/// What the answer is.
pub(crate) fn shape(at: &At<'_>, declared: &[Declaration<'_>]) -> Option<Shape> {
    if !matches!(at.value(), Value::Mapping(_)) {
        let words = [("object", Word::Object), ("list", Word::List), ("deleted", Word::Deleted)];
        return at.word(&words).map(|word| match word {
            Word::Object => Shape::Object,
            Word::List => Shape::List { items: Items::Whole },
            Word::Deleted => Shape::Deleted,
        });
    }
    let mut fields = at.fields()?;
    let (list, binary) = (fields.get("list"), fields.get("binary"));
    fields.finish();
    match (list, binary) {
        (Some(list), None) => items(&list, declared).map(|items| Shape::List { items }),
        (None, Some(binary)) => {
            let mut fields = binary.fields()?;
            let inline = fields.require("inline").and_then(|at| at.size());
            fields.finish();
            inline.map(|inline_limit| Shape::Binary { inline_limit })
        }
        _ => {
            at.fault("expected either `list` or `binary`");
            None
        }
    }
}

fn items(at: &At<'_>, declared: &[Declaration<'_>]) -> Option<Items> {
    if !matches!(at.value(), Value::Mapping(_)) {
        return at.text().map(|key| Items::Key(key.into()));
    }
    let mut fields = at.fields()?;
    let argument = fields.require("by").and_then(|at| declaration::find(&at, declared));
    let keys = fields.require("keys").and_then(|at| at.entries());
    fields.finish();
    let key = |(value, at): (&str, At<'_>)| Some((value.to_owned(), at.text()?.to_owned()));
    let keys: BTreeMap<String, String> = keys?.into_iter().filter_map(key).collect();
    Some(Items::KeyBy { argument: argument?.name.into(), keys: Arc::new(keys) })
}

/// One request per value of an argument.
pub(crate) fn fan_out(at: &At<'_>, declared: &[Declaration<'_>]) -> Option<FanOut> {
    let mut fields = at.fields()?;
    let argument = fields.require("argument").and_then(|at| declaration::find(&at, declared));
    let values = fields.require("values").and_then(|at| {
        let items = at.items()?;
        if items.is_empty() {
            at.fault("expected at least one value");
        }
        Some(items)
    });
    let newest_first = fields.require("newest_first").and_then(|at| at.text());
    fields.finish();
    let argument = argument?;
    if argument.required || argument.fallback.is_some() {
        at.fault(format!("`{}` is never left out, so nothing fans out", argument.name));
    }
    let value = |at: &At<'_>| declaration::value(argument.name, at, declared).map(|(_, value)| value);
    Some(FanOut {
        argument: argument.name.to_owned(),
        values: values?.iter().filter_map(value).collect(),
        newest_first: newest_first?.to_owned(),
    })
}
