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

fn take(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (*text.get(at)? == byte).then_some(at + 1)
}

#[inline]
fn space(text: &[u8], at: usize) -> usize {
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

fn value(text: &[u8], mut at: usize) -> Option<usize> {
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
fn string(text: &[u8], mut at: usize) -> Option<usize> {
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
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, value::RawValue};

    use super::*;

    /// Any value, written in any of the usual ways.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            any::<f64>().prop_map(|number| Value::from(number).to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("false".to_owned()),
            Just("-0.5E+7".to_owned()),
            "(?s).{0,20}".prop_map(|text| Value::from(text).to_string()),
            "([a-z]{0,40}|[é€😀]{0,9}|[\"\\\\\n])(([a-z]{0,20}|[\"\\\\\n])){0,6}"
                .prop_map(|text| Value::from(text).to_string()),
            "[1-9][0-9]{0,30}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
            Just(r#""\u00e9\ud800\/""#.to_owned()),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            let space = prop_oneof![Just(""), Just(" "), Just("\n\t")];
            prop_oneof![
                (prop::collection::vec(inner.clone(), 0..6), space.clone())
                    .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(&format!("{space},{space}")))),
                (prop::collection::vec(("[a-z\"\\\\é]{0,9}", inner), 0..6), space).prop_map(|(members, space)| {
                    let member = |(key, value): &(String, String)| {
                        format!("{}{space}:{space}{value}", Value::from(key.as_str()))
                    };
                    let members: Vec<_> = members.iter().map(member).collect();
                    format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_json_text_is_one_value_and_nothing_around_it_is(text in json(), before in "[ \n\r\t]{0,3}", after in "[ \n\r\t]{0,9}") {
            let padded = format!("{before}{text}{after}");
            prop_assert_eq!(whole(padded.as_bytes()), Some(before.len()..before.len() + text.len()));
        }

        #[test]
        fn what_is_taken_is_what_serde_json_takes(text in json(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}\",:0-9eE.+tfn\u{0}\u{1f} \\\\-]{0,3}", cut in 0usize..4) {
            // One place of a good text is spoilt: most are no JSON any more, some are another.
            let at = (0..=at.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let end = (at + cut..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
            let spoilt = format!("{}{with}{}", &text[..at], &text[end..]);
            prop_assert_eq!(whole(spoilt.as_bytes()).is_some(), serde_json::from_str::<&RawValue>(&spoilt).is_ok(), "{}", spoilt);
        }

        #[test]
        fn bytes_that_are_no_text_are_no_value(text in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut spoilt = text.into_bytes();
            let at = at.index(spoilt.len());
            spoilt[at] = byte;
            let expected = serde_json::from_slice::<&RawValue>(&spoilt).is_ok();
            prop_assert_eq!(whole(&spoilt).is_some(), expected, "{:?}", String::from_utf8_lossy(&spoilt));
        }
    }

    #[test]
    fn nesting_is_followed_as_deep_as_there_are_bits() {
        let deep = |levels: usize| "[".repeat(levels) + "1" + &"]".repeat(levels);
        assert_eq!(whole(deep(127).as_bytes()), Some(0..255));
        assert_eq!(whole(deep(128).as_bytes()), None);
    }

    #[test]
    fn members_are_told_in_order_with_the_place_of_their_values() {
        let text = " { \"a\" : [1, {\"b\":\"}\"}] ,\"a\":\"x\\\"\", \"c\":-1.5e3 } ";
        let mut told = Vec::new();
        members(text.as_bytes(), |key, value| {
            told.push((key, &text[value]));
            Some(())
        });
        assert_eq!(told, [("a", "[1, {\"b\":\"}\"}]"), ("a", "\"x\\\"\""), ("c", "-1.5e3")]);
        assert_eq!(members(b"{}", |_, _| None), Some(()));
    }

    #[test]
    fn what_is_no_object_or_has_an_odd_key_is_given_up() {
        for text in ["", "[]", "{", "{\"a\":1,}", "{\"a\" 1}", "{\"\\u0061\":1}", "{} x", "{\"a\":1]"] {
            assert_eq!(members(text.as_bytes(), |_, _| Some(())), None, "{text}");
        }
    }
}
