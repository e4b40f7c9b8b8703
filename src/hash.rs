//! A hash of a few instructions, for tables that are looked into with every call.
//!
//! Only for keys that the operator chooses, or that are looked up and never put in: nothing here keeps a caller from
//! making keys that collide.

use std::hash::{BuildHasherDefault, Hasher};

/// Builds [`Quick`] for a `HashMap`.
pub type QuickHash = BuildHasherDefault<Quick>;

/// Adds and multiplies a word at a time, as `rustc-hash` does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quick(u64);

/// Odd, and of no pattern: the fraction of the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = self.0.wrapping_add(word).wrapping_mul(FACTOR);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        // The high bits of a product hang on all of its factors, and tables look at the low ones.
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, hash::BuildHasher};

    use super::*;

    #[test]
    fn names_that_differ_in_a_number_seldom_share_a_bucket() {
        for prefix in ["", "a", "file:road-", "road_tool_", "list_all_affinity_organizations_"] {
            let hash = |n: u64| QuickHash::default().hash_one(format!("{prefix}{n:05}"));
            let buckets: HashSet<u64> = (0..8192).map(|n| hash(n) % 16_384).collect();
            // At random it would be 6447.
            assert!(buckets.len() > 5_500, "`{prefix}`: {}", buckets.len());
        }
    }

    #[test]
    fn the_end_of_a_text_counts() {
        let hash = |text: &str| QuickHash::default().hash_one(text);
        let texts = ["", "a", "b", "ab", "ba", "12345678", "123456789", "1234567\0"];
        assert_eq!(texts.map(hash).into_iter().collect::<HashSet<_>>().len(), texts.len());
    }
}
