//! What tells servers apart without a look at them.

use super::token;

/// Tells servers apart, and stays the same when one is reloaded. It is `Copy`: of thousands of servers most are cold in the
/// processor's caches, and whoever holds this touches none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServerKey(u64);

impl ServerKey {
    /// The key of the server with this id: 64 bits of its SHA-256. Two servers with the same, which nobody will ever see, would
    /// take turns as one.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let hash = token::hash(id);
        Self(u64::from_le_bytes(hash.as_chunks().0[0]))
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
