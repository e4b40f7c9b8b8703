//! Where the values of a JSON text begin and end (RFC 8259), found without reading what they say.
//!
//! Every byte of an answer passes here once, so it is done by hand. It takes no more than `serde_json` does, and gives up
//! (`None`) wherever that is simpler: whoever asks reads such a text with `serde_json`, which also says what is wrong
//! with it.

#![expect(clippy::inline_always, reason = "most of what is scanned is short, and costs less than a call")]

use std::{ops::Range, str};

use super::BLOCK;

/// Beyond this there is no room for one level more.
const DEEPEST: u64 = u64::MAX >> 1;

/// The members of the object that `text` is: key, and where its value stands. `None` if it is no object, or gave up.
pub(crate) fn members<'t>(text: &'t [u8], mut found: impl FnMut(&'t str, Range<usize>) -> Option<()>) -> Option<()> {
    let mut stops = Stops::of(text);
    let mut at = space(text, take(text, space(text, 0), b'{')?);
    if text.get(at) == Some(&b'}') {
        return stops.end(at + 1);
    }
    loop {
        let begun = take(text, at, b'"')?;
        let ended = string(text, begun, &mut stops)?;
        // With escapes it could not be compared as it stands.
        let key = text.get(begun..ended - 1).filter(|key| !key.contains(&b'\\'))?;
        let start = space(text, take(text, space(text, ended), b':')?);
        let after = value(text, start, &mut stops)?;
        found(str::from_utf8(key).ok()?, start..after)?;
        at = space(text, after);
        match text.get(at)? {
            b',' => at = space(text, at + 1),
            b'}' => return stops.end(at + 1),
            _ => return None,
        }
    }
}

/// Where the one value that `text` is stands. `None` if there is none, or gave up.
pub(crate) fn whole(text: &[u8]) -> Option<Range<usize>> {
    let mut stops = Stops::of(text);
    let start = space(text, 0);
    let after = value(text, start, &mut stops)?;
    stops.end(after).map(|()| start..after)
}

/// The bytes that no string holds as they are, found a block at a time and ahead of what asks for them: so no string
/// waits for the one before it.
#[derive(Clone, Copy)]
pub(crate) struct Stops<'t> {
    text: &'t [u8],
    /// Bits for those of the block that nobody has asked for.
    left: u64,
    /// Where the next block begins.
    next: usize,
    /// Was there nothing but ASCII so far? Then it need not be read once more.
    is_ascii: bool,
}

impl<'t> Stops<'t> {
    /// None asked for yet.
    pub(crate) fn of(text: &'t [u8]) -> Self {
        Self { text, left: 0, next: 0, is_ascii: true }
    }

    /// The first one that does not stand before `at`. It may stand behind the text. Ask in order.
    #[inline(always)]
    fn from(&mut self, at: usize) -> Option<usize> {
        loop {
            if self.left == 0 {
                let (left, is_ascii) = block(self.text, self.next)?;
                (self.left, self.is_ascii) = (left, self.is_ascii & is_ascii);
                self.next += BLOCK;
                continue;
            }
            let found = self.next - BLOCK + self.left.trailing_zeros() as usize;
            self.left &= self.left - 1;
            if found >= at {
                return Some(found);
            }
        }
    }

    /// The text must be over, and must have been UTF-8. Blocks that were not looked at have no strings, and so, for a
    /// value was found there, nothing but ASCII.
    fn end(&self, at: usize) -> Option<()> {
        let is_over = space(self.text, at) == self.text.len();
        (is_over && (self.is_ascii || str::from_utf8(self.text).is_ok())).then_some(())
    }
}

#[inline(always)]
fn block(text: &[u8], at: usize) -> Option<(u64, bool)> {
    let left = text.get(at..)?;
    left.first_chunk().map_or_else(|| last_block(left), |block| Some(super::stops_of_block(block)))
}

#[cold]
#[inline(never)]
fn last_block(left: &[u8]) -> Option<(u64, bool)> {
    // Behind the text, every byte is a stop.
    let mut block = [0; BLOCK];
    block.get_mut(..left.len())?.copy_from_slice(left);
    (!left.is_empty()).then(|| super::stops_of_block(&block))
}

// All that follows takes the place where something begins, and says where it ends.

#[inline(always)]
pub(crate) fn take(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (*text.get(at)? == byte).then_some(at + 1)
}

/// As [`take`], after white space, which is rare.
#[inline(always)]
fn take_next(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    if *text.get(at)? == byte { Some(at + 1) } else { take(text, some_space(text, at)?, byte) }
}

pub(crate) fn space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

#[inline(never)]
fn some_space(text: &[u8], at: usize) -> Option<usize> {
    let after = space(text, at);
    (after > at).then_some(after)
}

/// A value.
pub(crate) fn value(text: &[u8], mut at: usize, stops: &mut Stops<'_>) -> Option<usize> {
    // One bit a level: is it an object? Above them one that is always set.
    let mut levels = 1;
    // A copy can be kept in registers.
    let mut ahead = *stops;
    loop {
        let first = *text.get(at)?;
        at += 1;
        match first {
            b'"' => at = string(text, at, &mut ahead)?,
            b'{' | b'[' => {
                if *text.get(at)? <= b' ' {
                    at = some_space(text, at)?;
                }
                // What closes stands two places behind what opens, in ASCII.
                if *text.get(at)? == first + 2 {
                    at += 1;
                } else if levels > DEEPEST {
                    return None;
                } else {
                    let is_object = first == b'{';
                    levels = levels << 1 | u64::from(is_object);
                    if is_object {
                        at = key(text, at, &mut ahead)?;
                    }
                    continue;
                }
            }
            b'1'..=b'9' => at = fraction(text, digits(text, at))?,
            b'-' | b'0' => at = number(text, at, first)?,
            b't' => at = word(text, at, *b"rue")?,
            b'f' => at = word(text, at, *b"alse")?,
            b'n' => at = word(text, at, *b"ull")?,
            _ => {
                at = some_space(text, at - 1)?;
                continue;
            }
        }
        // A value is over, and perhaps those around it.
        loop {
            if levels == 1 {
                *stops = ahead;
                return Some(at);
            }
            let byte = *text.get(at)?;
            at += 1;
            match (levels & 1 == 1, byte) {
                (true, b',') => {
                    at = key(text, at, &mut ahead)?;
                    break;
                }
                (false, b',') => break,
                (true, b'}') | (false, b']') => levels >>= 1,
                _ => at = some_space(text, at - 1)?,
            }
        }
    }
}

/// The key before a value, its colon too.
#[inline(always)]
fn key(text: &[u8], at: usize, stops: &mut Stops<'_>) -> Option<usize> {
    let after = string(text, take_next(text, at, b'"')?, stops)?;
    take_next(text, after, b':')
}

#[inline(always)]
fn word<const REST: usize>(text: &[u8], at: usize, rest: [u8; REST]) -> Option<usize> {
    (text.get(at..)?.first_chunk() == Some(&rest)).then_some(at + REST)
}

/// The rest of a number that does not begin with one of the digits that most begin with.
fn number(text: &[u8], at: usize, first: u8) -> Option<usize> {
    let (leading, at) = if first == b'-' { (*text.get(at)?, at + 1) } else { (first, at) };
    match leading {
        b'0' => fraction(text, at),
        b'1'..=b'9' => fraction(text, digits(text, at)),
        _ => None,
    }
}

/// What may follow the whole part of a number.
#[inline(always)]
fn fraction(text: &[u8], at: usize) -> Option<usize> {
    if matches!(text.get(at), Some(b'.' | b'e' | b'E')) { some_fraction(text, at) } else { Some(at) }
}

#[inline(never)]
fn some_fraction(text: &[u8], mut at: usize) -> Option<usize> {
    if text.get(at) == Some(&b'.') {
        at = some_digits(text, at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(text.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = some_digits(text, at)?;
    }
    Some(at)
}

/// Eight at a time, as how many there are cannot be guessed.
#[inline(always)]
fn digits(text: &[u8], mut at: usize) -> usize {
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let digits = super::digits(*bytes);
        at += digits;
        if digits < bytes.len() {
            return at;
        }
    }
    last_digits(text, at)
}

/// As [`digits`], where the text is nearly over.
#[cold]
#[inline(never)]
fn last_digits(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

fn some_digits(text: &[u8], at: usize) -> Option<usize> {
    let end = digits(text, at);
    (end > at).then_some(end)
}

/// The rest of a string, after its first quote.
#[inline(always)]
pub(crate) fn string(text: &[u8], mut at: usize, stops: &mut Stops<'_>) -> Option<usize> {
    loop {
        at = stops.from(at)?;
        if *text.get(at)? == b'"' {
            return Some(at + 1);
        }
        at = escape(text, at)?;
    }
}

/// An escape; a control character is none.
#[inline(never)]
fn escape(text: &[u8], at: usize) -> Option<usize> {
    let at = take(text, at, b'\\')?;
    match *text.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => text.get(at + 1..at + 5)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 5),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
