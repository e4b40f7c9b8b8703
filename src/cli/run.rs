//! From a command to what it does.

use super::{Command, Demo, Exit, Serve, output};
use crate::app::{self, assemble::Sources};

pub(super) fn run(command: Command) -> Exit {
    match command {
        Command::Demo(demo) => run_demo(&demo),
        Command::Serve(serve) => run_serve(serve),
        Command::Check(check) => check.run(),
        Command::Tools(tools) => tools.run(),
        Command::Token(token) => token.run(),
    }
}

fn run_serve(serve: Serve) -> Exit {
    let sources = Sources::of_process(Some(serve.required.config), serve.overrides.into_flags());
    ended(app::serve(&sources))
}

fn run_demo(demo: &Demo) -> Exit {
    ended(app::demo(app::Demo { listen: demo.listen }))
}

fn ended(result: Result<(), app::Failure>) -> Exit {
    use app::Failure::{Bug, Faulty, Interrupted, Unavailable};
    let (message, exit) = match result {
        Ok(()) => return Exit::Fine,
        Err(Faulty(faults)) => return output::refuse(&faults),
        Err(Unavailable(message)) => (message, Exit::Unavailable),
        Err(Bug(message)) => (message, Exit::Bug),
        Err(Interrupted) => return Exit::Interrupted,
    };
    output::note(format_args!("error: {message}"));
    exit
}
