//! The `chaperone` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    chaperone::cli::main()
}
