//! `chaperone sandbox`: the Affinity sandbox alone.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    document::duration,
    sandbox::{Config, Quota, RateLimit, Sandbox},
    secret::{Secret, Source},
};

/// Where the sandbox's own API key may stand, since secrets do not belong on a command line.
const API_KEY_ENV: &str = "CHAPERONE_SANDBOX_API_KEY";

const USAGE: u8 = 64;
const UNAVAILABLE: u8 = 69;
const INTERRUPTED: u8 = 130;

/// Run a stand-in for the Affinity v1 API: believable data, in memory, gone when it ends
///
/// Any API key is accepted, as Basic password or Bearer token, unless CHAPERONE_SANDBOX_API_KEY or --api-key-file sets
/// the one to accept.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::doc_markdown, reason = "--help shows these texts as they are")]
pub struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Where the file storage listens that downloads are redirected to; a free port of the same address if absent
    #[arg(long, value_name = "ADDR")]
    storage_listen: Option<SocketAddr>,
    /// A seed file (YAML or JSON) instead of the built-in data
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Wait this long before every answer, such as 80ms
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = read_latency)]
    latency: Duration,
    /// A file with the only API key to accept; else CHAPERONE_SANDBOX_API_KEY, else any key that is not empty
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Requests a minute before 429
    #[arg(long, value_name = "N", default_value_t = RateLimit::default().user_per_minute)]
    user_limit: u64,
    /// Requests a month before 429: a number or `unlimited`
    #[arg(long, value_name = "N", default_value_t = RateLimit::default().org_per_month)]
    org_limit: Quota,
}

/// Serve until interrupted. 64: the seed or the key cannot be read; 69: the port cannot be taken.
pub async fn run(args: Args) -> ExitCode {
    let api_key = match api_key(args.api_key_file) {
        Ok(api_key) => api_key,
        Err(text) => return fail(USAGE, &text),
    };
    let config = Config {
        listen: args.listen,
        storage_listen: args.storage_listen,
        seed: args.seed,
        latency: args.latency,
        api_key,
        rate_limit: RateLimit { user_per_minute: args.user_limit, org_per_month: args.org_limit },
    };
    let sandbox = match Sandbox::bind(config).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            let code = if error.kind() == io::ErrorKind::InvalidData { USAGE } else { UNAVAILABLE };
            return fail(code, &error.to_string());
        }
    };
    let (mut interrupt, mut terminate) = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
        (Err(error), _) | (_, Err(error)) => return fail(UNAVAILABLE, &error.to_string()),
    };
    // A closed stdout is no reason not to serve.
    let _ = writeln!(io::stdout(), "Affinity sandbox: http://{}", sandbox.local_addr());
    let mut code = ExitCode::SUCCESS;
    let shutdown = async {
        tokio::select! {
            _ = interrupt.recv() => code = ExitCode::from(INTERRUPTED),
            _ = terminate.recv() => {}
        }
    };
    sandbox.run(shutdown).await;
    code
}

fn api_key(file: Option<PathBuf>) -> Result<Option<Secret>, String> {
    match file {
        Some(path) => Source::File(path).fetch().map(Some),
        None if std::env::var_os(API_KEY_ENV).is_some() => Source::Env(API_KEY_ENV.to_owned()).fetch().map(Some),
        None => Ok(None),
    }
}

fn read_latency(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| format!("`{text}` is not a duration, expected one with its unit such as 80ms or 2s"))
}

fn fail(code: u8, text: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_defaults_are_affinitys_published_limits_and_no_latency() {
        let args = Cli::try_parse_from(["sandbox"]).unwrap().args;
        assert_eq!((args.listen.to_string().as_str(), args.latency), ("127.0.0.1:8787", Duration::ZERO));
        assert_eq!((args.user_limit, args.org_limit), (900, Quota::Limited(100_000)));
    }

    #[test]
    fn values_without_sense_are_refused_with_what_was_expected() {
        for (argument, expected) in [("--latency=80", "with its unit"), ("--org-limit=lots", "a number or unlimited")] {
            let text = Cli::try_parse_from(["sandbox", argument]).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        }
    }
}
