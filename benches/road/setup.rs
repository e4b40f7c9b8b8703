//! What a measured chaperone is told to do: its configuration, policies and catalog, in a folder of their own.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::Error;
use crate::exchange::{SERVER_HOLE, TOOL_HOLE};

/// The MCP server that is called, where there is one.
pub(crate) const SERVER: &str = "road";
/// Where chaperone finds the key it presents to the upstream.
pub(crate) const KEY_VARIABLE: &str = "ROAD_KEY";
/// Tools in a file of the generated catalog: an integration has up to 512 files of up to 64.
const TOOLS_PER_FILE: usize = 50;
/// Limits that are counted and never met.
const GENEROUS: &str = "{calls: 1000000/s, writes: 1000000/s}";

/// One configuration.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Where the vendor is.
    pub(crate) upstream: SocketAddr,
    /// Whether every call is a line of the log, as it is by default.
    pub(crate) log: bool,
    /// Where all traces go.
    pub(crate) collector: Option<SocketAddr>,
    /// Limits of the MCP server, of the account and of the caller's API token, which is a line of `api_tokens`.
    pub(crate) limits: Option<String>,
    /// The store that shares them.
    pub(crate) store: Option<SocketAddr>,
    /// Requests that may be at work upstream at once, where not as many as by default.
    pub(crate) max_concurrent: Option<usize>,
    /// MCP servers, named by number; none is the one named [`SERVER`].
    pub(crate) servers: Option<usize>,
    /// Tools of a generated catalog, named by number; none is the built-in catalog.
    pub(crate) tools: Option<usize>,
}

impl Setup {
    /// The plain one: no log, no traces, no limits, one MCP server, the built-in catalog.
    pub(crate) fn new(upstream: SocketAddr) -> Self {
        Self {
            upstream,
            log: false,
            collector: None,
            limits: None,
            store: None,
            max_concurrent: None,
            servers: None,
            tools: None,
        }
    }

    /// Writes all of it; `chaperone.yaml` is the configuration.
    pub(crate) fn write(&self) -> Result<TempDir, Error> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("policies"))?;
        match self.servers {
            None => self.write_policy(folder.path(), SERVER)?,
            Some(servers) => {
                for number in 0..servers {
                    self.write_policy(folder.path(), &server(number))?;
                }
            }
        }
        if let Some(tools) = self.tools {
            write_catalog(&folder.path().join("catalog"), tools)?;
        }
        if let Some(line) = &self.limits {
            fs::write(folder.path().join("api-tokens"), line)?;
        }
        fs::write(folder.path().join("chaperone.yaml"), self.configuration())?;
        Ok(folder)
    }

    fn configuration(&self) -> String {
        let limits = if self.limits.is_some() { format!(", limits: {GENEROUS}") } else { String::new() };
        let mut text = format!(
            "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\npolicies: ./policies\naccounts:\n  - {{id: road, \
             integration: affinity, base_url: \"http://{}\", credentials: {{api_key: {{env: {KEY_VARIABLE}}}}}\
             {limits}}}\n",
            self.upstream,
        );
        let mut line = |line: std::fmt::Arguments<'_>| _ = writeln!(text, "{line}");
        if self.limits.is_some() {
            line(format_args!("api_tokens: {{file: ./api-tokens, limits: {GENEROUS}}}"));
        }
        if let Some(store) = self.store {
            // A second on a busy core must not turn the measured path into the one for a store that is gone.
            line(format_args!("shared: {{url: \"redis://{store}\", timeout: 1s}}"));
        }
        if let Some(most) = self.max_concurrent {
            line(format_args!("upstream: {{max_concurrent: {most}}}"));
        }
        if self.tools.is_some() {
            line(format_args!("catalog: ./catalog"));
        }
        let level = if self.log { "info" } else { "warn" };
        let otlp = self.collector.map(|at| format!(", otlp: {{endpoint: \"http://{at}\"}}, traces: {{sample: 1.0}}"));
        line(format_args!("telemetry: {{log: {{level: {level}}}{}}}", otlp.unwrap_or_default()));
        text
    }

    fn write_policy(&self, folder: &Path, name: &str) -> Result<(), Error> {
        let config = match self.limits {
            None => "{}".to_owned(),
            Some(_) => format!("{{limits: {GENEROUS}, require_api_token_auth: true}}"),
        };
        let text = format!("name: {name}\naccount: road\nconfig: {config}\ntoken: none\n");
        Ok(fs::write(folder.join("policies").join(format!("{name}.yaml")), text)?)
    }
}

/// The name of an MCP server where there are many.
pub(crate) fn server(number: usize) -> String {
    format!("road-{number:0width$}", width = SERVER_HOLE.len())
}

/// The name of a tool of a generated catalog.
pub(crate) fn tool(number: usize) -> String {
    format!("road_tool_{number:0width$}", width = TOOL_HOLE.len())
}

/// A catalog of `tools` tools that search people.
fn write_catalog(folder: &Path, tools: usize) -> Result<(), Error> {
    let resources = folder.join("affinity");
    fs::create_dir_all(&resources)?;
    fs::write(resources.join("integration.yaml"), INTEGRATION)?;
    let numbers: Vec<usize> = (0..tools).collect();
    for (file, numbers) in numbers.chunks(TOOLS_PER_FILE).enumerate() {
        let mut text = format!("resource: r{file}\ntags: [crm]\nmethods:\n");
        for &number in numbers {
            let _ = write!(text, "  m{number}:\n    name: {}\n{METHOD}", tool(number));
        }
        fs::write(resources.join(format!("r{file}.yaml")), text)?;
    }
    Ok(())
}

const INTEGRATION: &str = "\
integration: affinity
title: Affinity
base_url: https://api.affinity.co
authentication: bearer
rate_limits:
  - {scope: user, window: 60s, limit: X-Ratelimit-Limit-User, remaining: X-Ratelimit-Limit-User-Remaining, \
    reset: X-Ratelimit-Limit-User-Reset}
  - {scope: org, limit: X-Ratelimit-Limit-Org, remaining: X-Ratelimit-Limit-Org-Remaining, \
    reset: X-Ratelimit-Limit-Org-Reset}
paging:
  token: {style: token, size: page_size, token: page_token, next: next_page_token, default: 100, max: 500}
tags:
  crm: People
";

/// The built-in search for people, in short.
const METHOD: &str = "    \
    description: Search or list people. Give date filters as min/max pairs.
    http: GET /persons
    annotations: {read_only: true}
    arguments:
      query: {name: term, schema: {type: string, description: Part of a name or email}}
      with_current_organizations: {schema: {type: boolean, description: Add current_organization_ids}}
      min_last_email_date: {schema: {type: string, format: date-time, description: Earliest last email}}
      max_last_email_date: {schema: {type: string, format: date-time, description: Latest last email}}
    paging: token
    result: {list: persons}
";
