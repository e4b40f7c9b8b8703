//! The arguments of a file: checked before a byte of it is sent.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::misfit::cut;
use crate::{catalog::tool::FilePart, refusal::Misfit};

/// Checks one argument of a file.
type Check = fn(&FileRules, &str) -> Result<(), String>;

/// What a file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileRules {
    /// Which arguments make it.
    pub(crate) part: FilePart,
    /// Smallest content in bytes.
    pub(crate) min: usize,
    /// Largest content in bytes.
    pub(crate) max: usize,
    /// Allowed extensions in lower case, without the dot; all if empty.
    pub(crate) extensions: Vec<String>,
    /// Allowed media types in lower case; all if empty.
    pub(crate) media_types: Vec<String>,
}

impl FileRules {
    /// Writes down what is wrong with the file's arguments; those left out are not its business.
    pub(super) fn check(&self, values: &Map<String, Value>, misfits: &mut Vec<Misfit>) {
        let checks: [(&String, Check); 3] = [
            (&self.part.name, Self::name),
            (&self.part.content, Self::content),
            (&self.part.media_type, Self::media_type),
        ];
        for (argument, check) in checks {
            let Some(text) = values.get(argument).and_then(Value::as_str) else { continue };
            if let Err(problem) = check(self, text) {
                misfits.push(Misfit { argument: argument.clone(), problem });
            }
        }
    }

    fn name(&self, name: &str) -> Result<(), String> {
        let is_bad = |c: char| c.is_control() || matches!(c, '"' | '/' | '\\');
        if name.trim().is_empty() || name.contains(is_bad) || name.len() > 255 {
            return Err(
                "expected a file name of at most 255 bytes without double quotes, slashes and control characters"
                    .into(),
            );
        }
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        if self.extensions.is_empty() || extension.is_some_and(|found| self.extensions.contains(&found)) {
            return Ok(());
        }
        Err(format!(
            "expected a file name that ends with one of .{}, found \"{}\"",
            self.extensions.join(", ."),
            cut(name)
        ))
    }

    fn media_type(&self, media_type: &str) -> Result<(), String> {
        if !is_media_type(media_type) {
            return Err(format!("expected a media type such as text/plain, found \"{}\"", cut(media_type)));
        }
        if self.media_types.is_empty() || self.media_types.contains(&media_type.to_ascii_lowercase()) {
            return Ok(());
        }
        Err(format!("expected one of {}, found \"{}\"", self.media_types.join(", "), cut(media_type)))
    }

    fn content(&self, content: &str) -> Result<(), String> {
        let Self { min, max, .. } = self;
        // Four letters are at most three bytes: what is far too large is not decoded.
        if content.len() / 4 > max / 3 + 1 {
            return Err(format!("expected at most {max} bytes, found about {}", content.len() / 4 * 3));
        }
        let size = STANDARD.decode(content).map_err(|error| {
            format!("expected base64 with the standard alphabet, padding and no line breaks: {}", reason(&error))
        })?;
        let size = size.len();
        if (*min..=*max).contains(&size) { Ok(()) } else { Err(format!("expected {min} to {max} bytes, found {size}")) }
    }
}

fn reason(error: &base64::DecodeError) -> String {
    match error {
        base64::DecodeError::InvalidByte(at, _) => format!("the character at {at} is not of it"),
        base64::DecodeError::InvalidLength(length) => format!("the length {length} cannot be"),
        base64::DecodeError::InvalidLastSymbol(..) => "the last character cannot be".to_owned(),
        base64::DecodeError::InvalidPadding => "the padding is wrong".to_owned(),
    }
}

/// `type/subtype` of RFC 6838 section 4.2, without parameters.
pub(crate) fn is_media_type(text: &str) -> bool {
    let letter = |c: u8| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c);
    let name = |name: &str| (1..=127).contains(&name.len()) && name.bytes().all(letter);
    text.split_once('/').is_some_and(|(kind, subtype)| name(kind) && name(subtype))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> FileRules {
        let [name, content, media_type] = ["name", "content", "media_type"].map(str::to_owned);
        FileRules {
            part: FilePart { part: "file".into(), name, content, media_type },
            min: 1,
            max: 6,
            extensions: vec!["txt".into(), "csv".into()],
            media_types: vec!["text/plain".into(), "application/vnd.x".into()],
        }
    }

    fn faults(name: &str, content: &str, media_type: &str) -> Vec<String> {
        let values = json!({"name": name, "content": content, "media_type": media_type});
        let mut misfits = Vec::new();
        rules().check(values.as_object().unwrap(), &mut misfits);
        misfits.into_iter().map(|misfit| format!("{}: {}", misfit.argument, misfit.problem)).collect()
    }

    #[test]
    fn a_file_within_the_rules_passes() {
        assert_eq!(faults("a.b.TXT", "YWJj", "Text/Plain"), Vec::<String>::new());
        assert_eq!(faults("a.csv", "YWJjZGVm", "application/vnd.X"), Vec::<String>::new());
    }

    #[test]
    fn names_cannot_break_out_of_their_header_or_folder() {
        for name in ["", " ", "a\".txt", "a\r\nX: y.txt", "../a.txt", "a\\b.txt", "a\0.txt"] {
            assert!(faults(name, "YWJj", "text/plain")[0].starts_with("name: expected a file name of"), "{name:?}");
        }
    }

    #[test]
    fn extension_media_type_encoding_and_size_are_named_all_at_once() {
        let found = faults("a.exe", "YWJj\nYWJj", "text/html");
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains(".txt, .csv") && found[1].contains("base64") && found[2].contains("text/plain, "));
    }

    #[test]
    fn content_is_strict_base64_of_an_allowed_size() {
        for content in ["", "YWJjZGVmZw==", "YWJjZGVmZ2hpamtsbW5v", "YWJ", "YW Jj", "_-8=", "YWK", "YWJj===="] {
            assert_eq!(faults("a.txt", content, "text/plain").len(), 1, "{content:?}");
        }
    }

    #[test]
    fn a_media_type_has_no_parameters_and_no_line_breaks() {
        for media_type in ["", "text", "text/", "/plain", "text/plain; charset=utf-8", "text/plain\r\nX: y"] {
            assert!(faults("a.txt", "YWJj", media_type)[0].starts_with("media_type: "), "{media_type:?}");
        }
    }
}
