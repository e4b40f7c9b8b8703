//! Arguments that stand in a path: each fills one segment, whatever it holds.

use serde_json::Value;

use super::misfit::found;

/// Why this value cannot be a segment; `None` if it can. Percent-encoding does the rest: it cannot make `..` harmless.
pub(super) fn problem(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) if number.is_u64() => None,
        Value::String(text) if !matches!(text.as_str(), "" | "." | "..") => None,
        Value::Number(_) => Some(format!("expected an integer from 0, found {}", found(value))),
        _ => Some(format!("expected an id that is not empty, `.` or `..`, found {}", found(value))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_fills_one_segment_passes() {
        for value in [json!(0), json!(u64::MAX), json!("a/../b"), json!("...")] {
            assert_eq!(problem(&value), None, "{value}");
        }
        for value in [json!(-1), json!(1.5), json!(""), json!("."), json!(".."), json!(null), json!([1]), json!(true)] {
            assert!(problem(&value).is_some(), "{value}");
        }
    }
}
