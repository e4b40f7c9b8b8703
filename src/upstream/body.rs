//! Reading an answer's body, up to a limit.

use std::future::poll_fn;

use bytes::Bytes;
use tokio::time::Instant;

use super::failure::Failure;
use super::meter::Ticket;
use super::plane::Body;

/// A body, as far as it was read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Received {
    /// What was read.
    pub(super) bytes: Bytes,
    /// Is there more, beyond the limit?
    pub(super) exceeds: bool,
    /// How large the whole is, where that is known.
    pub(super) size: Option<u64>,
}

/// Read a body of at most `limit` bytes. One that says beforehand that it is larger is not read at all.
///
/// # Errors
/// The body broke off; with what was read until then.
pub(super) async fn read(body: &mut Body, limit: usize, meter: Ticket<'_>) -> Result<Received, (Bytes, Failure)> {
    let size = body.size();
    if size.is_some_and(|size| size > limit as u64) {
        return Ok(Received { bytes: Bytes::new(), exceeds: true, size });
    }
    let (mut length, mut last) = (0, None);
    while let Some(more) = poll_fn(|cx| body.poll_more(cx)).await {
        let at = *last.insert(Instant::now());
        match more {
            Ok(came) => {
                meter.received(came, at);
                length += came;
            }
            Err(failure) => return Err((body.broken(at), failure)),
        }
        if length > limit {
            return Ok(Received { bytes: Bytes::new(), exceeds: true, size });
        }
    }
    let bytes = body.whole(last.unwrap_or_else(Instant::now));
    Ok(Received { bytes, exceeds: false, size: Some(length as u64) })
}
