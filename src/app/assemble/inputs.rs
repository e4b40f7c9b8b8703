//! What a set is made from: the files and folders to watch, and a fingerprint of what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{Report, Sources, policies};
use crate::config::{self, Config};
use crate::secret::Source;
use crate::server::document::{Draft, Token};

/// How deep a folder is read: a catalog has two levels, and a circle of links must end somewhere.
const MAX_DEPTH: usize = 4;

/// The files and folders that a set is made from, by their absolute paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Single files: configuration, API tokens, secrets.
    pub files: Vec<PathBuf>,
    /// Folders, with everything in them: policies and catalog.
    pub folders: Vec<PathBuf>,
}

/// What a set was made from at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The files and folders.
    pub inputs: Inputs,
    /// Their [`Inputs::fingerprint`].
    pub fingerprint: [u8; 32],
}

impl Seen {
    pub(super) fn now(sources: &Sources) -> Self {
        let config = config::read(sources.input()).config;
        let drafts = policies::read(&config.policies, &mut Report::default());
        let inputs = Inputs::new(sources.config_path.as_deref(), &config, &drafts);
        let fingerprint = inputs.fingerprint();
        Self { inputs, fingerprint }
    }
}

impl Inputs {
    fn new(config_path: Option<&Path>, config: &Config, drafts: &[Draft]) -> Self {
        let api_tokens = config.api_tokens.as_ref().map(|at| &at.value);
        let keys = config.accounts.iter().filter_map(|account| Some(&account.api_key.as_ref()?.value));
        let tokens = drafts.iter().filter_map(|draft| match &draft.token.as_ref()?.value {
            Token::Source(source) => Some(source),
            Token::Hash(_) | Token::None => None,
        });
        let secrets = api_tokens.into_iter().chain(keys).chain(tokens).filter_map(|source| match source {
            Source::File(path) => Some(path.as_path()),
            Source::Env(_) => None,
        });
        let catalog = config.catalog.as_ref().map(|at| at.value.as_path());
        Self {
            files: config_path.into_iter().chain(secrets).map(absolute).collect(),
            folders: std::iter::once(config.policies.value.as_path()).chain(catalog).map(absolute).collect(),
        }
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

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
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

/// Editors put files of other kinds beside the one that is edited.
fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json")
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
            Ok(meta) if !meta.is_file() || !is_document(&path) => {}
            _ => add_file(digest, &path),
        }
    }
}
