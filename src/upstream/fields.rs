//! The header fields of an answer (RFC 9110 section 5), kept as they came.
//!
//! An answer has a dozen of them and a call asks for a few: to look at each costs less than to make a map of all.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::HeaderName;

/// Where the name and the value of a field stand.
pub(super) type Place = (Range<u32>, Range<u32>);

/// The header fields of an answer.
#[derive(Clone, Default)]
pub(super) struct Fields {
    text: Bytes,
    places: Vec<Place>,
}

impl Fields {
    /// The fields that stand in `text` at these places: each within it, name first.
    pub(super) fn new(text: Bytes, places: Vec<Place>) -> Self {
        Self { text, places }
    }

    /// The value of the first field of this name.
    pub(super) fn get<'f>(&'f self, name: &HeaderName) -> Option<&'f [u8]> {
        self.all(name).next()
    }

    /// The same, where it is visible ASCII.
    pub(super) fn text<'f>(&'f self, name: &HeaderName) -> Option<&'f str> {
        let value = str::from_utf8(self.get(name)?).ok()?;
        value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)).then_some(value)
    }

    /// The values of all fields of this name, in their order.
    pub(super) fn all<'f>(&'f self, name: &HeaderName) -> impl Iterator<Item = &'f [u8]> {
        let name = name.as_str().as_bytes();
        let named = move |(field, _): &&Place| field.len() == name.len() && self.at(field).eq_ignore_ascii_case(name);
        self.places.iter().filter(named).map(|(_, value)| self.at(value))
    }

    fn at(&self, place: &Range<u32>) -> &[u8] {
        &self.text[place.start as usize..place.end as usize]
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut text = BytesMut::new();
        let mut put = |bytes: &[u8]| {
            let start = position(text.len());
            text.extend_from_slice(bytes);
            start..position(text.len())
        };
        let place = |(name, value): (N, V)| (put(name.as_ref().as_bytes()), put(value.as_ref()));
        let places = fields.into_iter().map(place).collect();
        Self { text: text.freeze(), places }
    }
}

/// Heads are bounded far below 4 GiB.
pub(super) fn position(at: usize) -> u32 {
    u32::try_from(at).expect("a head is shorter than 4 GiB")
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER, SET_COOKIE};

    use super::*;

    #[test]
    fn a_field_is_found_by_its_name_in_any_case_and_the_first_of_many_counts() {
        let text = "Retry-After: 7\r\nset-cookie: a\r\nSet-Cookie: b\r\n";
        let place = |part: &str| {
            let at = position(text.find(part).unwrap());
            at..at + position(part.len())
        };
        let places = ["Retry-After", "7", "set-cookie", "a", "Set-Cookie", "b"].map(place);
        let fields = Fields::new(text.into(), places.chunks(2).map(|two| (two[0].clone(), two[1].clone())).collect());
        assert_eq!(fields.text(&RETRY_AFTER), Some("7"));
        assert_eq!(fields.get(&SET_COOKIE), fields.all(&SET_COOKIE).next());
        assert_eq!(fields.all(&SET_COOKIE).count(), 2);
        assert_eq!(fields.get(&ETAG), None);
    }

    #[test]
    fn a_value_that_is_no_ascii_is_no_text() {
        let fields: Fields = [(CONTENT_TYPE, "a/b"), (ETAG, "\u{e9}")].into_iter().collect();
        assert_eq!(fields.text(&CONTENT_TYPE), Some("a/b"));
        assert_eq!((fields.get(&ETAG), fields.text(&ETAG)), (Some("\u{e9}".as_bytes()), None));
    }
}
