//! JSON text (RFC 8259), looked at many bytes at a time.

pub(crate) mod escape;
pub(crate) mod scan;

use wide::u8x16;

/// Bytes that are looked at together.
pub(crate) const WIDE: usize = 16;

/// Bytes that a mask has bits for.
pub(crate) const BLOCK: usize = 4 * WIDE;

/// A bit for every byte that no string holds as it is: quotes, backslashes and control characters. The first byte of
/// the text is the lowest.
#[inline]
pub(crate) fn stops(text: &[u8; WIDE]) -> u32 {
    let bytes = u8x16::new(*text);
    (marks(bytes) | bytes.min(u8x16::splat(0x1f)).simd_eq(bytes)).to_bitmask()
}

/// As [`stops`], of a block. And is all of it ASCII?
#[inline]
pub(crate) fn stops_of_block(text: &[u8; BLOCK]) -> (u64, bool) {
    let (mut found, mut all) = (0, u8x16::ZERO);
    for (n, bytes) in text.as_chunks().0.iter().enumerate() {
        found |= u64::from(stops(bytes)) << (n * WIDE);
        all |= u8x16::new(*bytes);
    }
    (found, all.to_bitmask() == 0)
}

/// How many of the first bytes are digits.
#[inline]
pub(crate) fn digits(text: [u8; 8]) -> usize {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // A digit becomes its value. Whatever is ten or more has the high bit, or gets it by what is added: nothing is
    // carried from one byte into the next.
    let values = u64::from_le_bytes(text) ^ u64::from_ne_bytes([b'0'; 8]);
    let others = (((values & !HIGH) + u64::from_ne_bytes([0x80 - 10; 8])) | values) & HIGH;
    others.trailing_zeros() as usize / 8
}

/// All bits of every byte that is a quote or a backslash.
#[inline]
fn marks(bytes: u8x16) -> u8x16 {
    bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_is_not_plain_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
            for at in 0..BLOCK {
                for around in [b'a', 0x20, 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'] {
                    let mut text = [around; BLOCK];
                    text[at] = byte;
                    let found = if is_plain { 0 } else { 1 << at };
                    assert_eq!(stops_of_block(&text), (found, text.is_ascii()), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn digits_are_counted_up_to_the_first_byte_that_is_none() {
        for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
            for at in 0..8 {
                for (before, after) in [(b'0', b'0'), (b'9', byte), (b'5', 0xff)] {
                    let text = std::array::from_fn(|n| match n {
                        n if n < at => before,
                        n if n == at => byte,
                        _ => after,
                    });
                    assert_eq!(digits(text), at, "{text:?}");
                }
            }
        }
        assert_eq!(digits(*b"01234567"), 8);
    }
}
