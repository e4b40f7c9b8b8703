//! JSON text (RFC 8259), looked at eight bytes at a time.

/// Bytes that are looked at together.
pub(crate) const WORD: usize = 8;

const ONES: u64 = u64::from_le_bytes([1; WORD]);
const HIGHEST: u64 = ONES << 7;

/// The highest bit of every byte that no string holds as it is: quotes, backslashes and control characters. The first
/// byte of the text is the lowest of the word.
pub(crate) fn stops(word: u64) -> u64 {
    let quotes = zeros(word ^ (ONES * u64::from(b'"')));
    let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
    // Below 0x20: none of the three highest bits is set.
    quotes | backslashes | zeros(word & (ONES * 0xe0))
}

/// The highest bit of every byte that is zero: adding to the lower seven bits carries into the eighth unless all are
/// zero, and never beyond it (<https://graphics.stanford.edu/~seander/bithacks.html>, "Determine if a word has a zero
/// byte").
fn zeros(word: u64) -> u64 {
    let lower = !HIGHEST;
    !(((word & lower) + lower) | word) & HIGHEST
}

/// How many of the first bytes of a string's text may stand in it as they are; [`WORD`] if all of them.
pub(crate) fn plain(text: [u8; WORD]) -> usize {
    (stops(u64::from_le_bytes(text)).trailing_zeros() / u8::BITS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_is_not_plain_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
            for at in 0..WORD {
                for around in [b'a', 0x20, 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'] {
                    let mut text = [around; WORD];
                    text[at] = byte;
                    assert_eq!(plain(text), if is_plain { WORD } else { at }, "{text:?}");
                    let stops = stops(u64::from_le_bytes(text));
                    assert_eq!(stops, if is_plain { 0 } else { 0x80 << (8 * at) }, "{text:?}");
                }
            }
        }
    }
}
