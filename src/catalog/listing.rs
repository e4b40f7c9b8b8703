//! A tool's entry in `tools/list` (MCP 2026-07-28 `server/tools`, "Tool"). A model reads every byte of it.

use serde_json::{Map, Value, json};

use super::{
    annotations::Annotations,
    arguments::declaration::{Declaration, Fallback},
    constraint::Constraint,
    paging::Style,
    schema,
};

/// What an entry is made of.
pub(crate) struct Entry<'e> {
    /// The tool's name.
    pub(crate) name: &'e str,
    /// Its title.
    pub(crate) title: &'e str,
    /// Its description, constraints included.
    pub(crate) description: &'e str,
    /// The schema of its arguments.
    pub(crate) schema: &'e Value,
    /// Its hints.
    pub(crate) annotations: Annotations,
}

impl Entry<'_> {
    /// The compact JSON text.
    pub(crate) fn text(&self) -> String {
        json!({
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.schema,
            "annotations": self.annotations.json(),
        })
        .to_string()
    }
}

/// The schema of all arguments: those of the catalog in its order, then those of paging.
///
/// `is_required` decides for arguments that the catalog does not call required (those in the path are).
pub(crate) fn input_schema(
    declared: &[Declaration<'_>],
    style: Option<&Style>,
    is_required: impl Fn(&Declaration<'_>) -> bool,
) -> Option<Value> {
    let mut properties = Map::new();
    for argument in declared {
        // `~` and `/` would change the meaning of a JSON pointer (RFC 6901).
        let place = format!("/properties/{}", argument.name.replace('~', "~0").replace('/', "~1"));
        let mut schema = schema::under(&place, argument.schema.as_ref()?);
        if let (Some((_, Fallback::Literal(value))), Value::Object(keywords)) = (&argument.fallback, &mut schema) {
            keywords.entry("default").or_insert_with(|| value.clone());
        }
        properties.insert(argument.name.to_owned(), schema);
    }
    if let Some(style) = style {
        style.describe(&mut properties);
    }
    let required: Vec<&str> = declared
        .iter()
        .filter(|argument| argument.required || is_required(argument))
        .map(|argument| argument.name)
        .collect();
    let mut schema = Map::from_iter([("type".to_owned(), json!("object"))]);
    // Legal to leave out where empty, but some model APIs refuse a tool without it.
    schema.insert("properties".to_owned(), properties.into());
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    Some(schema.into())
}

/// The catalog's description and a sentence for every constraint.
pub(crate) fn description(text: &str, constraints: &[Constraint]) -> String {
    let mut description = text.trim().to_owned();
    for sentence in constraints.iter().filter_map(Constraint::sentence) {
        description.push(' ');
        description.push_str(&sentence);
    }
    description
}
