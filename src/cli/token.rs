//! `chaperone token`: tokens and the hashes that go into files.

use clap::{Args, Subcommand};

use super::{Exit, output};
use crate::server::{document::is_name, token};

const LONG_ABOUT: &str = "\
Make a fresh token from 32 random bytes, and the hash that goes into a file in its place.

The token is shown this once and kept nowhere: hand it to the agent, and put the hash into the
policy file of its MCP server. With --name the hash comes as a line for the file that
`api_tokens` names.";

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a fresh token, and the hash that goes into a file in its place
    #[command(long_about = LONG_ABOUT)]
    New(New),
}

#[derive(Args, Debug)]
pub(super) struct New {
    /// Make an API token for the holder of this name
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// Print JSON: token, sha256, and the line for `api_tokens` where a name is given
    #[arg(long)]
    json: bool,
}

impl Token {
    pub(super) fn run(&self) -> Exit {
        let Self::New(new) = self;
        match token::fresh() {
            Ok(fresh) => output::result(&new.text(fresh.expose())),
            Err(message) => {
                output::note(format_args!("error: {message}"));
                Exit::Unavailable
            }
        }
    }
}

impl New {
    fn text(&self, fresh: &str) -> String {
        let hex = token::to_hex(&token::hash(fresh));
        let line = self.name.as_ref().map(|name| format!("{name}:sha256:{hex}"));
        if self.json {
            return serde_json::json!({"token": fresh, "sha256": hex, "api_tokens_line": line}).to_string();
        }
        match line {
            Some(line) => format!("token: {fresh}\nline for the file of `api_tokens`: {line}"),
            None => format!("token: {fresh}\nline for the policy file: token: {{sha256: \"{hex}\"}}"),
        }
    }
}

fn name(text: &str) -> Result<String, String> {
    if is_name(text) { Ok(text.to_owned()) } else { Err("expected 1 to 64 of A-Z a-z 0-9 . _ -".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::api_tokens;

    #[test]
    fn the_printed_line_lets_the_printed_token_in() {
        let new = New { name: Some("alice".into()), json: true };
        let made: serde_json::Value = serde_json::from_str(&new.text("chap_x")).unwrap();
        let tokens = api_tokens::parse("t", made["api_tokens_line"].as_str().unwrap()).unwrap();
        assert_eq!(tokens[&token::hash(made["token"].as_str().unwrap())].as_ref(), "alice");
    }
}
