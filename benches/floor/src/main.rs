//! The floor: hyper, and nothing else. No proxy made of these parts can cost less; what chaperone costs above it is
//! chaperone's own work.
//!
//! `floor forward HOST:PORT` is hyper's server, its pooled client, and between them nothing. `floor answer FILE` is
//! hyper's server that answers everything with the bytes of a file. Each has one thread.
//!
//! A package of its own, so that it is built with what it needs and nothing more: the opponent at its best.

mod answer;
mod forward;

use std::convert::Infallible;
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::{env, io};

use tokio::runtime;

/// What ends a floor: it does not end by itself.
type Never = Result<Infallible, Box<dyn Error>>;

fn main() -> ExitCode {
    let Err(error) = run();
    // Where stderr is gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "floor: {error}");
    ExitCode::FAILURE
}

fn run() -> Never {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["forward", upstream] => runtime.block_on(forward::run(upstream)),
        ["answer", file] => runtime.block_on(answer::run(file)),
        _ => Err("expected `forward HOST:PORT` or `answer FILE`".into()),
    }
}
