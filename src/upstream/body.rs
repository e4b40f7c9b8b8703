//! Reading an answer's body, up to a limit.

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;

use super::failure::Failure;
use super::meter::Ticket;
use crate::causes::causes;
use crate::pieces::Pieces;

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
pub(super) async fn read<B>(mut body: B, limit: usize, meter: Ticket<'_>) -> Result<Received, (Bytes, Failure)>
where
    B: Body<Data = Bytes, Error: std::error::Error> + Unpin,
{
    let size = body.size_hint().exact();
    if size.is_some_and(|size| size > limit as u64) {
        return Ok(Received { bytes: Bytes::new(), exceeds: true, size });
    }
    let mut pieces = Pieces::expecting(size.and_then(|size| usize::try_from(size).ok()));
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => {
                return Err((pieces.whole(), Failure::Incomplete(format!("the answer broke off: {}", causes(&error)))));
            }
        };
        meter.received(data.len());
        if pieces.len() + data.len() > limit {
            return Ok(Received { bytes: pieces.whole(), exceeds: true, size });
        }
        pieces.push(data);
    }
    let bytes = pieces.whole();
    Ok(Received { size: Some(bytes.len() as u64), bytes, exceeds: false })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{FutureExt, stream};
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;
    use crate::outcome::Progress;
    use crate::upstream::meter::Meter;

    fn pieces(texts: &[&'static str], limit: usize) -> Received {
        let frames = texts.iter().map(|text| Ok::<_, Infallible>(Frame::data(Bytes::from_static(text.as_bytes()))));
        let body = StreamBody::new(stream::iter(frames));
        read(body, limit, Meter::start(Progress::default()).ticket(0)).now_or_never().unwrap().unwrap()
    }

    #[test]
    fn pieces_are_joined_in_order_up_to_the_limit() {
        for texts in [&["abcdef"][..], &["ab", "", "cd", "ef"], &["", "abcdef"]] {
            let whole = pieces(texts, 6);
            assert_eq!((whole.bytes, whole.exceeds, whole.size), ("abcdef".into(), false, Some(6)));
            assert!(pieces(texts, 5).exceeds);
        }
        assert_eq!(pieces(&[], 0), Received { size: Some(0), ..Received::default() });
    }

    #[test]
    fn a_body_that_says_it_is_too_large_is_not_read() {
        let meter = Meter::start(Progress::default());
        let body = Full::new(Bytes::from_static(b"abcdef"));
        let received = read(body, 5, meter.ticket(0)).now_or_never().unwrap().unwrap();
        assert_eq!(received, Received { bytes: Bytes::new(), exceeds: true, size: Some(6) });
        assert_eq!(meter.finish().received, 0);
    }
}
