//! The lines of a head of HTTP/1.1 (RFC 9112 sections 2 to 5), as nearly everybody writes them.
//!
//! Nothing is judged here: whatever is not plain (a line that is not over, a tab, a folded line, a bare line feed, an odd
//! name) is `None`, and whoever asks has httparse look at the same bytes.

use wide::u8x16;

use crate::json::{BLOCK, WIDE};

/// A head, line by line.
pub(crate) struct Lines<'t> {
    text: &'t [u8],
    /// Where the next line begins.
    at: usize,
    /// Bits for those control characters of the block that nobody has asked for.
    left: u64,
    /// Where the next block begins.
    next: usize,
}

impl<'t> Lines<'t> {
    /// The head that `text` begins with.
    pub(crate) fn of(text: &'t [u8]) -> Self {
        Self { text, at: 0, left: 0, next: 0 }
    }

    /// The next line, without its end.
    #[inline]
    pub(crate) fn line(&mut self) -> Option<&'t [u8]> {
        let end = self.control()?;
        if self.control()? != end + 1 || self.text.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        let line = self.text.get(self.at..end)?;
        self.at = end + 2;
        Some(line)
    }

    /// The field lines up to the empty one, name and value; how long the head is.
    #[inline]
    pub(crate) fn fields(mut self, mut found: impl FnMut(&'t [u8], &'t [u8]) -> Option<()>) -> Option<usize> {
        loop {
            let rest = self.text.get(self.at..)?;
            let line = self.line()?;
            if line.is_empty() {
                return Some(self.at);
            }
            let (name, value) = line.split_at_checked(name(rest)).filter(|(name, _)| !name.is_empty())?;
            found(name, trimmed(value.strip_prefix(b":")?))?;
        }
    }

    /// The next control character.
    #[inline]
    fn control(&mut self) -> Option<usize> {
        while self.left == 0 {
            self.left = controls(self.text.get(self.next..)?)?;
            self.next += BLOCK;
        }
        let found = self.next - BLOCK + self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(found)
    }
}

/// Bits for the control characters of the first block; behind the text everything is one.
#[inline]
fn controls(text: &[u8]) -> Option<u64> {
    let mut last = [0; BLOCK];
    let block = match text.first_chunk() {
        Some(block) => block,
        None if text.is_empty() => return None,
        None => {
            last.get_mut(..text.len())?.copy_from_slice(text);
            &last
        }
    };
    let mut found = 0;
    for (n, bytes) in block.as_chunks::<WIDE>().0.iter().enumerate() {
        let bytes = u8x16::new(*bytes);
        let is_control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes) | bytes.simd_eq(u8x16::splat(0x7f));
        found |= u64::from(is_control.to_bitmask()) << (n * WIDE);
    }
    Some(found)
}

/// Without the spaces around it.
#[inline]
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = value {
        value = rest;
    }
    value
}

/// How long the name is that a text begins with: letters, digits and hyphens, though a token may have others (RFC 9110
/// section 5.6.2).
#[inline]
fn name(text: &[u8]) -> usize {
    let mut length = 0;
    while let Some(bytes) = text.get(length..).and_then(<[u8]>::first_chunk) {
        let bytes = u8x16::new(*bytes);
        let within = |bytes: u8x16, first, last| {
            bytes.max(u8x16::splat(first)).simd_eq(bytes) & bytes.min(u8x16::splat(last)).simd_eq(bytes)
        };
        let letters = within(bytes | u8x16::splat(0x20), b'a', b'z');
        let others = within(bytes, b'0', b'9') | bytes.simd_eq(u8x16::splat(b'-'));
        let found = (letters | others).to_bitmask().trailing_ones() as usize;
        length += found;
        if found < WIDE {
            return length;
        }
    }
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-';
    length + text.get(length..).map_or(0, |rest| rest.iter().take_while(is_name).count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Fields<'t> = Vec<(&'t [u8], &'t [u8])>;

    fn ours(text: &[u8]) -> Option<(usize, &[u8], Fields<'_>)> {
        let (mut lines, mut fields) = (Lines::of(text), Vec::new());
        let first = lines.line()?;
        let length = lines.fields(|name, value| {
            fields.push((name, value));
            Some(())
        })?;
        Some((length, first, fields))
    }

    fn heads() -> impl Strategy<Value = Vec<u8>> {
        let name = "[!-~]{1,20}|[a-zA-Z-]{1,30}|.{0,3}";
        let value = "[ -~]{0,90}|[ \t]{0,2}[a-z]{0,9}[ \t]{0,2}|.{0,20}";
        let field = (
            name,
            prop::sample::select(vec![":", ": ", ":  ", " :", ""]),
            value,
            prop::sample::select(vec!["\r\n"; 9]),
        );
        let fields = prop::collection::vec(field.prop_map(|(a, b, c, d)| [a.as_str(), b, &c, d].concat()), 0..8);
        (fields, prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "", "\n", "\r"]), "(?s).{0,70}")
            .prop_map(|(fields, end, rest)| format!("HTTP/1.1 200 OK\r\n{}{end}{rest}", fields.concat()).into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_048))]
        #[test]
        fn what_is_plain_is_what_httparse_finds(
            mut head in heads(),
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            if let Some((at, byte)) = damage {
                let at = at.index(head.len() - 16) + 16;
                head[at] = byte;
            }
            if let Some((length, first, fields)) = ours(&head) {
                let mut room = [httparse::EMPTY_HEADER; 32];
                let mut response = httparse::Response::new(&mut room);
                prop_assert_eq!(response.parse(&head), Ok(httparse::Status::Complete(length)));
                prop_assert_eq!(first, b"HTTP/1.1 200 OK");
                let found: Fields<'_> = response.headers.iter().map(|field| (field.name.as_bytes(), field.value)).collect();
                prop_assert_eq!(fields, found);
            }
        }
    }

    proptest! {
        #[test]
        fn a_name_ends_where_a_character_is_none_of_a_name(text in prop::collection::vec(any::<u8>(), 0..3), name in "[a-zA-Z0-9-]{0,40}") {
            let whole = [name.as_bytes(), &text].concat();
            let expected = whole.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-');
            prop_assert_eq!(super::name(&whole), expected.unwrap_or(whole.len()));
        }
    }

    #[test]
    fn what_nearly_everybody_writes_is_plain_wherever_it_is_cut_off() {
        let head = b"POST /mcp HTTP/1.1\r\nhost: a\r\nAccept:application/json, text/event-stream \r\nEmpty:\r\nX-\xc3\xa9: 1\r\n\r\n";
        assert_eq!(ours(head), None, "a name is a token");
        let head = b"POST /mcp HTTP/1.1\r\nhost: a\r\nAccept:application/json, text/event-stream \r\nEmpty:\r\nx: \xc3\xa9\r\n\r\nbody";
        let fields: Fields<'_> = vec![
            (b"host", b"a"),
            (b"Accept", b"application/json, text/event-stream"),
            (b"Empty", b""),
            (b"x", b"\xc3\xa9"),
        ];
        assert_eq!(ours(head), Some((head.len() - 4, &b"POST /mcp HTTP/1.1"[..], fields)));
        for end in 0..head.len() - 4 {
            assert_eq!(ours(&head[..end]), None, "{end}");
        }
    }
}
