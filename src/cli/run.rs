//! From a command to what it does.

use std::{env, io, num::NonZero, thread};

use tokio::runtime::{Builder, Runtime};

#[cfg(feature = "sandbox")]
use super::Demo;
use super::{Command, Exit, Serve, output};
use crate::app::{self, Failure, assemble::Sources};
#[cfg(feature = "sandbox")]
use crate::telemetry;

pub(super) fn run(command: Command) -> Exit {
    match command {
        #[cfg(feature = "sandbox")]
        Command::Demo(demo) => run_demo(&demo),
        Command::Serve(serve) => run_serve(serve),
        Command::Check(check) => check.run(),
        Command::Tools(tools) => tools.run(),
        Command::Token(token) => token.run(),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => to_its_end(super::sandbox::run(args)),
    }
}

fn run_serve(serve: Serve) -> Exit {
    let sources = Sources::of_process(Some(serve.required.config), serve.overrides.into_flags());
    to_its_end(app::serve(sources))
}

#[cfg(feature = "sandbox")]
fn run_demo(demo: &Demo) -> Exit {
    let log =
        telemetry::Config { format: telemetry::Format::Text, level: demo.log.clone(), ..telemetry::Config::default() };
    to_its_end(app::demo::run(app::demo::Options { listen: demo.listen, latency: demo.latency, log }))
}

/// Run a server on a runtime of its own and tell why it failed, if it did.
pub(super) fn to_its_end(server: impl Future<Output = Result<(), Failure>>) -> Exit {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::note(format_args!("error: no threads can be started: {error}"));
            return Exit::Unavailable;
        }
    };
    let result = runtime.block_on(server);
    // Calls that outlived the drain, and blocking file reads, are not waited for.
    runtime.shutdown_background();
    match result {
        Ok(()) => Exit::Fine,
        Err(failure) => ended(&failure),
    }
}

/// As many threads as `TOKIO_WORKER_THREADS` says, else as this process may use cores (a CPU limit of a container
/// counts). A single one has nobody to share work with, and is spared what sharing costs at every call.
fn runtime() -> io::Result<Runtime> {
    let said = env::var("TOKIO_WORKER_THREADS").ok().and_then(|text| text.trim().parse().ok());
    let threads = said.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build()
}

fn ended(failure: &Failure) -> Exit {
    let exit = match failure {
        Failure::Configuration(faults) => return output::refuse(faults),
        Failure::Usage(_) => Exit::Usage,
        Failure::Unavailable(_) => Exit::Unavailable,
        Failure::Bug(_) => Exit::Bug,
    };
    output::note(format_args!("error: {failure}"));
    exit
}
