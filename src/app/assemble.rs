//! Everything that requests are judged by, read and compiled whole: configuration, catalog, accounts, policies, tokens.
//!
//! A part that is at fault does not stop the others from being read, so that one run names every fault. Nothing of a
//! set with a fault is ever used.

mod accounts;
mod inputs;
mod policies;

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use jiff::Timestamp;

use crate::account::Account;
use crate::catalog::Catalog;
use crate::config::{self, Config, Environment, Input, Reading};
use crate::document::{Fault, Faults, Located};
use crate::rate::Limits;
use crate::secret::Source;
use crate::server::{
    api_tokens::{self, ApiTokens},
    document::Draft,
    registry::Registry,
};

pub use inputs::{Inputs, Seen};

/// Where everything comes from; the same sources give the set again after a change.
#[derive(Clone)]
pub struct Sources {
    /// The configuration file.
    pub config_path: Option<PathBuf>,
    /// Keys of the configuration that flags override, with their values.
    pub flags: Vec<(String, String)>,
    /// The environment.
    pub environment: Arc<Environment<'static>>,
    /// Where MCP traffic is being listened for already; `None` before the listener is there. A reload does not move the listener, so `token: none` is
    /// judged by this address too.
    pub listening: Option<SocketAddr>,
}

impl Sources {
    /// The sources of this process.
    #[must_use]
    pub fn of_process(config_path: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        let environment = Arc::new(|name: &str| std::env::var(name).ok());
        Self { config_path, flags, environment, listening: None }
    }

    fn input(&self) -> Input<'_> {
        Input { path: self.config_path.as_deref(), flags: &self.flags, environment: &*self.environment }
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("config_path", &self.config_path)
            .field("flags", &self.flags)
            .field("listening", &self.listening)
            .finish_non_exhaustive()
    }
}

/// A set without a fault.
#[derive(Debug)]
pub struct Assembled {
    /// The effective configuration.
    pub config: Config,
    /// The MCP servers.
    pub registry: Registry,
    /// What loads but is seldom meant, each with its place.
    pub warnings: Vec<String>,
}

/// What came of assembling, and what was read for it: a set at fault is mended in the same places.
#[derive(Debug)]
pub struct Attempt {
    /// The set, or all its faults.
    pub result: Result<Assembled, Faults>,
    /// What it was made from.
    pub seen: Seen,
}

/// Read and compile everything.
///
/// # Errors
/// Every fault of every part, at once.
pub fn assemble(sources: &Sources, generation: u64) -> Result<Assembled, Faults> {
    read(sources, generation)
}

/// As [`assemble`], and say what was read even if it failed.
#[must_use]
pub fn attempt(sources: &Sources, generation: u64) -> Attempt {
    // Seen first, read afterwards: a change in between makes the next look differ, so it cannot be missed.
    let seen = Seen::now(sources);
    Attempt { result: read(sources, generation), seen }
}

fn read(sources: &Sources, generation: u64) -> Result<Assembled, Faults> {
    let Reading { config, faults } = config::read(sources.input());
    let mut report = Report { faults: faults.0, warnings: Vec::new() };
    let catalog = report.keep(catalog(&config));
    let accounts = accounts::connect(&config, catalog.as_ref(), &*sources.environment, &mut report);
    let drafts = policies::read(&config.policies, &mut report);
    let tokens = report.keep(read_api_tokens(config.api_tokens.as_ref(), &*sources.environment));
    let loopback =
        [Some(config.serve.listen), sources.listening].into_iter().flatten().all(|address| address.ip().is_loopback());
    let world = policies::World {
        accounts: &accounts,
        loopback,
        environment: &*sources.environment,
        generation,
        api_token_limits: config.api_token_limits,
        now: Timestamp::now(),
    };
    let registry = world.registry(drafts, tokens.unwrap_or_default(), &mut report);
    report.into_result(registry).map(|(registry, warnings)| Assembled { config, registry, warnings })
}

/// A set from documents that are in no file: for `chaperone demo` and for tests. A document is a name to be used in
/// faults and its text. Environment variables are those of the process.
///
/// # Errors
/// Every fault of the documents, at once.
pub fn from_documents(
    documents: &[(&str, &str)],
    accounts: Vec<Arc<Account>>,
    api_tokens: ApiTokens,
    listen: SocketAddr,
) -> Result<Registry, Faults> {
    let mut report = Report::default();
    let accounts = accounts::Accounts::of(accounts);
    let drafts = documents.iter().map(|(file, text)| Draft::read(file, text, "".as_ref())).collect();
    let world = policies::World {
        accounts: &accounts,
        loopback: listen.ip().is_loopback(),
        environment: &|name| std::env::var(name).ok(),
        generation: 1,
        api_token_limits: Limits::default(),
        now: Timestamp::now(),
    };
    let registry = world.registry(drafts, api_tokens, &mut report);
    report.into_result(registry).map(|(registry, _)| registry)
}

/// What was found wrong, and what was found odd, while parts are read.
#[derive(Debug, Default)]
struct Report {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Report {
    fn keep<T>(&mut self, result: Result<T, Faults>) -> Option<T> {
        result.map_err(|faults| self.faults.extend(faults.0)).ok()
    }

    fn into_result<T>(self, value: Option<T>) -> Result<(T, Vec<String>), Faults> {
        match value {
            Some(value) if self.faults.is_empty() => Ok((value, self.warnings.iter().map(Fault::to_string).collect())),
            _ => Err(Faults(self.faults)),
        }
    }
}

fn catalog(config: &Config) -> Result<Catalog, Faults> {
    match &config.catalog {
        None => Catalog::builtin(),
        Some(folder) => Catalog::load(&folder.value),
    }
}

fn read_api_tokens(source: Option<&Located<Source>>, environment: &Environment<'_>) -> Result<ApiTokens, Faults> {
    let Some(at) = source else { return Ok(ApiTokens::new()) };
    // An empty list lets nobody in, which is a state of things and no fault.
    let text = at.value.fetch_list(environment).map_err(|message| Faults(vec![at.spot.fault(message)]))?;
    let file = match &at.value {
        Source::File(path) => path.display().to_string(),
        Source::Env(name) => name.clone(),
    };
    api_tokens::parse(&file, text.expose())
}
