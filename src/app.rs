//! The composition root: everything is made here, wired by hand, started and ended.

pub mod assemble;
#[cfg(feature = "sandbox")]
pub mod demo;
mod measure;
pub mod reload;

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use crate::admin::ready::{Check, Health, Probe};
use crate::clock::Clock;
use crate::config::Config;
use crate::document::Faults;
use crate::edge::limits::Gate;
use crate::policy::quota::Counter;
use crate::serve::{self, drain};
use crate::stack::{self, World};
use crate::telemetry::{self, observer::Observer};
use crate::upstream::{Mode, Status, Upstream};
use assemble::{Attempt, Sources};
use reload::{Handle, Reloader};

/// Why the program could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What the user wrote is at fault: exit code 64.
    #[error("{0}")]
    Configuration(#[from] Faults),
    /// A value of the user's that no document holds: exit code 64.
    #[error("{0}")]
    Usage(String),
    /// Something that is needed is not there: exit code 69.
    #[error("{0}")]
    Unavailable(String),
    /// A bug: exit code 70.
    #[error("{0}")]
    Bug(String),
}

/// Run the sidecar until it is told to end.
///
/// # Errors
/// The configuration is at fault, a port is taken, or the process cannot be set up.
pub async fn serve(sources: Sources) -> Result<(), Failure> {
    let Attempt { result, seen } = assemble::attempt(&sources, 1);
    let assembled = result?;
    let config = assembled.config.clone();
    telemetry::init(&config.telemetry).map_err(Failure::Usage)?;
    for warning in &assembled.warnings {
        tracing::warn!("{warning}");
    }
    let listener = bind("listen", config.serve.listen).await?;
    let admin = bind("admin.listen", config.admin.listen).await?;
    let address = address(&listener)?;
    let environment = sources.environment.clone();
    let sources = Sources { listening: Some(address), ..sources };
    let (reloader, handle) = Reloader::new(sources, assembled, seen)
        .map_err(|error| Failure::Unavailable(format!("no thread to reload on: {error}")))?;
    let reloading = tokio::spawn(reloader.run());
    reload_on_hangup(handle.clone())?;

    let gate = Gate::new(config.edge.max_in_flight);
    let (observer, background) = Observer::start(&config.telemetry, &*environment).map_err(Failure::Usage)?;
    let counter = Counter::new(&config.quota).map_err(Failure::Usage)?;
    let sharing = tokio::spawn(counter.clone().keep_connected());
    let world = World {
        registry: handle.registry().clone(),
        gate: gate.clone(),
        clock: Clock::system(),
        observer: observer.clone(),
        counter: counter.clone(),
    };
    let client = Upstream::new(&config.upstream).map_err(Failure::Usage)?;
    measure::requests(observer.metrics(), &gate);
    measure::served(observer.metrics(), &handle);
    measure::upstreams(observer.metrics(), &client);
    measure::limits(observer.metrics(), &counter);
    let road = stack::road(&world, &config.edge, &config.upstream, client.clone());

    let (ending, drain) = drain::channel();
    let exposition = observer.clone();
    let health =
        Health::new(probe(Looks { handle, gate: gate.clone(), drain: drain.clone(), observer, client, counter }))
            .with_metrics(Arc::new(move || exposition.metrics().exposition()));
    let admin = tokio::spawn(serve_admin(admin, health, config.clone()));
    end_on_signal(ending)?;
    say(&format!("listening on http://{address}\n"))?;
    let deadline = tokio::spawn(deadline(drain.clone(), config.serve.drain));
    serve::run(listener, road, &config.serve, gate, drain).await;
    // Calls may have taken the whole of the drain; a moment is left in any case.
    let deadline = deadline.await.unwrap_or_else(|_| Instant::now());
    background.end(deadline.max(Instant::now() + LAST_WORDS)).await;
    reloading.abort();
    sharing.abort();
    admin.abort();
    tracing::info!("ended");
    Ok(())
}

/// How long the last traces, metrics and audit lines get if calls took all of the drain.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// When the drain is over.
async fn deadline(mut drain: drain::Drain, limit: Duration) -> Instant {
    drain.begun().await;
    Instant::now() + limit
}

async fn serve_admin(listener: TcpListener, health: Health, config: Config) {
    // It answers until the very end, so that whoever probes hears "not ready" and not nothing.
    let (ending, drain) = drain::channel();
    serve::run(listener, health, &config.serve, Gate::new(usize::MAX), drain).await;
    drop(ending);
}

/// What `/readyz` looks at.
struct Looks {
    handle: Handle,
    gate: Gate,
    drain: drain::Drain,
    observer: Observer,
    client: Upstream,
    counter: Counter,
}

fn probe(looks: Looks) -> Probe {
    let Looks { handle, gate, drain, observer, client, counter } = looks;
    Arc::new(move || {
        let (status, registry) = (handle.status(), handle.registry().load());
        let servers = registry.servers().len();
        let last = status
            .last_fault
            .as_deref()
            .map_or("no fault".to_owned(), |fault| format!("refused: {}", fault.replace('\n', "; ")));
        let shared = counter.is_shared().map(|reached| Check {
            name: "shared limits",
            holds: reached,
            required: false,
            detail: if reached {
                "shared by all replicas".into()
            } else {
                "out of reach, divided among replicas".into()
            },
        });
        let mut checks = vec![
            Check {
                name: "serving",
                holds: !drain.is_begun(),
                required: true,
                detail: format!("{} requests at work", gate.at_work()),
            },
            Check { name: "servers", holds: servers > 0, required: true, detail: format!("{servers} loaded") },
            Check {
                name: "configuration",
                holds: status.last_fault.is_none(),
                required: false,
                detail: format!(
                    "generation {} of {}, {} reloads, {} refused, {last}",
                    status.generation, status.loaded_at, status.reloads, status.failed
                ),
            },
            accounts(&client.statuses()),
        ];
        checks.extend(observer.audit().map(|audit| Check {
            name: "audit",
            holds: !audit.failing,
            required: false,
            detail: format!("{} lines written, {} lost, {} faults", audit.written, audit.lost, audit.faults),
        }));
        checks.extend(observer.spans().map(|spans| Check {
            name: "traces",
            holds: spans.reachable,
            required: false,
            detail: format!("{} requests sent, {} dropped, {} given up", spans.sent, spans.dropped, spans.failed),
        }));
        checks.extend(observer.metrics().exports().map(|exports| Check {
            name: "metrics",
            holds: exports.reachable,
            required: false,
            detail: format!("{} exports sent, {} failed", exports.sent, exports.failed),
        }));
        checks.extend(shared);
        checks
    })
}

/// The way to each account. Readiness does not hang on it: another replica would find it no better.
fn accounts(statuses: &[Status]) -> Check {
    let each: Vec<String> = statuses
        .iter()
        .map(|Status { account, at_work, waiting, breaker, trouble }| {
            let stopped = match breaker {
                Mode::Closed => String::new(),
                Mode::HalfOpen => format!(", being tried again ({trouble})"),
                Mode::Open(until) => {
                    let seconds = until.saturating_duration_since(Instant::now()).as_secs_f32().ceil();
                    format!(", not asked for {seconds} s ({trouble})")
                }
            };
            format!("{account} {at_work} at work and {waiting} waiting{stopped}")
        })
        .collect();
    let holds = statuses.iter().all(|status| status.breaker == Mode::Closed);
    let detail = if each.is_empty() { "none called yet".to_owned() } else { each.join("; ") };
    Check { name: "accounts", holds, required: false, detail }
}

fn reload_on_hangup(handle: Handle) -> Result<(), Failure> {
    let mut hangup = signal(SignalKind::hangup()).map_err(|error| no_signals(&error))?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            handle.reload();
        }
    });
    Ok(())
}

fn no_signals(error: &io::Error) -> Failure {
    Failure::Unavailable(format!("signals cannot be handled: {error}"))
}

/// The first signal begins the end, the second ends at once. Signals are heard from before this comes back.
fn end_on_signal(ending: drain::Ending) -> Result<(), Failure> {
    let mut signals = drain::Signals::listen().map_err(|error| no_signals(&error))?;
    tokio::spawn(async move {
        ending.begin(signals.next().await.linger());
        signals.next().await;
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}

/// Exit code of a process that was interrupted.
pub const INTERRUPTED: i32 = 130;

async fn bind(key: &str, listen: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(listen).await;
    bound.map_err(|error| {
        Failure::Unavailable(format!("{key}: cannot listen on {listen}: {error}\nFree the address or set another one"))
    })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener
        .local_addr()
        .map_err(|error| Failure::Unavailable(format!("the address listened on is not known: {error}")))
}

/// Write a result to stdout. A reader that went away is not our concern.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Unavailable(format!("stdout: {error}")))
        }
        _ => Ok(()),
    }
}
