//! What the tests of this room share: tools, accounts, and a server.

use serde_json::{Map, Value};

use crate::catalog::tool::{Body, Paging, PathTemplate, Place, Placed, Rest, Segment, Shape};

/// The object in a JSON value.
pub(in crate::upstream) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

/// An operation with path arguments only.
pub(in crate::upstream) fn rest(method: &str, template: &str) -> Rest {
    let mut path = Vec::new();
    let mut places = Vec::new();
    for (n, piece) in template.split(['{', '}']).enumerate().filter(|(_, piece)| !piece.is_empty()) {
        if n % 2 == 0 {
            path.push(Segment::Literal(piece.into()));
        } else {
            path.push(Segment::Argument(piece.into()));
            places.push(Placed { argument: piece.into(), place: Place::Path });
        }
    }
    Rest {
        method: method.parse().unwrap(),
        path: PathTemplate(path),
        template: template.into(),
        places,
        body: Body::None,
        paging: Paging::None,
        fan_out: None,
        result: Shape::Object,
    }
}
