//! A hash of a few instructions, for tables that are looked into with every call.
//!
//! Only for keys that the operator chooses, or that are looked up and never put in: nothing here keeps a caller from
//! making keys that collide.

use std::hash::{BuildHasherDefault, Hasher};

/// Builds [`Quick`] for a `HashMap`.
pub type QuickHash = BuildHasherDefault<Quick>;

/// Multiplies a word at a time and folds the product, as `ahash` does where there is no AES.
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

    #[expect(clippy::cast_possible_truncation, reason = "both halves of a product are wanted")]
    fn write_u64(&mut self, word: u64) {
        // The low half hangs on the low bits of its factors alone, the high half on the high ones too. Names that differ in
        // a few letters differ there, and tables look at both ends of a hash.
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        collections::HashSet,
        hash::{BuildHasher, Hash},
    };

    use super::*;

    #[test]
    fn names_that_differ_in_a_number_seldom_share_a_bucket() {
        for prefix in ["", "a", "road-", "file:road-", "road_tool_", "list_all_affinity_organizations_"] {
            let hash = |n: u64| QuickHash::default().hash_one(format!("{prefix}{n:05}"));
            let buckets: HashSet<u64> = (0..8192).map(|n| hash(n) % 16_384).collect();
            // At random it would be 6447.
            assert!(buckets.len() > 5_500, "`{prefix}`: {}", buckets.len());
        }
    }

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    /// A name whose comparisons are counted.
    #[derive(Eq)]
    struct Counted(String);

    impl PartialEq for Counted {
        fn eq(&self, other: &Self) -> bool {
            COMPARED.set(COMPARED.get() + 1);
            self.0 == other.0
        }
    }

    impl Hash for Counted {
        fn hash<H: Hasher>(&self, hasher: &mut H) {
            self.0.hash(hasher);
        }
    }

    #[test]
    fn a_table_finds_a_name_among_many_alike_by_looking_at_one() {
        for prefix in ["", "a", "road-", "file:road-", "road_tool_", "list_all_affinity_organizations_"] {
            let name = |n: usize| Counted(format!("{prefix}{n:05}"));
            let table: HashSet<_, QuickHash> = (0..10_000).map(name).collect();
            COMPARED.set(0);
            assert!((0..10_000).all(|n| table.contains(&name(n))));
            // At random it would be 1.06: the table looks at names whose hashes share seven bits and a group.
            assert!(COMPARED.get() < 11_000, "`{prefix}`: {}", COMPARED.get());
        }
    }

    #[test]
    fn the_end_of_a_text_counts() {
        let hash = |text: &str| QuickHash::default().hash_one(text);
        let texts = ["", "a", "b", "ab", "ba", "12345678", "123456789", "1234567\0"];
        assert_eq!(texts.map(hash).into_iter().collect::<HashSet<_>>().len(), texts.len());
    }
}
