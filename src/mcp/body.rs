//! The body of an answer: pieces one after the other, so that what is large and at hand is sent as it is, and what is
//! large and to be escaped is escaped as it is sent, and never held.

use std::{
    convert::Infallible,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

use crate::json::escape::{escape, escaped_len};

/// Most pieces of a body, and one of them may have a text before it that is to be escaped.
const PIECES: usize = 4;

/// Bytes of a text that are escaped at once: enough to be worth a write, and they stay in the processor's cache until
/// the kernel has copied them.
const CHUNK: usize = 32 * 1024;

/// A body that is all there.
#[derive(Debug, Default)]
pub struct Body {
    pieces: [Bytes; PIECES],
    /// Comes after the first piece.
    text: Option<Box<Text>>,
}

/// A text that is escaped on its way.
#[derive(Debug)]
struct Text {
    /// What is left of it.
    raw: Bytes,
    /// How long that will be.
    length: usize,
    /// What was sent already comes back here, and is used again.
    room: BytesMut,
}

impl Body {
    /// These pieces in this order.
    #[must_use]
    pub fn of(pieces: [Bytes; PIECES]) -> Self {
        Self { pieces, text: None }
    }

    /// These pieces in this order, and after the first a text, escaped as in a JSON string.
    #[must_use]
    pub fn escaping(text: Bytes, pieces: [Bytes; PIECES]) -> Self {
        let text = Text { length: escaped_len(&text), raw: text, room: BytesMut::new() };
        Self { pieces, text: Some(Box::new(text)) }
    }

    fn len(&self) -> usize {
        let text = self.text.as_ref().map_or(0, |text| text.length);
        self.pieces.iter().map(Bytes::len).sum::<usize>() + text
    }

    fn next(&mut self) -> Option<Bytes> {
        let (first, rest) = self.pieces.split_first_mut()?;
        if !first.is_empty() {
            return Some(mem::take(first));
        }
        if let Some(text) = &mut self.text {
            match text.next() {
                Some(piece) => return Some(piece),
                None => self.text = None,
            }
        }
        rest.iter_mut().find(|piece| !piece.is_empty()).map(mem::take)
    }
}

impl Text {
    fn next(&mut self) -> Option<Bytes> {
        if self.raw.is_empty() {
            return None;
        }
        let raw = self.raw.split_to(self.raw.len().min(CHUNK));
        // As much again for the escapes is usual, and more is found if that is too little.
        let expected = self.length.min(CHUNK + CHUNK / 2);
        if !self.room.try_reclaim(expected) {
            self.room = BytesMut::with_capacity(expected);
        }
        escape(&raw, |piece| self.room.extend_from_slice(piece));
        self.length -= self.room.len();
        Some(self.room.split().freeze())
    }
}

impl From<Bytes> for Body {
    fn from(whole: Bytes) -> Self {
        Self::of([whole, Bytes::new(), Bytes::new(), Bytes::new()])
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body::Body as _;
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn pieces_come_in_order_and_the_size_is_known_beforehand() {
        let body = Body::of([Bytes::new(), "ab".into(), Bytes::new(), "c".into()]);
        assert_eq!(body.size_hint().exact(), Some(3));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
        assert!(Body::default().is_end_stream());
    }

    /// Frames of a body, each dropped before the next if `recycled`; the rest of the size is checked in between.
    fn frames(mut body: Body, recycled: bool) -> Vec<Vec<u8>> {
        let (mut held, mut frames) = (Vec::new(), Vec::new());
        while !body.is_end_stream() {
            let before = body.size_hint().exact().unwrap();
            let frame = body.frame().now_or_never().unwrap().unwrap().unwrap().into_data().unwrap();
            assert_eq!(body.size_hint().exact().unwrap() + frame.len() as u64, before);
            frames.push(frame.to_vec());
            if !recycled {
                held.push(frame);
            }
        }
        assert!(body.frame().now_or_never().unwrap().is_none());
        assert!(held.iter().zip(&frames).all(|(held, frame)| held == frame), "what was given out has changed");
        frames
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_text_is_escaped_whatever_its_length_and_whether_frames_are_held(
            unit in "(?s)[\"\\\\\n\u{0}-\u{1f}a-zé]{1,40}",
            times in 0..5_000_usize,
            recycled in any::<bool>(),
        ) {
            let text = unit.repeat(times);
            let pieces = ["<".into(), ">".into(), Bytes::new(), "!".into()];
            let body = Body::escaping(text.clone().into(), pieces);
            let expected = body.size_hint().exact().unwrap();
            let whole = frames(body, recycled).concat();
            prop_assert_eq!(whole.len() as u64, expected);
            let string = [b"\"", &whole[1..whole.len() - 2], b"\""].concat();
            prop_assert_eq!(serde_json::from_slice::<String>(&string).unwrap(), text);
            prop_assert_eq!((whole[0], &whole[whole.len() - 2..]), (b'<', &b">!"[..]));
        }
    }

    #[test]
    fn room_that_came_back_is_used_again() {
        let mut body = Body::escaping(vec![b'"'; 10 * CHUNK].into(), Default::default());
        let mut places = std::collections::HashSet::new();
        while let Some(frame) = body.next() {
            assert!(frame.len() <= 2 * CHUNK);
            places.insert(frame.as_ptr());
        }
        assert!(places.len() <= 2, "{places:?}");
    }
}
