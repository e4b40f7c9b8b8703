//! The keywords of JSON Schema 2020-12 and where schemas stand in them.

use serde_json::Value;

/// The dialect (MCP 2026-07-28 `basic`, "JSON Schema Usage").
pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Keywords that say something to readers and nothing to whoever checks values.
const SAID: [&str; 3] = ["description", "title", "$comment"];

/// What a keyword holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subschemas {
    /// Data.
    None,
    /// A schema.
    One,
    /// A list of schemas.
    List,
    /// Schemas under free names.
    Named,
    /// A word about the whole document.
    Document,
}

const KEYWORDS: [(&str, Subschemas); 58] = {
    use Subschemas::{Document, List, Named, None, One};
    [
        ("type", None),
        ("description", None),
        ("title", None),
        ("default", None),
        ("examples", None),
        ("enum", None),
        ("const", None),
        ("format", None),
        ("minimum", None),
        ("maximum", None),
        ("exclusiveMinimum", None),
        ("exclusiveMaximum", None),
        ("multipleOf", None),
        ("minLength", None),
        ("maxLength", None),
        ("pattern", None),
        ("minItems", None),
        ("maxItems", None),
        ("uniqueItems", None),
        ("minContains", None),
        ("maxContains", None),
        ("minProperties", None),
        ("maxProperties", None),
        ("required", None),
        ("dependentRequired", None),
        ("contentEncoding", None),
        ("contentMediaType", None),
        ("deprecated", None),
        ("readOnly", None),
        ("writeOnly", None),
        ("$comment", None),
        ("$ref", None),
        ("items", One),
        ("contains", One),
        ("additionalProperties", One),
        ("propertyNames", One),
        ("unevaluatedItems", One),
        ("unevaluatedProperties", One),
        ("contentSchema", One),
        ("not", One),
        ("if", One),
        ("then", One),
        ("else", One),
        ("allOf", List),
        ("anyOf", List),
        ("oneOf", List),
        ("prefixItems", List),
        ("properties", Named),
        ("patternProperties", Named),
        ("dependentSchemas", Named),
        ("$defs", Named),
        ("definitions", Named),
        ("$schema", Document),
        ("$id", Document),
        ("$anchor", Document),
        ("$dynamicRef", Document),
        ("$dynamicAnchor", Document),
        ("$vocabulary", Document),
    ]
};

/// What a keyword holds; `None` for a word that is no keyword.
pub(super) fn subschemas(keyword: &str) -> Option<Subschemas> {
    KEYWORDS.iter().find(|(word, _)| *word == keyword).map(|(_, holds)| *holds)
}

/// The schema without what it says to readers alone, so that schemas which take the same are the same.
pub(crate) fn bare(schema: &Value) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    let named = |(name, schema): (&String, &Value)| (name.clone(), bare(schema));
    let each = |(keyword, value): (&String, &Value)| {
        let value = match (subschemas(keyword), value) {
            (Some(Subschemas::One), value) => bare(value),
            (Some(Subschemas::List), Value::Array(schemas)) => schemas.iter().map(bare).collect(),
            (Some(Subschemas::Named), Value::Object(schemas)) => Value::Object(schemas.iter().map(named).collect()),
            _ => value.clone(),
        };
        (keyword.clone(), value)
    };
    let is_said = |(keyword, value): &(&String, &Value)| !(SAID.contains(&keyword.as_str()) && value.is_string());
    Value::Object(keywords.iter().filter(is_said).map(each).collect())
}

/// The keywords that the schema of an argument may have.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().filter(|(_, holds)| *holds != Subschemas::Document).map(|(word, _)| *word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bare_schema_says_nothing_to_readers_and_still_takes_the_same() {
        let schema = json!({
            "type": "object",
            "title": "A note",
            "properties": {"title": {"type": "string", "description": "Of the note", "default": "x"}, "description": {}},
            "items": {"anyOf": [{"title": "one", "const": {"title": "kept"}}, true], "$comment": "none"},
            "x-own": {"title": "kept"},
        });
        let expected = json!({
            "type": "object",
            "properties": {"title": {"type": "string", "default": "x"}, "description": {}},
            "items": {"anyOf": [{"const": {"title": "kept"}}, true]},
            "x-own": {"title": "kept"},
        });
        assert_eq!(bare(&schema), expected);
    }
}
