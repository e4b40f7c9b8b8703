//! Room for answers.
//!
//! An answer of a kilobyte or two is larger than what an allocator keeps at hand, and takes hundreds of instructions to find
//! room for. So a thread takes room for several at once, and uses it again when all of them were sent.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};

/// Room taken at once; an answer that is still to be sent keeps all of it.
const BLOCK: usize = 16 * 1024;

/// What is larger has a place of its own.
const SMALL: usize = BLOCK / 4;

thread_local! {
    static LEFT: RefCell<BytesMut> = RefCell::default();
}

/// What `write` writes, in room for about so many bytes; there is more if it takes more.
pub(super) fn written(bytes: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
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
}
