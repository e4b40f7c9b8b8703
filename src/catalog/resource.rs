//! A resource file: its names, and its methods as tools.

use super::{document::MAX_METHODS, integration::document::Declared, method, naming, naming::Names, tool::Tool};
use crate::document::At;

/// A resource that was read.
pub(crate) struct Resource<'d> {
    /// Its name.
    pub(crate) name: &'d str,
    /// Its tools, each with the place of its method.
    pub(crate) tools: Vec<(At<'d>, Tool)>,
}

/// What every method of a resource has in common.
pub(crate) struct Shared<'d, 'r> {
    /// What tool names are made from.
    pub(crate) names: Names<'r>,
    /// The tags of every method.
    pub(crate) tags: Vec<&'d str>,
}

/// The resource of a file; `None` if its names are not understood.
pub(crate) fn read<'d>(root: &At<'d>, declared: &Declared<'d>) -> Option<Resource<'d>> {
    let mut fields = root.fields()?;
    let name = fields.require("resource").and_then(|at| word(&at));
    let singular = fields.get("singular").and_then(|at| word(&at));
    let title = fields.get("title").and_then(|at| at.text());
    let tags = fields.get("tags").and_then(|at| declared.tags(&at)).unwrap_or_default();
    let methods = fields.require("methods").and_then(|at| at.entries());
    fields.finish();

    let name = name?;
    let names = Names { integration: &declared.name, resource: name, singular: singular.unwrap_or(name), title };
    let methods = methods?;
    if methods.len() > MAX_METHODS {
        root.fault(format!("expected at most {MAX_METHODS} methods, found {}", methods.len()));
        return None;
    }
    let shared = Shared { names, tags };
    let compiled = methods.into_iter().filter_map(|(name, at)| {
        let tool = method::read(name, &at, &shared, declared)?;
        Some((at, tool))
    });
    Some(Resource { name, tools: compiled.collect() })
}

/// A name of the catalog's own.
pub(crate) fn word<'d>(at: &At<'d>) -> Option<&'d str> {
    let text = at.string()?;
    if naming::is_word(text) {
        return Some(text);
    }
    at.fault(format!("expected a name of a-z, 0-9 and _, found `{text}`"));
    None
}
