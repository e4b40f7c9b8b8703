//! `instructions` of an MCP server: its policy in words for an agent. Short, because every agent reads it every time.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::rules::Rules;
use crate::account::Account;
use crate::catalog::offer::Offer;

/// What the agent may do. What it may not do is left out: a hidden tool does not exist for it.
pub(super) fn write(account: &Account, rules: &Rules, tools: &[Offer], expires_at: Option<Timestamp>) -> String {
    let (title, id) = (&account.integration.title, &account.id);
    let count = match tools.len() {
        1 => "1 tool".to_owned(),
        n => format!("{n} tools"),
    };
    let mut text = format!("{title}, account `{id}`. A policy opens {count} to you");
    if let Some(methods) = rules.methods() {
        let meanings: Vec<&str> = methods.iter().map(|word| meaning(word)).collect();
        let _ = write!(text, ", for the methods {}", meanings.join(", "));
    }
    if let Some(tags) = rules.tags() {
        let _ = write!(text, ", in the areas {}", tags.join(", "));
    }
    text.push_str("; other operations are not available here.");
    if tools.iter().all(|offer| offer.tool().read_only) {
        text.push_str(" Nothing can be created, changed or deleted.");
    }
    if let Some(at) = expires_at {
        let _ = write!(text, " Access ends at {at}.");
    }
    text
}

fn meaning(word: &str) -> &str {
    match word {
        "read" => "read (list, get)",
        "write" => "write (create, update, delete)",
        "custom" => "custom (all but list, get, create, update, delete)",
        own => own,
    }
}
