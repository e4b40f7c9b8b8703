//! `chaperone tools`: what an MCP server shows, and which rule hides the rest.

use std::{fmt::Write as _, path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::json;

use super::{Exit, output};
use crate::app::assemble::{Sources, assemble};
use crate::catalog::{Catalog, tool::Tool};
use crate::nearest::nearest;
use crate::server::{Decision, Server};

pub(super) const LONG_ABOUT: &str = "\
List the tools of each MCP server (+) with the rule that allows each, and those that it hides
(-) with the rule that hides each. Without a configuration: every tool of the built-in
catalog.";

#[derive(Args, Debug)]
pub(super) struct Tools {
    /// The configuration file
    #[arg(long, short, value_name = "FILE", env = "CHAPERONE_CONFIG")]
    config: Option<PathBuf>,
    /// Only the MCP server of this name
    #[arg(long, value_name = "NAME", requires = "config")]
    server: Option<String>,
    /// Print only how many bytes of tool descriptions an agent is sent (the `tools` array of `tools/list`)
    #[arg(long)]
    size: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Tools {
    pub(super) fn run(&self) -> Exit {
        match &self.config {
            Some(config) => self.of_servers(config.clone()),
            None => self.of_catalog(),
        }
    }

    fn of_catalog(&self) -> Exit {
        let catalog = match Catalog::builtin() {
            Ok(catalog) => catalog,
            Err(faults) => return output::refuse(&faults),
        };
        let integrations = catalog.names().filter_map(|name| catalog.integration(name));
        let mut text = String::new();
        let mut found = Vec::new();
        for integration in integrations {
            let (name, tools) = (&integration.name, &integration.tools);
            let bytes = size(tools.iter());
            let listed: Vec<serde_json::Value> = tools.iter().map(describe).collect();
            found.push(json!({"integration": name, "bytes": bytes, "tools": listed}));
            let _ = writeln!(text, "{name}: {} tools, {bytes} bytes in tools/list", tools.len());
            for tool in tools.iter().filter(|_| !self.size) {
                let _ = writeln!(text, "+ {}  {}, tags: {}", tool.name, tool.method, tool.tags.join(", "));
            }
        }
        output::result(&if self.json { json!({"integrations": found}).to_string() } else { text })
    }

    fn of_servers(&self, config: PathBuf) -> Exit {
        let assembled = match assemble(&Sources::of_process(Some(config), Vec::new()), 1) {
            Ok(assembled) => assembled,
            Err(faults) => return output::refuse(&faults),
        };
        let servers = match self.chosen(assembled.registry.servers()) {
            Ok(servers) => servers,
            Err(message) => {
                output::note(format_args!("error: {message}"));
                return Exit::Usage;
            }
        };
        if self.json {
            let servers: Vec<serde_json::Value> = servers.iter().map(|server| as_json(server)).collect();
            return output::result(&json!({"servers": servers}).to_string());
        }
        let texts: Vec<String> = servers.iter().map(|server| as_text(server, self.size)).collect();
        output::result(&texts.join(if self.size { "" } else { "\n" }))
    }

    fn chosen<'s>(&self, servers: &'s [Arc<Server>]) -> Result<Vec<&'s Arc<Server>>, String> {
        let Some(name) = &self.server else { return Ok(servers.iter().collect()) };
        let names = || servers.iter().map(|server| &*server.name);
        let found: Vec<&Arc<Server>> = servers.iter().filter(|server| *server.name == **name).collect();
        if found.is_empty() {
            let hint = nearest(name, names()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let known: Vec<&str> = names().collect();
            return Err(format!("no MCP server is named `{name}`, expected one of {}{hint}", known.join(", ")));
        }
        Ok(found)
    }
}

/// The length of the JSON array of these tools, in bytes.
fn size<'t>(tools: impl Iterator<Item = &'t Tool>) -> usize {
    let (count, bytes) = tools.fold((0_usize, 0), |(count, bytes), tool| (count + 1, bytes + tool.listing.len()));
    "[]".len() + bytes + ",".len() * count.saturating_sub(1)
}

fn as_text(server: &Server, only_size: bool) -> String {
    let (name, account) = (&server.name, &server.account.id);
    let (shown, all, bytes) = (server.tools.len(), server.account.integration.tools.len(), size(server.visible()));
    let mut text = format!("{name}: {shown} of {all} tools, {bytes} bytes in tools/list, account {account}\n");
    for (tool, decision) in server.explain().filter(|_| !only_size) {
        let _ = match decision {
            Decision::Allowed { rule, .. } => writeln!(text, "+ {}  {rule}", tool.name),
            Decision::Hidden { rule } => writeln!(text, "- {}  hidden by {rule}", tool.name),
            Decision::Unknown => Ok(()),
        };
    }
    text
}

fn as_json(server: &Server) -> serde_json::Value {
    let (mut tools, mut hidden) = (Vec::new(), Vec::new());
    for (tool, decision) in server.explain() {
        match decision {
            Decision::Allowed { rule, .. } => tools.push(json!({"name": *tool.name, "rule": rule})),
            Decision::Hidden { rule } => hidden.push(json!({"name": *tool.name, "rule": rule})),
            Decision::Unknown => {}
        }
    }
    let (name, account) = (&*server.name, &server.account.id);
    json!({"name": name, "account": account, "bytes": size(server.visible()), "tools": tools, "hidden": hidden})
}

fn describe(tool: &Tool) -> serde_json::Value {
    json!({"name": *tool.name, "resource": tool.resource, "method": tool.method, "tags": tool.tags})
}
