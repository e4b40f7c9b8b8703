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
    let threads = threads(env::var("TOKIO_WORKER_THREADS").ok().as_deref())?;
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()
}

fn threads(said: Option<&str>) -> io::Result<usize> {
    let Some(text) = said else { return Ok(thread::available_parallelism().map_or(1, NonZero::get)) };
    text.trim().parse().ok().filter(|threads| *threads > 0).ok_or_else(|| {
        io::Error::other(
            "TOKIO_WORKER_THREADS: expected how many threads, a number of at least 1; leave it out for one a core",
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_threads_that_is_none_is_refused_and_not_guessed_at() {
        assert_eq!(threads(Some(" 3 ")).unwrap(), 3);
        assert!(threads(None).unwrap() >= 1);
        for text in ["0", "-1", "two", ""] {
            assert!(threads(Some(text)).unwrap_err().to_string().contains("at least 1"), "{text}");
        }
    }
}
