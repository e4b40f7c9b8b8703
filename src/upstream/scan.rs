//! Where the values of a JSON text begin and end (RFC 8259), found without reading what they say.
//!
//! Every byte of an answer passes here once, so it is done by hand, eight bytes at a time within strings. It takes no
//! more than `serde_json` does, and gives up (`None`) wherever that is simpler: whoever asks reads such a text with
//! `serde_json`, which also says what is wrong with it.

use std::ops::Range;

use crate::json;

/// Deepest nesting that is followed: one bit for each level.
const DEEPEST: u32 = 127;

/// The members of the object that `text` is: key, and where its value stands. `None` if it is no object, or gave up.
pub(super) fn members<'t>(text: &'t str, mut found: impl FnMut(&'t str, Range<usize>) -> Option<()>) -> Option<()> {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    scan.space();
    scan.take(b'{')?;
    scan.space();
    if scan.peek() == Some(b'}') {
        scan.at += 1;
        return scan.end();
    }
    loop {
        let key = scan.key()?;
        scan.space();
        let start = scan.at;
        scan.value()?;
        found(text.get(key)?, start..scan.at)?;
        scan.space();
        match scan.next()? {
            b',' => scan.space(),
            b'}' => return scan.end(),
            _ => return None,
        }
    }
}

/// Where the one value that `text` is stands. `None` if there is none, or gave up.
pub(super) fn whole(text: &str) -> Option<Range<usize>> {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    scan.space();
    let start = scan.at;
    scan.value()?;
    let end = scan.at;
    scan.end().map(|()| start..end)
}

struct Scan<'t> {
    text: &'t [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Option<()> {
        self.space();
        (self.at == self.text.len()).then_some(())
    }

    /// A key and its colon; gives up on escapes, so that keys can be compared as they stand.
    fn key(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let start = self.at;
        self.plain();
        let end = self.at;
        self.take(b'"')?;
        self.space();
        self.take(b':')?;
        Some(start..end)
    }

    fn value(&mut self) -> Option<()> {
        // One bit a level: is it an object?
        let (mut depth, mut objects) = (0, 0u128);
        loop {
            match self.next()? {
                b'"' => self.string()?,
                b'{' | b'[' if depth == DEEPEST => return None,
                b'{' => {
                    self.space();
                    if self.peek()? != b'}' {
                        (depth, objects) = (depth + 1, objects << 1 | 1);
                        self.member()?;
                        continue;
                    }
                    self.at += 1;
                }
                b'[' => {
                    self.space();
                    if self.peek()? != b']' {
                        (depth, objects) = (depth + 1, objects << 1);
                        continue;
                    }
                    self.at += 1;
                }
                first @ (b'-' | b'0'..=b'9') => self.number(first)?,
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                _ => return None,
            }
            // A value is over, and perhaps those around it.
            loop {
                if depth == 0 {
                    return Some(());
                }
                self.space();
                match (self.next()?, objects & 1) {
                    (b',', 1) => {
                        self.space();
                        self.member()?;
                        break;
                    }
                    (b',', _) => {
                        self.space();
                        break;
                    }
                    (b'}', 1) | (b']', 0) => (depth, objects) = (depth - 1, objects >> 1),
                    _ => return None,
                }
            }
        }
    }

    /// The key before a value.
    fn member(&mut self) -> Option<()> {
        self.take(b'"')?;
        self.string()?;
        self.space();
        self.take(b':')?;
        self.space();
        Some(())
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        let end = self.at + rest.len();
        let is_there = self.text.get(self.at..end) == Some(rest);
        self.at = end;
        is_there.then_some(())
    }

    fn number(&mut self, first: u8) -> Option<()> {
        let leading = if first == b'-' { self.next()? } else { first };
        match leading {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Some(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Option<()> {
        let start = self.at;
        self.digits();
        (self.at > start).then_some(())
    }

    /// The rest of a string, after its first quote.
    fn string(&mut self) -> Option<()> {
        loop {
            self.plain();
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let digits = self.text.get(self.at..self.at + 4)?;
                        digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                        self.at += 4;
                    }
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    /// To the next quote, backslash or control character, or to the end.
    fn plain(&mut self) {
        while let Some(word) = self.text.get(self.at..).and_then(<[u8]>::first_chunk) {
            let plain = json::plain(*word);
            self.at += plain;
            if plain < json::WORD {
                return;
            }
        }
        while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.at += 1;
        }
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
            prop_assert_eq!(whole(&padded), Some(before.len()..before.len() + text.len()));
        }

        #[test]
        fn what_is_taken_is_what_serde_json_takes(text in json(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}\",:0-9eE.+tfn\u{0}\u{1f} \\\\-]{0,3}", cut in 0usize..4) {
            // One place of a good text is spoilt: most are no JSON any more, some are another.
            let at = (0..=at.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let end = (at + cut..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
            let spoilt = format!("{}{with}{}", &text[..at], &text[end..]);
            prop_assert_eq!(whole(&spoilt).is_some(), serde_json::from_str::<&RawValue>(&spoilt).is_ok(), "{}", spoilt);
        }
    }

    #[test]
    fn members_are_told_in_order_with_the_place_of_their_values() {
        let text = " { \"a\" : [1, {\"b\":\"}\"}] ,\"a\":\"x\\\"\", \"c\":-1.5e3 } ";
        let mut told = Vec::new();
        members(text, |key, value| {
            told.push((key, &text[value]));
            Some(())
        });
        assert_eq!(told, [("a", "[1, {\"b\":\"}\"}]"), ("a", "\"x\\\"\""), ("c", "-1.5e3")]);
        assert_eq!(members("{}", |_, _| None), Some(()));
    }

    #[test]
    fn what_is_no_object_or_has_an_odd_key_is_given_up() {
        for text in ["", "[]", "{", "{\"a\":1,}", "{\"a\" 1}", "{\"\\u0061\":1}", "{} x", "{\"a\":1]"] {
            assert_eq!(members(text, |_, _| Some(())), None, "{text}");
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(whole(&deep), None);
    }
}
