//! JSON text (RFC 8259), looked at sixteen bytes at a time.

pub(crate) mod escape;

use wide::u8x16;

/// Bytes that are looked at together.
pub(crate) const WIDE: usize = 16;

/// A bit for every byte that no string holds as it is: quotes, backslashes and control characters. The first byte of
/// the text is the lowest.
#[inline]
pub(crate) fn stops(text: &[u8; WIDE]) -> u32 {
    let bytes = u8x16::new(*text);
    (marks(bytes) | bytes.min(u8x16::splat(0x1f)).simd_eq(bytes)).to_bitmask()
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
            for at in 0..WIDE {
                for around in [b'a', 0x20, 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'] {
                    let mut text = [around; WIDE];
                    text[at] = byte;
                    assert_eq!(stops(&text), if is_plain { 0 } else { 1 << at }, "{text:?}");
                }
            }
        }
    }
}
