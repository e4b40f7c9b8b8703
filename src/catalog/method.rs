//! A method of a resource into a tool: whole, or not at all.

mod checks;

use super::{
    annotations::{Annotations, Stated},
    arguments::declaration::Declaration,
    constraint,
    integration::document::Declared,
    listing::{self, Entry},
    naming::{self, Names},
    operation::{self, Keys, Request},
    schema, settled,
    tool::{Operation, Tool},
};
use crate::document::At;

/// The keys of a method, each where it stands.
struct Raw<'d> {
    description: Option<At<'d>>,
    name: Option<At<'d>>,
    title: Option<At<'d>>,
    tags: Option<At<'d>>,
    used: Option<At<'d>>,
    arguments: Option<At<'d>>,
    constraints: Option<At<'d>>,
    annotations: Option<At<'d>>,
    settled: Option<At<'d>>,
    input_schema: Option<At<'d>>,
    http: Option<At<'d>>,
    body: Option<At<'d>>,
    file: Option<At<'d>>,
    paging: Option<At<'d>>,
    result: Option<At<'d>>,
    fan_out: Option<At<'d>>,
}

impl<'d> Raw<'d> {
    fn read(at: &At<'d>) -> Option<Self> {
        let mut fields = at.fields()?;
        let raw = Self {
            description: fields.get("description"),
            name: fields.get("name"),
            title: fields.get("title"),
            tags: fields.get("tags"),
            http: fields.get("http"),
            used: fields.get("use"),
            arguments: fields.get("arguments"),
            constraints: fields.get("constraints"),
            body: fields.get("body"),
            file: fields.get("file"),
            paging: fields.get("paging"),
            result: fields.get("result"),
            fan_out: fields.get("fan_out"),
            annotations: fields.get("annotations"),
            settled: fields.get("static"),
            input_schema: fields.get("input_schema"),
        };
        fields.finish();
        Some(raw)
    }
}

/// What every method of a resource has in common.
pub(crate) struct Shared<'d, 'r> {
    /// What tool names are made from.
    pub(crate) names: Names<'r>,
    /// The tags of every method.
    pub(crate) tags: Vec<&'d str>,
}

/// What is said to a client.
struct Face {
    name: String,
    title: String,
    description: String,
    tags: Vec<String>,
    annotations: Annotations,
}

/// The tool that a method becomes; `None` if it has no description, or a fault.
pub(crate) fn read<'d>(method: &str, at: &At<'d>, shared: &Shared<'d, '_>, integration: &Declared<'d>) -> Option<Tool> {
    if !naming::is_word(method) {
        at.fault(format!("expected a method name of a-z, 0-9 and _, found `{method}`"));
    }
    let raw = Raw::read(at)?;
    let description = raw.description.as_ref()?.text();
    let arguments = arguments(&raw, integration);
    let constraints = raw.constraints.as_ref().map(|at| constraint::read(at, &arguments)).unwrap_or_default();
    let face = face(method, at, &raw, shared, integration);
    let made = match (&raw.http, &raw.settled) {
        (Some(http), None) => request(http, &raw, &arguments, integration),
        (None, Some(settled)) => fixed(settled, &raw, &arguments),
        _ => {
            at.fault("expected either `http` or `static`");
            None
        }
    };
    let (made, face, description) = (made?, face?, description?);

    let face = Face { description: listing::description(description, &constraints), ..face };
    let checker = checks::compile(at, &made, &arguments, constraints, &integration.parts)?;
    let entry = Entry {
        name: &face.name,
        title: &face.title,
        description: &face.description,
        schema: &made.schema,
        annotations: face.annotations,
    };
    Some(Tool {
        listing: entry.text(),
        name: face.name.into(),
        resource: shared.names.resource.to_owned(),
        method: method.to_owned(),
        tags: face.tags,
        read_only: face.annotations.read_only,
        checker,
        operation: made.operation,
    })
}

/// The method's own arguments, then those of the sets it uses.
fn arguments<'d>(raw: &Raw<'d>, integration: &Declared<'d>) -> Vec<Declaration<'d>> {
    let mut arguments = raw.arguments.as_ref().map(Declaration::all).unwrap_or_default();
    for item in raw.used.as_ref().and_then(At::items).unwrap_or_default() {
        let Some(name) = item.text() else { continue };
        let Some((_, set)) = integration.sets.iter().find(|(known, _)| *known == name) else {
            item.unknown_word(name, &integration.sets.iter().map(|(known, _)| *known).collect::<Vec<_>>());
            continue;
        };
        for argument in set {
            if arguments.iter().any(|known| known.name == argument.name) {
                item.fault(format!("the argument `{}` of this set is there already", argument.name));
            } else {
                arguments.push(argument.clone());
            }
        }
    }
    arguments
}

fn face<'d>(
    method: &str,
    at: &At<'d>,
    raw: &Raw<'d>,
    shared: &Shared<'d, '_>,
    integration: &Declared<'d>,
) -> Option<Face> {
    let name = match &raw.name {
        Some(at) => at.text()?.to_owned(),
        None => shared.names.tool(method),
    };
    if !naming::is_tool_name(&name) {
        let at = raw.name.as_ref().unwrap_or(at);
        at.fault(format!("expected a tool name of 1 to 64 letters of A-Z, a-z, 0-9, _, . and -, found `{name}`"));
    }
    let title = raw.title.as_ref().and_then(At::text).map_or_else(|| shared.names.title(method), str::to_owned);
    let mut tags = shared.tags.clone();
    for tag in raw.tags.as_ref().and_then(|at| integration.tags(at)).unwrap_or_default() {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.is_empty() {
        at.fault("no tag, expected at least one in `tags` of the resource or the method");
    }
    let stated = match &raw.annotations {
        Some(at) => Stated::read(at)?,
        None => Stated::default(),
    };
    let annotations = Annotations::derive(method, raw.settled.is_some(), stated);
    if annotations.is_none() {
        at.fault("a method with a name of its own says whether it only reads: `annotations: {read_only: true}`");
    }
    let tags = tags.into_iter().map(str::to_owned).collect();
    Some(Face { name, title, description: String::new(), tags, annotations: annotations? })
}

/// An operation and the schema of its arguments.
struct Made {
    schema: serde_json::Value,
    operation: Operation,
    /// What the checks need of a request.
    file: Option<super::arguments::file::FileRules>,
    segments: Vec<String>,
}

fn request(http: &At<'_>, raw: &Raw<'_>, arguments: &[Declaration<'_>], integration: &Declared<'_>) -> Option<Made> {
    if let Some(at) = &raw.input_schema {
        at.fault("`input_schema` is for `static` tools, expected `arguments`");
    }
    let keys = Keys {
        http: http.clone(),
        body: raw.body.clone(),
        file: raw.file.clone(),
        paging: raw.paging.clone(),
        result: raw.result.clone(),
        fan_out: raw.fan_out.clone(),
    };
    let Request { rest, file, style } = operation::read(&keys, arguments, integration)?;
    let segments = checks::segments(&rest);
    let schema =
        listing::input_schema(arguments, style.as_ref(), |argument| segments.iter().any(|name| name == argument.name))?;
    Some(Made { schema, operation: Operation::Rest(rest), file, segments })
}

fn fixed(settled: &At<'_>, raw: &Raw<'_>, arguments: &[Declaration<'_>]) -> Option<Made> {
    let of_requests = [&raw.body, &raw.file, &raw.paging, &raw.result, &raw.fan_out].into_iter().flatten();
    of_requests.for_each(|at| at.fault("a `static` tool sends nothing, so this key has no meaning"));
    let of_arguments = arguments.iter().flat_map(|argument| {
        argument.destination.iter().map(|(at, _)| at).chain(argument.upstream.iter().map(|(at, _)| at))
    });
    of_arguments.for_each(|at| at.fault("a `static` tool sends nothing, so this key has no meaning"));
    let schema = match &raw.input_schema {
        Some(at) if !arguments.is_empty() => {
            at.fault("expected either `arguments` or `input_schema`");
            None
        }
        Some(at) => schema::whole(at),
        None => listing::input_schema(arguments, None, |_| false),
    };
    let operation = settled::read(settled)?;
    Some(Made { schema: schema?, operation, file: None, segments: Vec::new() })
}
