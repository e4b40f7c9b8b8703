//! "Did you mean …?": the nearest known name to one that is not known.

/// How alike two names must be (Jaro-Winkler, 0 to 1) before one is offered for the other: below this a hint misleads.
const ALIKE: f64 = 0.8;

/// No name that anybody may use is longer, in characters. Callers name things too, and comparing costs the product of
/// the lengths: a name of a megabyte must not cost seconds.
const LONGEST: usize = 64;

/// The candidate most like `found`, if one is alike enough to be what was meant.
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found: String = found.chars().take(LONGEST).map(|letter| letter.to_ascii_lowercase()).collect();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&found, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_mended_and_a_stranger_is_not() {
        let tools = ["list_all_affinity_persons", "create_a_affinity_note"];
        assert_eq!(nearest("list_all_affinity_person", tools), Some("list_all_affinity_persons"));
        assert_eq!(nearest("query", ["due_date", "limit"]), None);
    }

    #[test]
    fn what_follows_the_longest_name_is_not_looked_at_wherever_a_letter_ends() {
        let (whole, letters) = ("a".repeat(LONGEST), "é".repeat(LONGEST));
        for name in [&whole, &letters] {
            let tail = "b".repeat(1 << 20);
            assert_eq!(nearest(&format!("{name}{tail}"), [name.as_str()]), Some(name.as_str()));
        }
    }
}
