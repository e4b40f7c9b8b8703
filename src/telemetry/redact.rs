//! What `telemetry.capture` tells of arguments and results: masked by field name and cut to a bounded size.

use serde_json::Value;

use crate::outcome::{Block, Content};
use crate::server::glob::Glob;

/// Longest text that is told, in bytes.
const LONGEST: usize = 4 << 10;

/// Longest text that is even parsed: what is larger is not worth the time of a call.
const LONGEST_READ: usize = 256 << 10;

/// What stands in place of a value.
const MASK: &str = "***";

/// Fields that are masked unless `telemetry.redact` says otherwise: credentials, and what people wrote or can be
/// reached by.
pub const DEFAULT: [&str; 16] = [
    "*token*",
    "*secret*",
    "*password*",
    "*key*",
    "*authorization*",
    "*email*",
    "*phone*",
    "content",
    "subject",
    "body",
    "*note*",
    "*text*",
    "html_*",
    "*address*",
    "file*",
    "value",
];

/// What is captured, and which fields of it are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Tell the arguments.
    pub arguments: bool,
    /// Tell the results.
    pub results: bool,
    /// Names of fields whose values are masked.
    pub redact: Vec<Glob>,
}

impl Default for Capture {
    fn default() -> Self {
        let redact = DEFAULT.iter().filter_map(|pattern| Glob::new(pattern).ok()).collect();
        Self { arguments: false, results: false, redact }
    }
}

impl Capture {
    /// The arguments of a call as they may be told.
    #[must_use]
    pub fn arguments(&self, raw: Option<&str>) -> Option<String> {
        raw.filter(|_| self.arguments).map(|text| self.told(text.as_bytes()))
    }

    /// The result of a call as it may be told; of content that is not JSON only its kind.
    #[must_use]
    pub fn result(&self, content: &Content) -> Option<String> {
        self.results.then(|| match content {
            Content::Json(json) | Content::Blocks { structured: Some(json), .. } => self.told(json),
            Content::List(list) => self.told(&list.json()),
            Content::Blocks { blocks, .. } => {
                let kinds: Vec<&str> = blocks.iter().map(kind).collect();
                format!("[{}]", kinds.join(", "))
            }
        })
    }

    fn told(&self, json: &[u8]) -> String {
        if json.len() > LONGEST_READ {
            return format!("({} bytes, too large to be captured)", json.len());
        }
        // What cannot be read cannot be masked.
        let Ok(mut value) = serde_json::from_slice::<Value>(json) else { return "(not JSON)".into() };
        self.mask(&mut value);
        let mut text = value.to_string();
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push('…');
        }
        text
    }

    fn mask(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if self.redact.iter().any(|glob| glob.matches(name)) {
                        *member = MASK.into();
                    } else {
                        self.mask(member);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask(item)),
            _ => {}
        }
    }
}

fn kind(block: &Block) -> &'static str {
    match block {
        Block::Text(_) => "text",
        Block::Image { .. } => "image",
        Block::Audio { .. } => "audio",
        Block::Resource { .. } => "resource",
        Block::Link { .. } => "resource_link",
        Block::Verbatim(_) => "verbatim",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture() -> Capture {
        Capture { arguments: true, results: true, ..Capture::default() }
    }

    #[test]
    fn nothing_is_told_unless_it_is_asked_for() {
        let off = Capture::default();
        assert_eq!(off.arguments(Some("{}")), None);
        assert_eq!(off.result(&Content::Json("{}".into())), None);
    }

    #[test]
    fn fields_are_masked_at_every_depth_and_whatever_they_hold() {
        let text = r#"{"id":7,"emails":["a@b"],"person":{"primary_email":"a@b","first_name":"Ann"},"notes":[{"content":"x"}],"list":[{"Content":{"deep":"x"},"ok":true}]}"#;
        let expected = r#"{"id":7,"emails":"***","person":{"primary_email":"***","first_name":"Ann"},"notes":"***","list":[{"Content":"***","ok":true}]}"#;
        assert_eq!(capture().arguments(Some(text)).unwrap(), expected);
        assert_eq!(capture().result(&Content::Json(text.into())).unwrap(), expected);
    }

    #[test]
    fn what_is_told_is_bounded_and_never_cut_before_it_is_masked() {
        let long = format!(r#"{{"a":"{}","secret":"s3cret"}}"#, "é".repeat(LONGEST));
        let told = capture().arguments(Some(&long)).unwrap();
        assert!(told.len() <= LONGEST + 4 && told.ends_with('…'));
        let huge = format!(r#"{{"secret":"{}"}}"#, "s".repeat(LONGEST_READ));
        assert!(!capture().arguments(Some(&huge)).unwrap().contains("ss"));
        assert_eq!(capture().arguments(Some("{\"secret\":\"s3cret")).unwrap(), "(not JSON)");
    }
}
