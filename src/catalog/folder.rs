//! Reads the files of a catalog folder: a bounded number of regular files of bounded size.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::document::{INTEGRATION, MAX_RESOURCES};
use crate::document::{Fault, Faults, Place};

/// Largest catalog file in bytes: a hundred times an honest one.
const MAX_FILE: u64 = 1 << 20;

/// Most integrations of a catalog.
const MAX_INTEGRATIONS: usize = 256;

/// What a folder holds.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// The path, as the user named it, and the text of every catalog file, in sorted order.
    pub(crate) texts: Vec<(String, String)>,
    /// What cannot be read, or is in the wrong place.
    pub(crate) faults: Vec<Fault>,
}

/// The catalog files of a folder.
pub(crate) fn read(folder: &Path) -> Folder {
    let mut read = Folder::default();
    read.catalog(folder);
    read
}

impl Folder {
    fn fault(&mut self, path: &Path, message: impl Into<String>) {
        self.faults.extend(Faults::whole_file(&path.to_string_lossy(), message).0);
    }

    fn catalog(&mut self, folder: &Path) {
        let Some(entries) = self.entries(folder) else { return };
        if entries.iter().any(|entry| entry.file_name().is_some_and(|name| name == INTEGRATION)) {
            return self.integration(folder, &entries);
        }
        let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| !is_catalog_file(entry));
        for file in files {
            self.fault(&file, format!("expected a folder per integration, with an {INTEGRATION} in it"));
        }
        let before = (self.texts.len(), self.faults.len());
        if folders.len() > MAX_INTEGRATIONS {
            return self.fault(folder, format!("expected at most {MAX_INTEGRATIONS} entries, found {}", folders.len()));
        }
        for path in folders {
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {
                    if let Some(entries) = self.entries(&path) {
                        self.integration(&path, &entries);
                    }
                }
                // A README or a licence may stand beside the integrations.
                Ok(_) => {}
                Err(error) => self.unreadable(&path, &error),
            }
        }
        if before == (self.texts.len(), self.faults.len()) {
            self.fault(folder, format!("no catalog here, expected {INTEGRATION}, or a folder with one"));
        }
    }

    fn integration(&mut self, folder: &Path, entries: &[PathBuf]) {
        let files = entries.iter().filter(|entry| is_catalog_file(entry)).count();
        if files > MAX_RESOURCES + 1 {
            return self.fault(folder, format!("expected at most {MAX_RESOURCES} resources, found {files} files"));
        }
        let before = self.texts.len();
        for entry in entries {
            if is_catalog_file(entry) {
                let is_read = self.file(entry);
                if !is_read && entry.ends_with(INTEGRATION) {
                    // Without it, every word of the resources would be unknown: one fault says enough.
                    return self.texts.truncate(before);
                }
            } else if entry.is_dir() {
                self.fault(entry, "expected a file: the folder of an integration has no folders in it");
            }
        }
    }

    /// What is in a folder, sorted; hidden entries (a mounted `ConfigMap` has some) are passed over.
    fn entries(&mut self, folder: &Path) -> Option<Vec<PathBuf>> {
        let listed: io::Result<Vec<_>> =
            fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
        match listed {
            Ok(mut paths) => {
                paths.retain(|path| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
                paths.sort();
                Some(paths)
            }
            Err(error) => {
                self.unreadable(folder, &error);
                None
            }
        }
    }

    /// Reads a file; was there a text?
    fn file(&mut self, path: &Path) -> bool {
        let before = self.texts.len();
        match content(path) {
            Ok(bytes) if bytes.len() as u64 > MAX_FILE => self.fault(path, "the file is larger than 1 MiB"),
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => self.texts.push((path.to_string_lossy().into_owned(), text)),
                Err(error) => {
                    let line =
                        error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
                    self.faults.push(Fault {
                        file: path.to_string_lossy().into(),
                        place: Some(Place { line, column: 1 }),
                        key: String::new(),
                        message: "expected UTF-8, found other bytes in this line".to_owned(),
                    });
                }
            },
            Err(error) => self.unreadable(path, &error),
        }
        self.texts.len() > before
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.fault(path, format!("cannot be read: {error}"));
    }
}

fn is_catalog_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The bytes of a regular file, one more than allowed at most. Anything else (a folder, a pipe) is not opened.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
