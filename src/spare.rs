//! Header maps of requests that were read, emptied and used again for answers.
//!
//! A map of a few headers is more than what an allocator keeps at hand. The map of a request that was read is that of the
//! next request or answer.

use std::cell::RefCell;

use http::HeaderMap;

/// Maps that are kept a thread: as many requests are read before the first of them is answered.
const KEPT: usize = 64;

/// Headers of the largest map that is kept.
const LARGEST: usize = 32;

thread_local! {
    static SPARE: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// A map that is no longer needed.
pub(crate) fn put_away(mut headers: HeaderMap) {
    headers.clear();
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < KEPT && headers.capacity() <= LARGEST {
            spare.push(headers);
        }
    });
}

/// A map without headers.
pub(crate) fn headers() -> HeaderMap {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn what_was_put_away_comes_back_empty_unless_it_is_large() {
        for (room, comes_back) in [(12, true), (1_000, false)] {
            let mut map = HeaderMap::with_capacity(room);
            map.append(header::COOKIE, HeaderValue::from_static("secret"));
            let had = map.capacity();
            put_away(map);
            let map = headers();
            assert_eq!((map.len(), map.capacity() == had), (0, comes_back), "{room}");
        }
    }

    #[test]
    fn no_more_are_kept_than_are_of_use() {
        for _ in 0..2 * KEPT {
            put_away(HeaderMap::with_capacity(1));
        }
        assert_eq!(std::iter::repeat_with(headers).take(2 * KEPT).filter(|map| map.capacity() > 0).count(), KEPT);
    }
}
