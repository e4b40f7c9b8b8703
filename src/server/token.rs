//! Tokens: made from 32 random bytes, kept and compared as SHA-256 (FIPS 180-4) only.
//!
//! A fast hash is right here: with 256 random bits there is nothing to guess, and a look-up by hash leaks no time.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::secret::Secret;

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// What every made token begins with, so that scanners of leaked secrets can know it.
const PREFIX: &str = "chap_";

/// A fresh token: [`PREFIX`] and 32 random bytes in base64url (RFC 4648 section 5), fit for a URL's path.
///
/// # Errors
/// The system has no randomness to give.
pub fn fresh() -> Result<Secret, String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes from the system: {error}"))?;
    Ok(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
}

/// The hash of a token.
#[must_use]
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// A hash as 64 hexadecimal digits.
#[must_use]
pub fn to_hex(hash: &TokenHash) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A hash from 64 hexadecimal digits, in either case.
#[must_use]
pub fn from_hex(text: &str) -> Option<TokenHash> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_tokens_are_long_distinct_and_fit_a_path() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), PREFIX.len() + 43);
        assert!(one.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
    }

    #[test]
    fn the_hash_is_sha_256_in_hexadecimal_and_back() {
        // FIPS 180-4, the example "abc".
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(to_hex(&hash("abc")), hex);
        assert_eq!(from_hex(&hex.to_uppercase()), Some(hash("abc")));
        for wrong in ["", "ba78", &hex.replace('b', "g"), &format!("{hex}0"), &"é".repeat(32)] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }
}
