//! `chaperone demo`: the whole thing with nothing configured.
//!
//! The Affinity sandbox on a free loopback port, and two MCP servers over it from the shipped policies. Nothing leaves
//! the machine and nothing is written to it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::net::TcpListener;

use super::{Failure, address, assemble, bind, end_on_signal, say};
use crate::account::Account;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::edge::{self, limits::Gate};
use crate::policy::quota::{self, Counter};
use crate::sandbox::{self, Sandbox};
use crate::secret::Secret;
use crate::serve::{self, drain};
use crate::server::registry::Registry;
use crate::stack::{self, World};
use crate::telemetry::{self, observer::Observer};
use crate::upstream::{self, Upstream};

/// What the demo is set to.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where MCP traffic arrives; `None` is the usual port, or any free one if that is taken.
    pub listen: Option<SocketAddr>,
    /// How long the sandbox takes for every answer.
    pub latency: Duration,
    /// What is logged.
    pub log: telemetry::Config,
}

const FULL: &str = include_str!("../../policies/full-access.yaml");
const READ: &str = include_str!("../../policies/read-only.yaml");

/// Run the demo until it is told to end.
///
/// # Errors
/// A port is taken.
pub async fn run(options: Options) -> Result<(), Failure> {
    telemetry::init(&options.log).map_err(Failure::Usage)?;
    let sandbox = sandbox(options.latency).await?;
    let upstream = sandbox.local_addr();
    let listener = listen(options.listen).await?;
    let address = address(&listener)?;
    let registry = registry(upstream, address)?;
    let counts: Vec<(String, usize)> =
        registry.servers().iter().map(|server| (server.name.to_string(), server.tools.len())).collect();

    let (gate, edge, upstream) = (Gate::new(1024), edge::Config::default(), upstream::Config::default());
    let world = World {
        registry: Arc::new(ArcSwap::from_pointee(registry)),
        gate: gate.clone(),
        clock: Clock::system(),
        observer: Observer::quiet().map_err(Failure::Bug)?,
        counter: Counter::new(&quota::Config::default()).map_err(Failure::Bug)?,
    };
    let client = Upstream::new(&upstream).map_err(Failure::Bug)?;
    let road = stack::road(&world, &edge, &upstream, client);
    let (ending, drain) = drain::channel();
    end_on_signal(ending)?;
    let mut hears = drain.clone();
    let sandbox = tokio::spawn(sandbox.run(async move { hears.begun().await }));
    say(&greeting(address, &counts))?;
    let config = serve::Config { listen: address, drain: Duration::from_secs(5), ..serve::Config::default() };
    serve::run(listener, road, &config, gate, drain).await;
    sandbox.abort();
    Ok(())
}

async fn sandbox(latency: Duration) -> Result<Sandbox, Failure> {
    let config =
        sandbox::Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), latency, ..sandbox::Config::default() };
    Sandbox::bind(config).await.map_err(|error| Failure::Unavailable(format!("the sandbox cannot listen: {error}")))
}

async fn listen(asked: Option<SocketAddr>) -> Result<TcpListener, Failure> {
    let usual = serve::Config::default().listen;
    match asked {
        Some(listen) => bind("--listen", listen).await,
        // A stranger's first command must not fail because some other program has the usual port.
        None => match TcpListener::bind(usual).await {
            Ok(listener) => Ok(listener),
            Err(_) => bind("--listen", SocketAddr::new(usual.ip(), 0)).await,
        },
    }
}

fn registry(upstream: SocketAddr, listen: SocketAddr) -> Result<Registry, Failure> {
    let catalog = Catalog::builtin()?;
    let integration =
        catalog.integration("affinity").ok_or_else(|| Failure::Bug("the built-in catalog lacks affinity".into()))?;
    let url = format!("http://{upstream}")
        .parse()
        .map_err(|error| Failure::Bug(format!("the sandbox's address: {error}")))?;
    // The sandbox takes any key.
    let account =
        Account::new("affinity".into(), integration.clone(), url, true, Secret::new("demo")).map_err(Failure::Bug)?;
    let documents = [("policies/full-access.yaml", FULL), ("policies/read-only.yaml", READ)];
    Ok(assemble::from_documents(&documents, vec![Arc::new(account)], std::collections::HashMap::new(), listen)?)
}

fn greeting(address: SocketAddr, counts: &[(String, usize)]) -> String {
    let count = |name: &str| counts.iter().find(|(server, _)| server == name).map_or(0, |(_, tools)| *tools);
    let (full, read) = (format!("http://{address}/mcp/full-access"), format!("http://{address}/mcp/read-only"));
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_all_affinity_organizations","arguments":{"query":"Acme Corp"}}}"#;
    format!(
        "chaperone demo: an Affinity sandbox in memory and two MCP servers, nothing leaves this machine

full access: {full} ({} tools)
read only: {read} ({} tools)

Claude Code:
  claude mcp add --transport http affinity {full}
MCP Inspector:
  npx @modelcontextprotocol/inspector --cli {full} --transport http --method tools/list
By hand:
  curl -s {read} -H 'content-type: application/json' -d '{call}'

Ctrl-C ends it
",
        count("full-access"),
        count("read-only"),
    )
}
