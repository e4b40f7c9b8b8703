//! The keywords of JSON Schema 2020-12 and where schemas stand in them.

/// The dialect (MCP 2026-07-28 `basic`, "JSON Schema Usage").
pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

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

/// The keywords that the schema of an argument may have.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().filter(|(_, holds)| *holds != Subschemas::Document).map(|(word, _)| *word)
}
