//! The body of an answer: pieces one after the other, so that what is large and at hand is sent as it is.

use std::{
    convert::Infallible,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Most pieces of a body.
const PIECES: usize = 4;

/// A body that is all there.
#[derive(Debug, Default)]
pub struct Body([Bytes; PIECES]);

impl Body {
    /// These pieces in this order.
    #[must_use]
    pub fn of(pieces: [Bytes; PIECES]) -> Self {
        Self(pieces)
    }

    fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }
}

impl From<Bytes> for Body {
    fn from(whole: Bytes) -> Self {
        Self([whole, Bytes::new(), Bytes::new(), Bytes::new()])
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.iter_mut().find(|piece| !piece.is_empty());
        Poll::Ready(next.map(|piece| Ok(Frame::data(mem::take(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn pieces_come_in_order_and_the_size_is_known_beforehand() {
        let body = Body::of([Bytes::new(), "ab".into(), Bytes::new(), "c".into()]);
        assert_eq!(body.size_hint().exact(), Some(3));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
        assert!(Body::default().is_end_stream());
    }
}
