//! `chaperone check`: every fault at once, or what would be served.

use clap::Args;
use serde_json::json;

use super::{ConfigFile, Exit, Overrides, output};
use crate::app::assemble::{Assembled, Sources, assemble};
use crate::config::effective;
use crate::document::Faults;

pub(super) const LONG_ABOUT: &str = "\
Read configuration, catalog, policies, API tokens and secrets as `chaperone serve` would, and
name every fault at once: file, line, column, key, and what was expected. Nothing is sent
anywhere.

Exits with 0 if it can be served, else with 64.";

#[derive(Args, Debug)]
pub(super) struct Check {
    #[command(flatten)]
    required: ConfigFile,
    #[command(flatten)]
    overrides: Overrides,
    /// Print the effective configuration as YAML; secrets are shown by where they come from
    #[arg(long, conflicts_with = "json")]
    print: bool,
    /// Print JSON: ok, faults, warnings, servers
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Exit {
        let sources = Sources::of_process(Some(self.required.config), self.overrides.into_flags());
        match assemble(&sources, 1) {
            Ok(assembled) if self.json => output::result(&fine(&assembled).to_string()),
            Err(faults) if self.json => {
                output::result(&faulty(&faults).to_string());
                Exit::Usage
            }
            Ok(assembled) => {
                for warning in &assembled.warnings {
                    output::note(format_args!("warning: {warning}"));
                }
                output::result(&if self.print { effective(&assembled.config) } else { summary(&assembled) })
            }
            Err(faults) => output::refuse(&faults),
        }
    }
}

fn summary(assembled: &Assembled) -> String {
    let servers = assembled.registry.servers();
    let mut lines: Vec<String> = servers
        .iter()
        .map(|server| {
            let (shown, all) = (server.tools.len(), server.account.integration.tools.len());
            format!("{}: {shown} of {all} tools, account {}", server.name, server.account.id)
        })
        .collect();
    lines.push(match servers.len() {
        1 => "fine: 1 MCP server".to_owned(),
        n => format!("fine: {n} MCP servers"),
    });
    lines.join("\n")
}

fn fine(assembled: &Assembled) -> serde_json::Value {
    let servers: Vec<serde_json::Value> = assembled
        .registry
        .servers()
        .iter()
        .map(|server| {
            let expires_at = server.expires_at.map(|at| at.to_string());
            json!({
                "name": *server.name,
                "account": server.account.id,
                "tools": server.tools.len(),
                "expires_at": expires_at,
            })
        })
        .collect();
    json!({"ok": true, "faults": [], "warnings": assembled.warnings, "servers": servers})
}

fn faulty(faults: &Faults) -> serde_json::Value {
    let faults: Vec<serde_json::Value> = faults.0.iter().map(output::json).collect();
    json!({"ok": false, "faults": faults, "warnings": [], "servers": []})
}
