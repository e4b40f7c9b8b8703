//! What a set is made from: the files and folders to watch, and a fingerprint of what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::secret::Source;
use crate::server::document::{Draft, Token};

/// How deep a folder is read: a catalog has two levels, and a circle of links must end somewhere.
const MAX_DEPTH: usize = 4;

/// The files and folders that a set is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Single files: configuration, API tokens, secrets.
    pub files: Vec<PathBuf>,
    /// Folders, with everything in them: policies and catalog.
    pub folders: Vec<PathBuf>,
}

impl Inputs {
    pub(super) fn new(config_path: Option<&Path>, config: &Config, drafts: &[Draft]) -> Self {
        let mut files: Vec<PathBuf> = config_path.map(Path::to_owned).into_iter().collect();
        let api_tokens = config.api_tokens.as_ref().map(|at| &at.value);
        let keys = config.accounts.iter().filter_map(|account| Some(&account.api_key.as_ref()?.value));
        let tokens = drafts.iter().filter_map(|draft| match &draft.token.as_ref()?.value {
            Token::Source(source) => Some(source),
            Token::Hash(_) | Token::None => None,
        });
        files.extend(api_tokens.into_iter().chain(keys).chain(tokens).filter_map(|source| match source {
            Source::File(path) => Some(path.clone()),
            Source::Env(_) => None,
        }));
        let catalog = config.catalog.as_ref().map(|at| at.value.clone());
        let folders = std::iter::once(config.policies.value.clone()).chain(catalog).collect();
        Self { files, folders }
    }

    /// SHA-256 over the names and contents of everything. What cannot be read counts as such.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for file in &self.files {
            add_file(&mut digest, file);
        }
        for folder in &self.folders {
            add_folder(&mut digest, folder, MAX_DEPTH);
        }
        digest.finalize().into()
    }
}

fn add_file(digest: &mut Sha256, path: &Path) {
    let content = fs::read(path);
    // Lengths keep one file's end from being taken for the next one's beginning.
    let name = path.as_os_str().as_encoded_bytes();
    digest.update(name.len().to_be_bytes());
    digest.update(name);
    match content {
        Ok(content) => {
            digest.update(content.len().to_be_bytes());
            digest.update(content);
        }
        Err(error) => digest.update(error.kind().to_string()),
    }
}

fn add_folder(digest: &mut Sha256, folder: &Path, depth: usize) {
    let Ok(entries) = fs::read_dir(folder) else {
        digest.update(b"unreadable");
        return;
    };
    let visible = |path: &PathBuf| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(visible).collect();
    paths.sort();
    for path in paths {
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() && depth > 0 => add_folder(digest, &path, depth - 1),
            Ok(meta) if meta.is_file() => add_file(digest, &path),
            Ok(_) => {}
            Err(_) => add_file(digest, &path),
        }
    }
}
