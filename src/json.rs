//! JSON text (RFC 8259), looked at eight bytes at a time.

/// Bytes that are looked at together.
pub(crate) const WORD: usize = 8;

/// How many of the first bytes of a string's text may stand in it as they are: up to the first quote, backslash or
/// control character; [`WORD`] if there is none.
pub(crate) fn plain(text: [u8; WORD]) -> usize {
    (stops(u64::from_le_bytes(text)).trailing_zeros() / u8::BITS) as usize
}

/// The highest bit of every byte that no string holds as it is, up to the first such byte; what is set beyond it says
/// nothing (<https://graphics.stanford.edu/~seander/bithacks.html>, "Determine if a word has a byte less than n").
fn stops(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; WORD]);
    const HIGHEST: u64 = ONES << 7;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_zero(word ^ (ONES * b'"' as u64)) | is_zero(word ^ (ONES * b'\\' as u64)) | is_control) & HIGHEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_is_not_plain_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..WORD {
                for around in [b'a', 0x20, 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'] {
                    let mut text = [around; WORD];
                    text[at] = byte;
                    let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
                    assert_eq!(plain(text), if is_plain { WORD } else { at }, "{text:?}");
                }
            }
        }
    }
}
