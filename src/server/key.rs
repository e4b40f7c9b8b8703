//! What tells servers apart without a look at them.

use super::token;

/// Tells servers apart, and stays the same when one is reloaded. It is a copy: of thousands of servers most are cold in the
/// processor's caches, and whoever holds this touches none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServerKey(u64);

impl ServerKey {
    /// The key of the server with this id: a part of its SHA-256. That two have the same is no chance worth a thought, and
    /// then they take turns as one.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let hash = token::hash(id);
        Self(hash.first_chunk().map_or(0, |first| u64::from_le_bytes(*first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_ids_and_nobody_elses() {
        assert_eq!(ServerKey::of("file:a"), ServerKey::of("file:a"));
        assert_ne!(ServerKey::of("file:a"), ServerKey::of("file:b"));
    }
}
