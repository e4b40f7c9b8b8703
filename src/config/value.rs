//! Single values of the configuration: what each kind of key may hold.

use std::{net::SocketAddr, path::Path, path::PathBuf, time::Duration};

use crate::document::{At, Located};

pub(super) fn address(at: &At<'_>) -> Option<SocketAddr> {
    let text = at.text()?;
    text.parse().ok().or_else(|| {
        at.fault(format!("expected an IP address and a port such as 127.0.0.1:8080 or [::1]:8080, found `{text}`"));
        None
    })
}

pub(super) fn path(at: &At<'_>, base: &Path) -> Option<Located<PathBuf>> {
    // Collected from its parts, so that `./` does not stand in the middle of what faults call the file.
    at.text().map(|text| at.locate(base.join(text).components().collect()))
}

pub(super) fn count(at: &At<'_>) -> Option<usize> {
    at.unsigned()
}

pub(super) fn few(at: &At<'_>, most: u32) -> Option<u32> {
    let found: u32 = at.unsigned()?;
    if found > most {
        at.fault(format!("expected at most {most}"));
    }
    Some(found).filter(|value| *value <= most)
}

pub(super) fn positive(at: &At<'_>, found: Option<usize>) -> Option<usize> {
    if found == Some(0) {
        at.fault("expected more than 0");
    }
    found.filter(|value| *value > 0)
}

pub(super) fn timeout(at: &At<'_>) -> Option<Duration> {
    let found = at.duration()?;
    if found.is_zero() {
        at.fault("expected more than 0: nothing could ever be in time");
    }
    Some(found).filter(|time| !time.is_zero())
}

pub(super) fn level(at: &At<'_>) -> Option<String> {
    let text = at.text()?;
    if tracing_subscriber::EnvFilter::builder().parse(text).is_err() {
        at.fault(format!("expected a level (error, warn, info, debug, trace) or directives such as info,chaperone=debug, found `{text}`"));
        return None;
    }
    Some(text.to_owned())
}

pub(super) fn public_url(at: &At<'_>) -> Option<String> {
    let text = at.text()?.trim_end_matches('/');
    let uri = super::account::url(text);
    if uri.is_none() {
        at.fault("expected a URL such as https://mcp.example.com, without user, query and fragment");
    }
    uri.map(|_| text.to_owned())
}

pub(super) fn origins(at: &At<'_>) -> Vec<String> {
    let origin = |at: &At<'_>| {
        let text = at.text()?.trim_end_matches('/').to_ascii_lowercase();
        // RFC 6454 section 7: scheme, host and port, nothing more. Other schemes are those of browser extensions.
        let after = text.split_once("://").filter(|(scheme, _)| !scheme.is_empty()).map(|(_, after)| after);
        if after.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', '@', '*'])) {
            at.fault("expected an origin such as https://app.example.com, without a path; there is no wildcard");
            return None;
        }
        Some(text)
    };
    at.items().unwrap_or_default().iter().filter_map(origin).collect()
}
