//! Globs over tool names: `*` is any run of characters, `?` is one character, ASCII letters match in either case.

use std::fmt;

/// Longest pattern in bytes: tool names are at most half as long, so a longer one is a mistake.
pub const MAX_PATTERN: usize = 128;

/// A checked pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(String);

impl Glob {
    /// Check a pattern.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '*' | '?');
        if let Some(strange) = pattern.chars().find(|c| !known(*c)) {
            return Err(format!(
                "`{pattern}` holds {strange:?}, expected a tool name in which `*` is any run of characters and `?` one"
            ));
        }
        match pattern.len() {
            1..=MAX_PATTERN => Ok(Self(pattern.to_ascii_lowercase())),
            found => Err(format!("expected a pattern of 1 to {MAX_PATTERN} characters, found {found}")),
        }
    }

    /// Does the whole of `name` fit?
    ///
    /// Greedy, with one place to fall back to: the last `*`. A later `*` makes every earlier one final, so the work is
    /// bounded by the length of the name times that of the pattern, whatever both hold.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut read) = (0, 0);
        let mut fallback = None;
        while read < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    at += 1;
                    fallback = Some((at, read));
                }
                Some(b'?') => (at, read) = (at + 1, read + 1),
                Some(byte) if *byte == name[read].to_ascii_lowercase() => (at, read) = (at + 1, read + 1),
                _ => {
                    let Some((after_star, swallowed)) = fallback else { return false };
                    (at, read) = (after_star, swallowed + 1);
                    fallback = Some((after_star, read));
                }
            }
        }
        pattern[at..].iter().all(|byte| *byte == b'*')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, written down: slow, and plainly right.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|n| naive(rest, &name[n..])),
            Some((b'?', rest)) => !name.is_empty() && naive(rest, &name[1..]),
            Some((byte, rest)) => name.first() == Some(byte) && naive(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_its_definition_matches(pattern in "[ab*?]{1,8}", name in "[ab]{0,10}") {
            let glob = Glob::new(&pattern).unwrap();
            prop_assert_eq!(glob.matches(&name), naive(pattern.as_bytes(), name.as_bytes()));
        }
    }

    #[test]
    fn stars_marks_and_letters_in_either_case() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("*_field*", "list_all_affinity_fields", true),
            ("*_FIELD*", "list_all_affinity_fields", true),
            ("*_field*", "get_field", true),
            ("*_field", "list_all_affinity_fields", false),
            ("list_?ll_*", "list_all_affinity_notes", true),
            ("list", "list_all", false),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(name), fits, "{pattern} over {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let glob = Glob::new(&"a*".repeat(MAX_PATTERN / 2)).unwrap();
        assert!(!glob.matches(&format!("{}b", "a".repeat(40))));
        assert!(glob.matches(&"a".repeat(10_000)));
    }

    #[test]
    fn what_no_tool_name_holds_is_refused() {
        for pattern in ["", "a b", "[ab]", "a/*", "{a,b}", &"a".repeat(MAX_PATTERN + 1)] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
    }
}
