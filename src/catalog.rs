//! The catalog: the documentation that tools are made from.
//!
//! A catalog is a folder with a folder per integration; `integration.yaml` says what holds for the whole API, every
//! other file describes one resource. Nothing about any vendor is in the code: a method with a description becomes a
//! tool, a method without one does not. See `catalog/README.md` for the format.

pub mod arguments;
pub mod integration;
pub mod offer;
pub mod tool;

mod annotations;
mod builtin;
mod constraint;
mod document;
mod folder;
mod listing;
mod method;
mod naming;
mod operation;
mod paging;
mod parts;
mod path;
mod placement;
mod places;
mod resource;
mod result;
mod schema;
mod settled;
mod upload;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::document::{Faults, Sink};
use integration::Integration;
use offer::Offer;

/// All integrations of a catalog, compiled.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    integrations: BTreeMap<String, Arc<Integration>>,
}

impl Catalog {
    /// The catalog that is built into the program.
    ///
    /// # Errors
    /// Never for a released program: the tests load it.
    pub fn builtin() -> Result<Self, Faults> {
        document::read(builtin::FILES, Sink::proven).map(|integrations| Self { integrations })
    }

    /// The catalog in a folder.
    ///
    /// # Errors
    /// Every fault of every file, at once.
    pub fn load(folder: &Path) -> Result<Self, Faults> {
        let folder::Folder { texts, mut faults } = folder::read(folder);
        let texts: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let read = Self::from_texts(&texts);
        if faults.is_empty() {
            return read;
        }
        faults.extend(read.err().unwrap_or_default().0);
        Err(Faults(faults))
    }

    /// The catalog of these files: the path of each and its text.
    ///
    /// Files of one folder make one integration; the files of a folder are taken in the order given.
    ///
    /// # Errors
    /// Every fault of every file, at once.
    pub fn from_texts(texts: &[(&str, &str)]) -> Result<Self, Faults> {
        document::read(texts, Sink::new).map(|integrations| Self { integrations })
    }

    /// An integration by name.
    #[must_use]
    pub fn integration(&self, name: &str) -> Option<&Arc<Integration>> {
        self.integrations.get(name)
    }

    /// The tools of an integration, in the order of the catalog; none if there is no such integration.
    pub fn tools(&self, integration: &str) -> impl Iterator<Item = Offer> {
        let integration = self.integrations.get(integration);
        integration.into_iter().flat_map(|integration| {
            (0..integration.tools.len()).map(|index| Offer { integration: integration.clone(), index })
        })
    }

    /// The names of all integrations, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.integrations.keys().map(String::as_str)
    }
}
