//! `shared`: where replicas share their limits.

use std::{path::Path, time::Duration};

use super::value::path;
use crate::document::{At, Value};
use crate::policy::quota::{Address, SharedConfig};
use crate::secret::Source;

/// A store in the same network answers in less than a millisecond; whoever waits longer is better off without it.
const TIMEOUT: Duration = Duration::from_millis(50);

/// Read `none`, `redis://…`, or `{url: …, replicas: …, timeout: …, ca_file: …}`.
pub(super) fn read(at: &At<'_>, base: &Path) -> Option<SharedConfig> {
    if let Value::String(word) = at.value() {
        let url = if word == "none" { None } else { plain(at) };
        return url.map(|url| SharedConfig { url, replicas: 1, timeout: TIMEOUT, ca_file: None });
    }
    let mut fields = at.fields()?;
    let url = fields.require("url").and_then(|at| match at.value() {
        Value::String(_) => plain(&at),
        _ => Source::read(&at, base).map(Address::Secret),
    });
    let replicas = fields.get("replicas").and_then(|at| positive(&at)).unwrap_or(1);
    let timeout = fields.get("timeout").and_then(|at| at.duration()).unwrap_or(TIMEOUT);
    let ca_file = fields.get("ca_file").and_then(|at| path(&at, base)).map(|path| path.value);
    fields.finish();
    url.map(|url| SharedConfig { url, replicas, timeout, ca_file })
}

/// The text is not echoed: somebody may have written a password.
fn plain(at: &At<'_>) -> Option<Address> {
    let text = at.text()?;
    let rest = text.strip_prefix("redis://").or_else(|| text.strip_prefix("rediss://"));
    match rest {
        None => at.fault("expected none, redis://host:6379 or rediss://host:6379"),
        Some(rest) if rest.contains('@') => {
            at.fault(
                "a URL with a password is never written inline, expected {url: {env: NAME}} or {url: {file: PATH}}",
            );
        }
        Some("") => at.fault("expected a host, such as redis://host:6379"),
        Some(_) => return Some(Address::Plain(text.to_owned())),
    }
    None
}

fn positive(at: &At<'_>) -> Option<u32> {
    let found: u32 = at.unsigned()?;
    if found == 0 {
        at.fault("expected at least 1");
    }
    Some(found).filter(|replicas| *replicas > 0)
}
