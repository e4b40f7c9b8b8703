//! The file of API tokens: `name:sha256:<hex>` a line, empty lines and lines that begin with `#` left out.

use std::{collections::HashMap, sync::Arc};

use super::token::{self, TokenHash};
use crate::document::{Faults, Place, Sink};

/// API tokens by their hash, with the name that the log shows.
pub type ApiTokens = HashMap<TokenHash, Arc<str>>;

/// Read the text of such a file.
///
/// # Errors
/// Every line that does not fit, every name and every hash that stands twice.
pub fn parse(file: &str, text: &str) -> Result<ApiTokens, Faults> {
    let sink = Sink::new(file);
    let mut tokens = ApiTokens::new();
    let mut lines: HashMap<&str, usize> = HashMap::new();
    for (n, line) in text.lines().enumerate() {
        let (number, line) = (n + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |message: String| sink.fault(Some(Place { line: number, column: 1 }), "", message);
        // The line is not echoed: somebody may have written the token itself.
        let Some((name, hash)) = entry(line) else {
            fault(
                "expected `name:sha256:<64 hexadecimal digits>`, make one with `chaperone token new --name NAME`"
                    .into(),
            );
            continue;
        };
        if let Some(first) = lines.insert(name, number) {
            fault(format!("the name `{name}` also stands in line {first}, expected every name once"));
        }
        if let Some(other) = tokens.insert(hash, name.into()) {
            fault(format!("this is also the token of `{other}`, expected every token once"));
        }
    }
    sink.into_faults().into_result(tokens)
}

fn entry(line: &str) -> Option<(&str, TokenHash)> {
    let (name, rest) = line.split_once(':')?;
    let hex = rest.strip_prefix("sha256:")?;
    let name = name.trim();
    super::document::is_name(name).then_some(())?;
    Some((name, token::from_hex(hex.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_a_hash() {
        let hex = token::to_hex(&token::hash("s3cret"));
        let tokens = parse("t", &format!("# people\n\nalice:sha256:{hex}\n")).unwrap();
        assert_eq!(tokens.get(&token::hash("s3cret")).map(|name| &**name), Some("alice"));
    }

    #[test]
    fn all_faults_come_with_their_lines_and_no_token_is_echoed() {
        let (one, other) = (token::to_hex(&token::hash("one")), token::to_hex(&token::hash("other")));
        let text = format!("a:sha256:{one}\nhunter2\na:sha256:{other}\nb:sha256:{one}\nc:md5:{one}\n");
        let faults = parse("t", &text).unwrap_err().to_string();
        for line in
            ["t:2:1: expected", "t:3:1: the name `a` also", "t:4:1: this is also the token of `a`", "t:5:1: expected"]
        {
            assert!(faults.contains(line), "{line} in {faults}");
        }
        assert!(!faults.contains("hunter2"));
    }
}
