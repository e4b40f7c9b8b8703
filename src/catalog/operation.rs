//! A method that calls the upstream: the pieces of its request and of the answer, checked against each other.

use super::{
    arguments::{declaration::Declaration, file::FileRules},
    integration::document::Declared,
    paging::{LIMIT, NEXT_CURSOR, Style},
    path::Line,
    placement::{self, Placement},
    result,
    tool::{Place, Rest, Shape},
    upload,
};
use crate::document::At;

/// The keys of a method that speak of the request and the answer.
#[derive(Clone, Debug)]
pub(crate) struct Keys<'d> {
    /// `http`.
    pub(crate) http: At<'d>,
    /// `body`.
    pub(crate) body: Option<At<'d>>,
    /// `file`.
    pub(crate) file: Option<At<'d>>,
    /// `paging`.
    pub(crate) paging: Option<At<'d>>,
    /// `result`.
    pub(crate) result: Option<At<'d>>,
    /// `fan_out`.
    pub(crate) fan_out: Option<At<'d>>,
}

/// A request, and what of it the argument checks need.
pub(crate) struct Request {
    /// The request and the answer.
    pub(crate) rest: Rest,
    /// What its file may be.
    pub(crate) file: Option<FileRules>,
    /// How it is paged.
    pub(crate) style: Option<Style>,
}

/// The request of a method.
pub(crate) fn read(keys: &Keys<'_>, declared: &[Declaration<'_>], integration: &Declared<'_>) -> Option<Request> {
    let line = Line::read(&keys.http);
    let file = keys.file.as_ref().map(|at| upload::read(at, declared));
    let style = keys.paging.as_ref().map(|at| style(at, declared, integration));
    let shape = keys.result.as_ref().map_or(Some(Shape::Object), |at| result::shape(at, declared));
    let fan_out = keys.fan_out.as_ref().map(|at| result::fan_out(at, declared));

    // Each is `None` where the catalog says nothing, and here no longer where it says something faulty.
    let (line, shape) = (line?, shape?);
    let file = match file {
        Some(file) => Some(file?),
        None => None,
    };
    let style = match style {
        Some(style) => Some(style?),
        None => None,
    };
    let fan_out = match fan_out {
        Some(fan_out) => Some(fan_out?),
        None => None,
    };
    lists_only(keys, &shape);
    let places = Placement { line: &line, file: file.as_ref(), style: style.as_ref() }.places(&keys.http, declared);
    if let (Some(at), Some(fan_out)) = (&keys.fan_out, &fan_out)
        && !places.iter().any(|placed| *placed.argument == *fan_out.argument && matches!(placed.place, Place::Query(_)))
    {
        at.fault(format!("`{}` does not go into the query", fan_out.argument));
    }
    let body = placement::body(keys.body.as_ref(), &keys.http, file.clone(), &places)?;
    let rest = Rest {
        method: line.method,
        path: line.path,
        places: integration.parts.places(places),
        body,
        paging: style.as_ref().map_or_else(|| integration.parts.unpaged(), |style| style.paging.clone()),
        fan_out: fan_out.map(Box::new),
        result: integration.parts.shape(shape),
    };
    Some(Request { rest, file, style })
}

fn lists_only(keys: &Keys<'_>, shape: &Shape) {
    if matches!(shape, Shape::List { .. }) {
        return;
    }
    for (key, at) in [("paging", &keys.paging), ("fan_out", &keys.fan_out)] {
        if let Some(at) = at {
            at.fault(format!("`{key}` needs a list as `result`"));
        }
    }
}

fn style(at: &At<'_>, declared: &[Declaration<'_>], integration: &Declared<'_>) -> Option<Style> {
    let style = if matches!(at.value(), crate::document::Value::Mapping(_)) {
        Style::read(at)?
    } else {
        let name = at.text()?;
        let Some((_, style)) = integration.styles.iter().find(|(known, _)| *known == name) else {
            at.unknown_word(name, &integration.styles.iter().map(|(known, _)| *known).collect::<Vec<_>>());
            return None;
        };
        style.clone()?
    };
    for argument in declared.iter().filter(|argument| matches!(argument.name, LIMIT | NEXT_CURSOR)) {
        argument.at.fault("`paging` makes this argument");
    }
    for (name, value) in style.when() {
        match declared.iter().find(|argument| argument.name == name) {
            None => at.fault(format!("the style pages by the argument `{name}`, and there is none")),
            Some(argument) if !argument.takes(value) => {
                at.fault(format!("the style needs `{name}` to be {value}, and its schema refuses that"));
            }
            Some(_) => {}
        }
    }
    Some(style)
}
