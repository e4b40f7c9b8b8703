//! `chaperone sandbox`: the Affinity sandbox alone.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use crate::app::Failure;
use crate::document::duration;
use crate::sandbox::{Config, Quota, RateLimit, Sandbox};
use crate::secret::{Secret, Source};
use crate::serve::drain;

/// Where the sandbox's own API key may stand, since secrets do not belong on a command line.
const API_KEY_ENV: &str = "CHAPERONE_SANDBOX_API_KEY";

/// Run a stand-in for the Affinity v1 API: believable data, in memory, gone when it ends
///
/// Any API key is accepted, as Basic password or Bearer token, unless CHAPERONE_SANDBOX_API_KEY or --api-key-file sets
/// the one to accept.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::doc_markdown, reason = "--help shows these texts as they are")]
pub(super) struct Args {
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

/// Serve until a signal ends it.
///
/// # Errors
/// The seed or the key cannot be read, or the port cannot be taken.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let config = Config {
        listen: args.listen,
        storage_listen: args.storage_listen,
        seed: args.seed,
        latency: args.latency,
        api_key: api_key(args.api_key_file).map_err(Failure::Usage)?,
        rate_limit: RateLimit { user_per_minute: args.user_limit, org_per_month: args.org_limit },
    };
    let sandbox = Sandbox::bind(config).await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Failure::Usage(error.to_string()),
        _ => Failure::Unavailable(error.to_string()),
    })?;
    let mut signals = drain::Signals::listen()
        .map_err(|error| Failure::Unavailable(format!("signals cannot be handled: {error}")))?;
    // A closed stdout is no reason not to serve.
    let _ = writeln!(io::stdout(), "Affinity sandbox: http://{}", sandbox.local_addr());
    let shutdown = async move {
        signals.next().await;
    };
    sandbox.run(shutdown).await;
    Ok(())
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
