//! Room that the connections of a thread use in turns, for what they read and what they write.
//!
//! A message of a kilobyte or two is larger than what an allocator keeps at hand, and takes hundreds of instructions to find
//! room for. So a thread takes room for several at once, and uses it again when all of them are gone. Most are gone before
//! the next one comes: then it is the same few lines of the processor's cache for all connections, and none holds any of it
//! while it is idle.

use std::{
    cell::RefCell,
    future::Future as _,
    io,
    pin::pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Room taken at once for answers; one that is still to be sent keeps all of it.
const BLOCK: usize = 16 * 1024;

/// What is larger has a place of its own.
const SMALL: usize = BLOCK / 4;

/// Room taken at once for what is read.
pub(crate) const READ_BLOCK: usize = 32 * 1024;

/// Most that [`poll_read`] is good for: whoever expects more at once has room of its own.
pub(crate) const READ: usize = READ_BLOCK / 4;

thread_local! {
    static LEFT: RefCell<BytesMut> = RefCell::default();
    static LEFT_TO_READ: RefCell<BytesMut> = RefCell::default();
}

/// Read what there is, at least [`READ`] bytes if there are so many; nothing at the end. Whoever keeps some of it for longer
/// than a moment should copy it: it keeps all of its room.
pub(crate) fn poll_read<I: AsyncRead + Unpin>(io: &mut I, cx: &mut Context<'_>) -> Poll<io::Result<BytesMut>> {
    LEFT_TO_READ.with_borrow_mut(|left| {
        if left.capacity() < READ && !left.try_reclaim(READ_BLOCK) {
            *left = BytesMut::with_capacity(READ_BLOCK);
        }
        ready!(pin!(io.read_buf(left)).poll(cx))?;
        Poll::Ready(Ok(left.split()))
    })
}

/// What `write` writes, in room for about so many bytes; there is more if it takes more. It must not come here itself: there
/// is one room.
pub(crate) fn written(bytes: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
    if bytes > SMALL {
        let mut own = BytesMut::with_capacity(bytes);
        write(&mut own);
        return own.freeze();
    }
    LEFT.with_borrow_mut(|left| {
        // What a panic has left behind is no part of the next answer.
        left.clear();
        if left.capacity() < bytes && !left.try_reclaim(BLOCK) {
            *left = BytesMut::with_capacity(BLOCK);
        }
        write(left);
        left.split().freeze()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_what_was_written_whatever_was_expected_and_whoever_still_holds_one() {
        let mut held = Vec::new();
        for n in 0..200_u8 {
            let text = vec![n; usize::from(n) * 40];
            let answer = written(usize::from(n), |out| out.extend_from_slice(&text));
            assert_eq!(answer, text);
            if n % 3 == 0 {
                held.push((answer, text));
            }
        }
        assert!(held.iter().all(|(answer, text)| answer == text));
    }

    #[test]
    fn room_is_used_again_once_its_answers_are_gone() {
        let places = (0..100).map(|_| written(SMALL, |out| out.resize(SMALL, b'b')).as_ptr().addr());
        let (least, most) = places.fold((usize::MAX, 0), |(least, most), at| (least.min(at), most.max(at)));
        assert!(most - least < BLOCK, "{least} {most}");
    }

    #[tokio::test]
    async fn what_was_read_stays_as_it_was_and_its_room_is_used_again_once_it_is_gone() {
        let mut places = std::collections::HashSet::new();
        for held_for in [0, 40_u8] {
            let mut held = std::collections::VecDeque::new();
            for n in 0..200_u8 {
                let mut sent = &[n; 1_000][..];
                let read = std::future::poll_fn(|cx| poll_read(&mut sent, cx)).await.unwrap();
                places.insert(read.as_ptr().addr() / READ_BLOCK);
                held.push_back(read);
                if held.len() > usize::from(held_for) {
                    assert_eq!(held.pop_front().unwrap(), [n - held_for; 1_000][..]);
                }
            }
            // Wherever it begins, a block touches two such places.
            assert!(held_for > 0 || places.len() <= 2, "{}", places.len());
        }
        assert!(std::future::poll_fn(|cx| poll_read(&mut &[][..], cx)).await.unwrap().is_empty());
    }
}
