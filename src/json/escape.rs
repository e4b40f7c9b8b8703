//! A text as it stands in a JSON string (RFC 8259 section 7).
//!
//! What is escaped here is mostly JSON itself, where every few bytes there is a quote. So a block of text is copied as
//! it is, and from every quote on once more, one byte farther, behind a backslash.

use wide::u8x16;

use super::{WIDE, marks};

/// Bytes of text that are escaped together.
const BLOCK: usize = 64;
/// Bytes that are copied behind a backslash at once: few quotes are farther apart.
const REACH: usize = BLOCK / 2;
/// Escaped text is gathered until there is more of it than this.
const GATHERED: usize = 512;
/// Room for a block of the longest escapes, and for what is copied beyond its end.
const ROOM: usize = BLOCK * LONGEST + BLOCK;
/// Bytes of `\u001f`.
const LONGEST: usize = 6;

/// Write `text` piece by piece, with quotes, backslashes and control characters escaped. No byte depends on another:
/// what is escaped in parts, cut anywhere, is the same.
pub(crate) fn escape(text: &[u8], mut write: impl FnMut(&[u8])) {
    if text.len() <= BLOCK {
        let mut room = [0; ROOM];
        let length = spread_last(text, &mut room);
        return write(&room[..length]);
    }
    let (mut gathered, mut length) = ([0; GATHERED + ROOM], 0);
    let mut left = text;
    while !left.is_empty() {
        if length > GATHERED {
            write(&gathered[..length]);
            length = 0;
        }
        let room = gathered[length..].first_chunk_mut().expect("there is room for a block");
        if let Some(block) = left.first_chunk() {
            length += spread(block, room);
            left = &left[BLOCK..];
        } else {
            length += spread_last(left, room);
            left = left.get(BLOCK..).unwrap_or_default();
        }
    }
    write(&gathered[..length]);
}

/// How long [`escape`] makes a text.
#[must_use]
pub(crate) fn escaped_len(text: &[u8]) -> usize {
    // So many escapes are counted in a byte.
    let (blocks, rest) = text.as_chunks::<{ 2 * BLOCK }>();
    let long = |text: &[u8]| text.iter().map(|byte| usize::from(ESCAPES[usize::from(*byte)][LENGTH])).sum::<usize>();
    let escapes = |block: &[u8; 2 * BLOCK]| {
        let (mut marks, mut controls) = (0, 0);
        for byte in block {
            marks += u8::from(matches!(byte, b'"' | b'\\'));
            controls |= u8::from(*byte < 0x20);
        }
        if controls == 0 { block.len() + usize::from(marks) } else { long(block) }
    };
    blocks.iter().map(escapes).sum::<usize>() + long(rest)
}

/// As [`spread`], of a text that is nearly over.
fn spread_last(text: &[u8], room: &mut [u8; ROOM]) -> usize {
    // Filled up with spaces, which stand for themselves and are taken off again.
    let mut filled = [b' '; 2 * BLOCK];
    filled[..text.len()].copy_from_slice(text);
    spread(&filled, room) - BLOCK.saturating_sub(text.len())
}

/// Escape the first block of a text; how long it is then.
fn spread(text: &[u8; 2 * BLOCK], room: &mut [u8; ROOM]) -> usize {
    let (mut stops, mut least) = (0, u8x16::splat(u8::MAX));
    for (n, bytes) in text[..BLOCK].as_chunks::<WIDE>().0.iter().enumerate() {
        let bytes = u8x16::new(*bytes);
        least = least.min(bytes);
        stops |= u64::from(marks(bytes).to_bitmask()) << (n * WIDE);
    }
    if least.min(u8x16::splat(0x1f)).simd_eq(least).any() {
        return spell(text, room);
    }
    copy(text, 0, room, 0);
    copy(text, REACH, room, REACH);
    let mut added = 0;
    while stops != 0 {
        let at = first(stops);
        stops &= stops - 1;
        // The mask changes nothing; it tells the compiler that there is room.
        let to = (at + added) & (2 * BLOCK - 1);
        room[to] = b'\\';
        added += 1;
        copy(text, at, room, to + 1);
        let next = if stops == 0 { BLOCK } else { first(stops) };
        if next - at > REACH {
            copy(text, (at + REACH) & (BLOCK - 1), room, to + 1 + REACH);
        }
    }
    BLOCK + added
}

/// The lowest bit of a block's, of which there is one.
#[inline]
fn first(stops: u64) -> usize {
    stops.trailing_zeros() as usize & (BLOCK - 1)
}

#[inline]
fn copy(text: &[u8; 2 * BLOCK], from: usize, room: &mut [u8; ROOM], to: usize) {
    // Of a length that the compiler knows: a call would cost more than the copy.
    let piece: &[u8; REACH] = text[from..].first_chunk().expect("a block follows");
    *room[to..].first_chunk_mut().expect("there is room for a block more") = *piece;
}

/// As [`spread`], byte by byte: there are control characters.
#[cold]
fn spell(text: &[u8; 2 * BLOCK], room: &mut [u8; ROOM]) -> usize {
    let mut length = 0;
    for byte in &text[..BLOCK] {
        let escape = &ESCAPES[usize::from(*byte)];
        *room[length..].first_chunk_mut().expect("there is room for the longest escapes") = *escape;
        length += usize::from(escape[LENGTH]);
    }
    length
}

/// Every byte as it stands in a string, and in the last place how long that is.
static ESCAPES: [[u8; LENGTH + 1]; 256] = {
    let mut escapes = [[0; LENGTH + 1]; 256];
    let mut byte = 0;
    while byte < escapes.len() {
        escapes[byte] = escaped(byte.to_le_bytes()[0]);
        byte += 1;
    }
    escapes
};

/// Where in an escape its length stands.
const LENGTH: usize = 7;

const fn escaped(byte: u8) -> [u8; LENGTH + 1] {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0..=0x1f => {
            let digit = b"0123456789abcdef"[(byte & 0xf) as usize];
            return [b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), digit, 0, 6];
        }
        _ => return [byte, 0, 0, 0, 0, 0, 0, 1],
    };
    [b'\\', short, 0, 0, 0, 0, 0, 2]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        escape(text, |piece| whole.extend_from_slice(piece));
        whole
    }

    /// Texts longer than a block, with quotes near and far, and sometimes control characters.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            "(?s)([\"\\\\]|[a-z]{1,9}|[a-zé€😀 ]{30,90}|.){0,60}",
            "([\"\\\\]|[a-zé ]{1,9}|[a-z]{60,70}){0,60}",
            "(?s)([\"\\\\\n]|[a-z]{1,9}|[\u{0}-\u{1f}]|.){0,300}",
        ]
    }

    proptest! {
        #[test]
        fn a_text_is_escaped_as_serde_json_does_but_for_two_rare_escapes(text in texts()) {
            let one = |character: char| match character {
                '\u{8}' => "\\u0008".to_owned(),
                '\u{c}' => "\\u000c".to_owned(),
                other => {
                    let quoted = serde_json::to_string(&other).unwrap();
                    quoted[1..quoted.len() - 1].to_owned()
                }
            };
            let expected: String = text.chars().map(one).collect();
            let escaped = whole(text.as_bytes());
            prop_assert_eq!(str::from_utf8(&escaped).unwrap(), expected);
        }

        #[test]
        fn whatever_the_text_a_json_reader_reads_it_back_and_its_length_was_known(text in texts()) {
            let escaped = whole(text.as_bytes());
            prop_assert_eq!(escaped.len(), escaped_len(text.as_bytes()));
            let string = [b"\"", &escaped[..], b"\""].concat();
            prop_assert_eq!(serde_json::from_slice::<String>(&string).unwrap(), text);
        }

        #[test]
        fn a_text_cut_anywhere_is_escaped_the_same(text in texts(), at in any::<prop::sample::Index>()) {
            let (front, back) = text.as_bytes().split_at(at.index(text.len() + 1));
            prop_assert_eq!([whole(front), whole(back)].concat(), whole(text.as_bytes()));
        }
    }

    #[test]
    fn a_block_of_nothing_but_escapes_has_room() {
        for byte in 0..=u8::MAX {
            for length in [1, BLOCK - 1, BLOCK, 2 * BLOCK, 2 * BLOCK + 1, 40 * BLOCK] {
                let text = vec![byte; length];
                let escape = &escaped(byte)[..usize::from(escaped(byte)[LENGTH])];
                assert_eq!(whole(&text), escape.repeat(length));
                assert_eq!(escaped_len(&text), escape.len() * length);
            }
        }
    }
}
