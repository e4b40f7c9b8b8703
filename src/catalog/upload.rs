//! The `file` of a multipart method.

use super::{
    arguments::{
        declaration::{self, Declaration},
        file::{FileRules, is_media_type},
    },
    tool::FilePart,
};
use crate::document::At;

/// Largest file in bytes where the catalog names no limit.
const MAX_FILE: usize = 100 << 20;

/// The file that the arguments make.
pub(crate) fn read(at: &At<'_>, declared: &[Declaration<'_>]) -> Option<FileRules> {
    let mut fields = at.fields()?;
    let part = fields.require("part").and_then(|at| at.text());
    let [name, content, media_type] = ["name", "content", "media_type"].map(|key| {
        let at = fields.require(key)?;
        let argument = declaration::find(&at, declared)?;
        let is_string = |schema: &serde_json::Value| schema.get("type").is_some_and(|kind| kind == "string");
        if !argument.schema.as_ref().is_none_or(is_string) {
            at.fault(format!("expected an argument of `type: string`, `{}` is none", argument.name));
        }
        Some(argument.name.to_owned())
    });
    let min = fields.get("min").and_then(|at| at.size()).unwrap_or(0);
    let max = fields.get("max").and_then(|at| at.size()).unwrap_or(MAX_FILE);
    let extensions = fields.get("extensions").map(|at| words(&at, |word| !word.contains(['.', '/']), "pdf"));
    let media_types = fields.get("media_types").map(|at| words(&at, is_media_type, "text/plain"));
    fields.finish();
    if min > max {
        at.fault("`min` is larger than `max`");
    }
    Some(FileRules {
        part: FilePart { part: part?.to_owned(), name: name?, content: content?, media_type: media_type? },
        min,
        max,
        extensions: extensions.unwrap_or_default(),
        media_types: media_types.unwrap_or_default(),
    })
}

fn words(at: &At<'_>, fits: impl Fn(&str) -> bool, example: &str) -> Vec<String> {
    let word = |item: &At<'_>| {
        let text = item.text()?;
        if !fits(text) {
            item.fault(format!("expected such as `{example}`, found `{text}`"));
        }
        Some(text.to_ascii_lowercase())
    };
    at.items().unwrap_or_default().iter().filter_map(word).collect()
}
