//! `$ref` within one schema: JSON pointers (RFC 6901) and anchors.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What a reference (`#/$defs/date`, `#anchor`) stands for.
pub(crate) fn lookup<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let fragment = percent_decode_str(reference.strip_prefix('#')?).decode_utf8().ok()?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(&fragment);
    }
    let mut left = vec![root];
    while let Some(value) = left.pop() {
        if value.get("$anchor").and_then(Value::as_str) == Some(&*fragment) {
            return Some(value);
        }
        left.extend(children(value));
    }
    None
}

/// Can one come back to `reference` by following the references below it?
pub(super) fn is_circular(root: &Value, reference: &str) -> bool {
    let mut seen = HashSet::new();
    let mut left: Vec<&Value> = lookup(root, reference).into_iter().collect();
    while let Some(value) = left.pop() {
        if let Some(next) = value.get("$ref").and_then(Value::as_str) {
            if next == reference {
                return true;
            }
            if seen.insert(next) {
                left.extend(lookup(root, next));
            }
        }
        left.extend(children(value));
    }
    false
}

/// The schema of an argument as a piece of the tool's: its references then begin at `prefix`.
pub(crate) fn under(prefix: &str, schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let moved = |(key, value): (&String, &Value)| match value {
                Value::String(text) if key == "$ref" => {
                    (key.clone(), format!("#{prefix}{}", text.strip_prefix('#').unwrap_or(text)).into())
                }
                value => (key.clone(), under(prefix, value)),
            };
            Value::Object(map.iter().map(moved).collect())
        }
        Value::Array(items) => items.iter().map(|item| under(prefix, item)).collect(),
        other => other.clone(),
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Object(map) => Box::new(map.values()),
        Value::Array(items) => Box::new(items.iter()),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_pointers_or_anchors() {
        let root = json!({"$defs": {"a/b": {"$anchor": "x", "type": "string"}}});
        let found = json!({"$anchor": "x", "type": "string"});
        for reference in ["#/$defs/a~1b", "#/%24defs/a~1b", "#x"] {
            assert_eq!(lookup(&root, reference), Some(&found), "{reference}");
        }
        assert_eq!(lookup(&root, "#/$defs/c"), None);
    }

    #[test]
    fn circles_are_found_however_long() {
        let root = json!({"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}, "c": {}}});
        assert!(is_circular(&root, "#/$defs/a") && is_circular(&root, "#/$defs/b"));
        assert!(!is_circular(&root, "#/$defs/c"));
        assert!(is_circular(&json!({"items": {"$ref": "#"}}), "#"));
    }

    #[test]
    fn references_move_with_their_schema() {
        let moved = under("/properties/a", &json!({"$ref": "#/$defs/x", "allOf": [{"$ref": "#"}]}));
        assert_eq!(moved, json!({"$ref": "#/properties/a/$defs/x", "allOf": [{"$ref": "#/properties/a"}]}));
    }
}
