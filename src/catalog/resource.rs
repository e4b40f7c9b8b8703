//! A resource file: its names, and its methods as tools.

use super::{
    integration::document::Declared,
    method::{self, Shared},
    naming::{Names, word},
    tool::Tool,
};
use crate::document::At;

/// Most methods of a resource.
const MAX_METHODS: usize = 64;

/// A resource that was read.
pub(crate) struct Resource<'d> {
    /// Its name.
    pub(crate) name: &'d str,
    /// Its tools, each with the place of its method.
    pub(crate) tools: Vec<(At<'d>, Tool)>,
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
