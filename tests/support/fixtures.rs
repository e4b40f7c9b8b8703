//! Fixture folders: every file of one is tried, and an invalid one says itself which faults it must cause.

use std::{fs, path::PathBuf};

/// The files of a folder below `tests`, never none.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

/// What the comment lines `# expects: …` of a file say; never nothing.
pub(crate) fn expectations(text: &str) -> Vec<&str> {
    let found: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# expects: ")).collect();
    assert!(!found.is_empty(), "a fixture says what it expects");
    found
}
