//! The document of one MCP server: what a policy file says, checked as far as it can be without a catalog.

use std::path::Path;

use jiff::Timestamp;

use super::{
    glob::Glob,
    token::{self, TokenHash},
};
use crate::document::{At, Fault, Faults, Fields, Located, Sink, Spot, parse};
use crate::rate::Limits;
use crate::secret::Source;

/// A whole document.
#[derive(Clone, Debug)]
pub struct Document {
    /// `name`.
    pub name: Located<String>,
    /// `account`: the id of an account of the configuration.
    pub account: Located<String>,
    /// `config`.
    pub policy: Policy,
    /// `expires_at`.
    pub expires_at: Option<Located<Timestamp>>,
    /// `token`.
    pub token: Located<Token>,
}

/// `config`: which tools are shown, and how callers are treated.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where it stands.
    pub spot: Spot,
    /// `methods` in lower case; `None` is all.
    pub methods: Option<Vec<Located<String>>>,
    /// `tags` in lower case; `None` is all.
    pub tags: Option<Vec<Located<String>>>,
    /// `tools.allow`; `None` is all.
    pub allow: Option<Vec<Located<Glob>>>,
    /// `tools.deny`; wins over everything else.
    pub deny: Vec<Located<Glob>>,
    /// `require_api_token_auth`.
    pub requires_api_token: bool,
    /// `rate_limit_status: 429`: a limit that refuses is HTTP 429 too.
    pub rate_limit_status: bool,
    /// `limits`.
    pub limits: Limits,
}

/// `token`: what opens the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// The token with this SHA-256.
    Hash(TokenHash),
    /// The token that is found there.
    Source(Source),
    /// No token: whoever reaches the port.
    None,
}

/// What could be read of a document. What is missing here has a fault, so that faults which need the catalog can be
/// found in the same run.
#[derive(Debug)]
pub struct Draft {
    /// `name`.
    pub name: Option<Located<String>>,
    /// `account`.
    pub account: Option<Located<String>>,
    /// `config`.
    pub policy: Option<Policy>,
    /// `expires_at`.
    pub expires_at: Option<Located<Timestamp>>,
    /// `token`.
    pub token: Option<Located<Token>>,
    faults: Vec<Fault>,
}

impl Draft {
    /// Read a YAML or JSON text; a relative file in `token` is relative to `base`.
    #[must_use]
    pub fn read(file: &str, text: &str, base: &Path) -> Self {
        let mut draft =
            Self { name: None, account: None, policy: None, expires_at: None, token: None, faults: Vec::new() };
        let node = match parse(file, text) {
            Ok(node) => node,
            Err(fault) => return Self { faults: vec![fault], ..draft },
        };
        let sink = Sink::new(file);
        if let Some(fields) = At::root(&sink, &node).fields() {
            draft.fill(fields, base);
        }
        draft.faults = sink.into_faults().0;
        draft
    }

    fn fill(&mut self, mut fields: Fields<'_>, base: &Path) {
        self.name = fields.require("name").and_then(|at| name(&at).map(|text| at.locate(text)));
        self.account = fields.require("account").and_then(|at| at.text().map(|text| at.locate(text.to_owned())));
        self.policy = match fields.get("config") {
            Some(at) => policy(&at),
            None => Some(Policy::everything(fields.at().spot())),
        };
        self.expires_at = fields.get("expires_at").and_then(|at| timestamp(&at).map(|time| at.locate(time)));
        self.token = token_field(&mut fields).and_then(|at| secret(&at, base).map(|token| at.locate(token)));
        fields.finish();
    }

    /// Write down a fault that was found later.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The document, if nothing is wrong with it.
    ///
    /// # Errors
    /// Every fault.
    pub fn finish(self) -> Result<Document, Faults> {
        let Self { name: Some(name), account: Some(account), policy: Some(policy), token: Some(token), .. } = self
        else {
            return Err(Faults(self.faults));
        };
        Faults(self.faults).into_result(Document { name, account, policy, expires_at: self.expires_at, token })
    }
}

/// Is this a name: `[A-Za-z0-9._-]{1,64}`? It stands in paths, logs and metrics as it is.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn name(at: &At<'_>) -> Option<String> {
    let text = at.text()?;
    if !is_name(text) {
        at.fault(format!("expected 1 to 64 of A-Z a-z 0-9 . _ -, found `{text}`"));
        return None;
    }
    Some(text.to_owned())
}

impl Policy {
    fn everything(spot: Spot) -> Self {
        Self {
            spot,
            methods: None,
            tags: None,
            allow: None,
            deny: Vec::new(),
            requires_api_token: false,
            rate_limit_status: false,
            limits: Limits::default(),
        }
    }
}

fn policy(at: &At<'_>) -> Option<Policy> {
    let mut fields = at.fields()?;
    let mut policy = Policy::everything(at.spot());
    policy.methods = fields.get("methods").and_then(|at| words(&at));
    policy.tags = fields.get("tags").and_then(|at| words(&at));
    if let Some(mut tools) = fields.get("tools").and_then(|at| at.fields()) {
        policy.allow = tools.get("allow").and_then(|at| Some(globs(&filled(&at)?)));
        // An empty `deny` can only mean one thing, so it is no fault.
        policy.deny = tools.get("deny").and_then(|at| at.items()).map(|items| globs(&items)).unwrap_or_default();
        tools.finish();
    }
    policy.requires_api_token = fields.get("require_api_token_auth").and_then(|at| at.boolean()).unwrap_or(false);
    policy.rate_limit_status = fields.get("rate_limit_status").and_then(|at| status(&at)).unwrap_or(false);
    policy.limits = fields.get("limits").and_then(|at| Limits::read(&at)).unwrap_or_default();
    fields.finish();
    Some(policy)
}

/// The items of a list that says something: `[]` could be meant as "none" or as "all".
fn filled<'d>(at: &At<'d>) -> Option<Vec<At<'d>>> {
    let items = at.items()?;
    if items.is_empty() {
        at.fault("an empty list is ambiguous: leave the key out for all, or name what is meant");
        return None;
    }
    Some(items)
}

fn words(at: &At<'_>) -> Option<Vec<Located<String>>> {
    let word = |at: &At<'_>| at.text().map(|text| at.locate(text.to_ascii_lowercase()));
    Some(filled(at)?.iter().filter_map(word).collect())
}

fn globs(items: &[At<'_>]) -> Vec<Located<Glob>> {
    let glob = |at: &At<'_>| match Glob::new(at.string()?) {
        Ok(glob) => Some(at.locate(glob)),
        Err(message) => {
            at.fault(message);
            None
        }
    };
    items.iter().filter_map(glob).collect()
}

fn status(at: &At<'_>) -> Option<bool> {
    match at.integer()? {
        429 => Some(true),
        200 => Some(false),
        found => {
            at.fault(format!("expected 429, or 200 for the default, found {found}"));
            None
        }
    }
}

fn timestamp(at: &At<'_>) -> Option<Timestamp> {
    let text = at.text()?;
    text.parse().ok().or_else(|| {
        at.fault(format!("expected a time with its zone such as 2026-12-31T23:59:59Z (RFC 3339), found `{text}`"));
        None
    })
}

fn token_field<'d>(fields: &mut Fields<'d>) -> Option<At<'d>> {
    let found = fields.get("token");
    if found.is_none() {
        fields.at().fault(
            "the key `token` is missing, expected {sha256: …}, {env: …}, {file: …} or none; \
             `chaperone token new` makes one",
        );
    }
    found
}

fn secret(at: &At<'_>, base: &Path) -> Option<Token> {
    use crate::document::Value;
    match at.value() {
        Value::String(word) if word.eq_ignore_ascii_case("none") => return Some(Token::None),
        Value::Mapping(entries) if entries.iter().any(|entry| entry.key == "sha256") => {}
        Value::Mapping(_) => return Source::read(at, base).map(Token::Source),
        _ => {
            at.fault("expected {sha256: …}, {env: NAME}, {file: PATH} or none; a token is never written inline");
            return None;
        }
    }
    let mut fields = at.fields()?;
    let hex = fields.get("sha256");
    fields.finish();
    let hex = hex?;
    let hash = token::from_hex(hex.string()?);
    if hash.is_none() {
        hex.fault("expected the token's SHA-256 as 64 hexadecimal digits; `chaperone token new` prints it");
    }
    hash.map(Token::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        Draft::read("p.yaml", text, Path::new("/p")).finish().unwrap_err().to_string()
    }

    #[test]
    fn a_json_document_is_read_like_a_yaml_one() {
        let text = r#"{"name": "a", "account": "x", "config": {"methods": ["READ"]}, "token": {"file": "t"}}"#;
        let document = Draft::read("p.json", text, Path::new("/p")).finish().unwrap();
        assert_eq!(document.token.value, Token::Source(Source::File("/p/t".into())));
        assert_eq!(document.policy.methods.unwrap()[0].value, "read");
        assert_eq!((document.policy.tags, document.policy.allow, document.expires_at), (None, None, None));
    }

    #[test]
    fn an_inline_token_is_refused_and_never_echoed() {
        for token in ["hunter2hunter2", "{sha256: hunter2hunter2}", "[hunter2hunter2]"] {
            let text = faults(&format!("name: a\naccount: x\ntoken: {token}\n"));
            assert!(text.contains("p.yaml:3:") && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn names_are_plain_words_of_at_most_64_characters() {
        for good in ["a", "A.b_c-9", &"a".repeat(64)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "é", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
