//! Where the arguments of a method go upstream.

use std::collections::HashMap;

use http::Method;
use serde_json::Value;

use super::{
    arguments::{
        declaration::{Declaration, Destination},
        file::FileRules,
    },
    paging::Style,
    path::Line,
    tool::{Body, Place, Placed},
};
use crate::document::At;

/// What decides where arguments go.
pub(crate) struct Placement<'p, 'd> {
    /// HTTP method and path.
    pub(crate) line: &'p Line<'d>,
    /// The file part.
    pub(crate) file: Option<&'p FileRules>,
    /// The paging style.
    pub(crate) style: Option<&'p Style>,
}

impl Placement<'_, '_> {
    /// The place of every argument.
    pub(crate) fn places(&self, http: &At<'_>, declared: &[Declaration<'_>]) -> Vec<Placed> {
        for name in &self.line.arguments {
            if !declared.iter().any(|argument| argument.name == *name) {
                http.fault(format!("the path names `{name}`, and no argument is called so"));
            }
        }
        let mut taken: HashMap<(&'static str, String), &str> = HashMap::new();
        for parameter in self.style.map(Style::parameters).unwrap_or_default() {
            taken.insert(("query", parameter.to_owned()), "paging");
        }
        if let Some(file) = self.file {
            taken.insert(("body", file.part.part.clone()), "the file part");
        }
        let mut places = Vec::new();
        for argument in declared {
            let Some(place) = self.place(argument) else { continue };
            let upstream = match &place {
                Place::Query(name) => Some(("query", name.to_string())),
                Place::Body(name) => Some(("body", name.to_string())),
                Place::Path | Place::File => None,
            };
            if let Some(key) = upstream
                && let Some(first) = taken.insert(key.clone(), argument.name)
            {
                argument.at.fault(format!("`{}` goes into the {} already, by {first}", key.1, key.0));
            }
            places.push(Placed { argument: argument.name.into(), place });
        }
        places
    }

    fn place(&self, argument: &Declaration<'_>) -> Option<Place> {
        let in_path = self.line.arguments.contains(&argument.name);
        let in_file = self.file.is_some_and(|file| {
            [&file.part.name, &file.part.content, &file.part.media_type].iter().any(|name| *name == argument.name)
        });
        let natural = match self.line.method {
            _ if in_path => Destination::Path,
            _ if in_file => Destination::File,
            Method::GET | Method::DELETE => Destination::Query,
            _ => Destination::Body,
        };
        let (at, destination) = match &argument.destination {
            Some((at, said)) => (at, *said),
            None => (&argument.at, natural),
        };
        if in_path != (destination == Destination::Path) {
            let wrong = if in_path { "the path names it, expected `in: path`" } else { "the path does not name it" };
            at.fault(wrong);
            return None;
        }
        if in_file != (destination == Destination::File) {
            let wrong = if in_file { "`file` names it, expected `in: file`" } else { "`file` does not name it" };
            at.fault(wrong);
            return None;
        }
        if let Some((at, _)) = argument.upstream.as_ref().filter(|_| in_path || in_file) {
            at.fault(if in_path { "the template names it already" } else { "a piece of a file has no name upstream" });
        }
        let upstream = argument.upstream.as_ref().map_or(argument.name, |(_, name)| name).into();
        match destination {
            Destination::Path => {
                segment(argument);
                Some(Place::Path)
            }
            Destination::Query => Some(Place::Query(upstream)),
            Destination::File => Some(Place::File),
            Destination::Body if self.line.method == Method::GET => {
                at.fault("a GET has no body");
                None
            }
            Destination::Body => Some(Place::Body(upstream)),
        }
    }
}

/// What stands in a path is always there and is one integer or string.
fn segment(argument: &Declaration<'_>) {
    if let Some((at, _)) = &argument.fallback {
        at.fault("an argument in the path is required, a default has no effect");
    }
    let fits = |schema: &Value| match schema.get("type") {
        Some(Value::String(kind)) => kind == "integer" || kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().all(|kind| kind == "integer" || kind == "string"),
        _ => false,
    };
    if !argument.schema.as_ref().is_none_or(fits) {
        argument.at.fault("expected `type: integer` or `type: string` in the schema of an argument in the path");
    }
}

/// How the body is written, by what is said and what goes into it.
pub(crate) fn body(said: Option<&At<'_>>, http: &At<'_>, file: Option<FileRules>, places: &[Placed]) -> Option<Body> {
    let has_fields = places.iter().any(|placed| matches!(placed.place, Place::Body(_)));
    let natural = if has_fields { "json" } else { "none" };
    let word = match said {
        Some(at) => at.word(&[("json", "json"), ("multipart", "multipart"), ("none", "none")])?,
        None if file.is_some() => "multipart",
        None => natural,
    };
    let at = said.unwrap_or(http);
    match (word, file) {
        ("multipart", Some(file)) => return Some(Body::Multipart(Box::new(file.part))),
        ("multipart", None) => at.fault("a multipart body needs the key `file`"),
        (_, Some(_)) => at.fault("the key `file` needs `body: multipart`"),
        ("none", None) if has_fields => at.fault("arguments go into the body, expected `json` or `multipart`"),
        ("none", None) => return Some(Body::None),
        _ => return Some(Body::Json),
    }
    None
}
