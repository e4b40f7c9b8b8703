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
                let member =
                    |(key, value): &(String, String)| format!("{}{space}:{space}{value}", Value::from(key.as_str()));
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
fn a_string_may_begin_and_end_anywhere_in_a_block() {
    for length in 0..3 * BLOCK {
        for content in ["", "\\\"", "\\\\", "\\n", "é", "\\u00e9"] {
            let string = format!("\"{}{content}\"", "a".repeat(length));
            for text in [string.clone(), format!("[{string},{string}]"), format!("{{{string}:{string},{string}:1}}")] {
                assert_eq!(whole(text.as_bytes()), Some(0..text.len()), "{text}");
                assert_eq!(whole(&text.as_bytes()[..text.len() - 1]), None, "{text}");
            }
            for wrong in [&b"\xff"[..], b"\n", b"\\x", b"\\u00g0", b"\"", b"\\"] {
                let text = [b"[", &string.as_bytes()[..=length], wrong, b"\",1]"].concat();
                assert_eq!(whole(&text), None, "{:?}", String::from_utf8_lossy(&text));
            }
        }
    }
}

#[test]
fn nesting_is_followed_as_deep_as_there_are_bits() {
    let deep = |levels: usize| "[".repeat(levels) + "1" + &"]".repeat(levels);
    assert_eq!(whole(deep(63).as_bytes()), Some(0..127));
    assert_eq!(whole(deep(64).as_bytes()), None);
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
