//! Where the values of a JSON text begin and end (RFC 8259), found without reading what they say.
//!
//! Every byte of an answer passes here once, so it is done by hand, sixteen bytes at a time within strings. It takes no
//! more than `serde_json` does, and gives up (`None`) wherever that is simpler: whoever asks reads such a text with
//! `serde_json`, which also says what is wrong with it.

#![expect(clippy::inline_always, reason = "most of what is scanned is strings, and most of them cost less than a call")]

use std::{ops::Range, str};

use crate::json;

/// Deepest nesting that is followed: one bit for each level.
const DEEPEST: u32 = 127;

/// The members of the object that `text` is: key, and where its value stands. `None` if it is no object, or gave up.
pub(super) fn members<'t>(text: &'t [u8], mut found: impl FnMut(&'t str, Range<usize>) -> Option<()>) -> Option<()> {
    utf8(text)?;
    let mut at = space(text, take(text, space(text, 0), b'{')?);
    if text.get(at) == Some(&b'}') {
        return end(text, at + 1);
    }
    loop {
        let begun = take(text, at, b'"')?;
        let ended = string(text, begun)?;
        // With escapes it could not be compared as it stands.
        let key = text.get(begun..ended - 1).filter(|key| !key.contains(&b'\\'))?;
        let start = space(text, take(text, space(text, ended), b':')?);
        let after = value(text, start)?;
        found(str::from_utf8(key).ok()?, start..after)?;
        at = space(text, after);
        match text.get(at)? {
            b',' => at = space(text, at + 1),
            b'}' => return end(text, at + 1),
            _ => return None,
        }
    }
}

/// Where the one value that `text` is stands. `None` if there is none, or gave up.
pub(super) fn whole(text: &[u8]) -> Option<Range<usize>> {
    utf8(text)?;
    let start = space(text, 0);
    let after = value(text, start)?;
    end(text, after).map(|()| start..after)
}

/// Most answers have nothing but ASCII, which is told faster.
fn utf8(text: &[u8]) -> Option<()> {
    (text.is_ascii() || str::from_utf8(text).is_ok()).then_some(())
}

fn end(text: &[u8], at: usize) -> Option<()> {
    (space(text, at) == text.len()).then_some(())
}

// All that follows takes the place where something begins, and says where it ends.

pub(crate) fn take(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (*text.get(at)? == byte).then_some(at + 1)
}

#[inline]
pub(crate) fn space(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(byte) if *byte <= b' ' => spaces(text, at),
        _ => at,
    }
}

fn spaces(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

pub(crate) fn value(text: &[u8], mut at: usize) -> Option<usize> {
    // One bit a level: is it an object?
    let (mut depth, mut objects) = (0, 0u128);
    loop {
        let first = *text.get(at)?;
        at += 1;
        match first {
            b'"' => at = string(text, at)?,
            b'{' | b'[' => {
                at = space(text, at);
                // What closes stands two places behind what opens, in ASCII.
                if *text.get(at)? == first + 2 {
                    at += 1;
                } else if depth == DEEPEST {
                    return None;
                } else {
                    let is_object = first == b'{';
                    (depth, objects) = (depth + 1, objects << 1 | u128::from(is_object));
                    if is_object {
                        at = key(text, at)?;
                    }
                    continue;
                }
            }
            b'1'..=b'9' => at = fraction(text, digits(text, at))?,
            b'-' | b'0' => at = number(text, at, first)?,
            b't' => at = word(text, at, *b"rue")?,
            b'f' => at = word(text, at, *b"alse")?,
            b'n' => at = word(text, at, *b"ull")?,
            _ => return None,
        }
        // A value is over, and perhaps those around it.
        loop {
            if depth == 0 {
                return Some(at);
            }
            at = space(text, at);
            let (byte, in_object) = (*text.get(at)?, objects & 1 == 1);
            at += 1;
            if byte == b',' {
                at = space(text, at);
                if in_object {
                    at = key(text, at)?;
                }
                break;
            }
            if byte != if in_object { b'}' } else { b']' } {
                return None;
            }
            (depth, objects) = (depth - 1, objects >> 1);
        }
    }
}

/// The key before a value, its colon too.
#[inline(always)]
fn key(text: &[u8], at: usize) -> Option<usize> {
    let after = string(text, take(text, at, b'"')?)?;
    Some(space(text, take(text, space(text, after), b':')?))
}

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
#[inline]
fn fraction(text: &[u8], mut at: usize) -> Option<usize> {
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

#[inline]
fn digits(text: &[u8], mut at: usize) -> usize {
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
pub(crate) fn string(text: &[u8], mut at: usize) -> Option<usize> {
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk::<{ json::WIDE }>) {
        let stops = json::stops(bytes);
        if stops == 0 {
            at += bytes.len();
            continue;
        }
        let plain = stops.trailing_zeros() as usize;
        at += plain;
        // The remainder changes nothing; it tells the compiler that the byte is there.
        if bytes[plain % bytes.len()] == b'"' {
            return Some(at + 1);
        }
        at = escape(text, at)?;
    }
    last_string(text, at)
}

/// As [`string`], where the text is nearly over.
fn last_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' | ..0x20 => at = escape(text, at)?,
            _ => at += 1,
        }
    }
}

/// An escape; a control character is none.
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
