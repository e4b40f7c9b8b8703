//! The command line.
//!
//! stdout carries results, stderr everything else. Colour is clap's: only on a terminal and never with `NO_COLOR`.

mod check;
mod output;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod token;
mod tools;

use std::path::PathBuf;
#[cfg(feature = "sandbox")]
use std::{net::SocketAddr, time::Duration};

use clap::{Args, Parser, Subcommand};

pub use output::Exit;

/// Lets AI agents work in Affinity over MCP, each within the policy it was given.
#[derive(Debug, Parser)]
#[command(name = "chaperone", version, about, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
#[command(arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

const LONG_ABOUT: &str = "\
chaperone stands between AI agents and the Affinity CRM. Agents connect to it over MCP
(Model Context Protocol, streamable HTTP); each MCP server that it offers shows the tools
that one policy file allows, and no others.

Begin with `chaperone demo`: it needs no account and no configuration.";

const AFTER_HELP: &str = "\
Exit codes: 0 fine, 64 bad usage or configuration, 69 a needed service is not there (such as
a port that is taken), 70 a bug in chaperone, 130 interrupted";

#[cfg(feature = "sandbox")]
const DEMO_ABOUT: &str = "\
Try chaperone out with nothing configured: a simulated Affinity with believable data, one MCP
server with full access to it and one that only reads. Prints the URLs and how to connect a
client. Nothing leaves this host.";

const SERVE_ABOUT: &str = "\
Serve the MCP servers that a configuration names, until SIGTERM or Ctrl-C.

Policies, catalog, accounts, API tokens and secrets are watched and taken over when they
change; a change with a fault is refused whole and the old set keeps serving. SIGHUP reloads
at once.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it out: a simulated Affinity and two MCP servers, with nothing configured
    #[cfg(feature = "sandbox")]
    #[command(long_about = DEMO_ABOUT)]
    Demo(Demo),
    /// Serve the MCP servers that a configuration names
    #[command(long_about = SERVE_ABOUT)]
    Serve(Serve),
    /// Name every fault of configuration, policies and catalog at once
    #[command(long_about = check::LONG_ABOUT)]
    Check(check::Check),
    /// List the tools of an MCP server, and for every hidden one the rule that hides it
    #[command(long_about = tools::LONG_ABOUT)]
    Tools(tools::Tools),
    /// Make tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Run the simulated Affinity alone: believable data, in memory, gone when it ends
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Args),
}

#[cfg(feature = "sandbox")]
#[derive(Args, Debug)]
struct Demo {
    /// Where MCP traffic arrives; without it 127.0.0.1:8080, or any free port if that is taken
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// How long the simulated Affinity takes for every answer
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = duration)]
    latency: Duration,
    /// What is logged to stderr: a level such as warn, or several as in `info,chaperone::access=off`
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
}

#[derive(Args, Debug)]
struct Serve {
    #[command(flatten)]
    required: ConfigFile,
    #[command(flatten)]
    overrides: Overrides,
}

#[cfg(feature = "sandbox")]
fn duration(text: &str) -> Result<Duration, String> {
    crate::document::duration(text).ok_or_else(|| "expected a duration with its unit such as 80ms or 2s".to_owned())
}

/// The configuration file, where a command cannot do without.
#[derive(Args, Debug)]
struct ConfigFile {
    /// The configuration file; relative paths in it are relative to its folder
    #[arg(long, short, value_name = "FILE", env = "CHAPERONE_CONFIG")]
    config: PathBuf,
}

const SET_HELP: &str = "\
Override a key of the configuration, as in `limits.max_body=8MiB`; may be repeated.
Every key that holds one value can be set so, or by an environment variable: CHAPERONE_ and
the key in capitals (CHAPERONE_LIMITS_MAX_BODY). A flag wins over the environment, the
environment over the file, the file over the default.";

/// Keys of the configuration that are given on the command line.
#[derive(Args, Debug)]
struct Overrides {
    /// Where MCP traffic arrives, instead of `listen` in the configuration
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Override a key of the configuration, as in `limits.max_body=8MiB`; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value, long_help = SET_HELP)]
    set: Vec<(String, String)>,
}

impl Overrides {
    fn into_flags(self) -> Vec<(String, String)> {
        let listen = self.listen.map(|listen| ("listen".to_owned(), listen));
        self.set.into_iter().chain(listen).collect()
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE such as limits.max_body=8MiB")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Run the command line of this process.
#[must_use]
pub fn main() -> std::process::ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => run::run(cli.command),
        Err(error) => {
            // Nothing more can be said where nothing can be written.
            let _ = error.print();
            if error.use_stderr() { Exit::Usage } else { Exit::Fine }
        }
    };
    exit.into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_flag_of_its_own_wins_over_set() {
        let args = ["chaperone", "serve", "-c", "c.yaml", "--set", "listen=127.0.0.1:1", "--listen", "127.0.0.1:2"];
        let Command::Serve(serve) = Cli::try_parse_from(args).unwrap().command else { panic!("expected serve") };
        assert_eq!(serve.overrides.into_flags().last().unwrap().1, "127.0.0.1:2");
    }
}
