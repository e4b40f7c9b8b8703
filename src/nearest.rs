//! "Did you mean …?": the nearest known name to one that is not known.

/// How alike two names must be (Jaro-Winkler, 0 to 1) before one is offered for the other: below this a hint misleads.
const ALIKE: f64 = 0.8;

/// The candidate most like `found`, if one is alike enough to be what was meant.
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.get(..64).unwrap_or(found).to_ascii_lowercase();
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
}
