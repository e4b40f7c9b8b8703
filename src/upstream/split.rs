//! A call's arguments, split into the path, the query and the body of a request.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, uri::PathAndQuery};
use serde_json::{Map, Value};

use super::failure::Failure;
use super::multipart;
use super::text::{each_text, encoded, scalar};
use crate::catalog::tool::{Body, PathTemplate, Place, Placed, Rest, Segment};

/// A query parameter that paging adds; it replaces an argument of the same upstream name.
pub(super) type Parameter<'a> = (&'a str, Cow<'a, str>);

/// Path and query of a request, below the path of the account's base URL.
///
/// # Errors
/// The argument that cannot stand where it should, or a bug of the catalog.
pub(super) fn target(
    base: &str,
    rest: &Rest,
    values: &Map<String, Value>,
    paging: &[Parameter<'_>],
) -> Result<PathAndQuery, Failure> {
    let mut target = String::with_capacity(128);
    target.push_str(base.trim_end_matches('/'));
    path(&mut target, &rest.path, values)?;
    query(&mut target, &rest.places, values, paging)?;
    PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(|_| {
        Failure::misfit("", "the arguments are too long for one request, expected less than 64 KiB in all")
    })
}

fn path(target: &mut String, template: &PathTemplate, values: &Map<String, Value>) -> Result<(), Failure> {
    for segment in template.segments() {
        match segment {
            Segment::Literal(text) => target.push_str(text),
            Segment::Argument(name) => {
                let value = values.get(name).and_then(scalar);
                let text = value.ok_or_else(|| Failure::misfit(name, "expected a string or a number"))?;
                if matches!(&*text, "" | "." | "..") {
                    return Err(Failure::misfit(name, "expected an id, found a part of a path"));
                }
                target.extend(encoded(&text));
            }
        }
    }
    Ok(())
}

fn query(
    target: &mut String,
    places: &[Placed],
    values: &Map<String, Value>,
    paging: &[Parameter<'_>],
) -> Result<(), Failure> {
    let mut separator = '?';
    let mut pair = |name: &str, value: &str| {
        target.push(separator);
        target.extend(encoded(name));
        target.push('=');
        target.extend(encoded(value));
        separator = '&';
    };
    for Placed { argument, place } in places {
        let Place::Query(name) = place else { continue };
        let replaced = paging.iter().any(|(parameter, _)| *parameter == &**name);
        match values.get(&**argument) {
            Some(value) if !replaced => each_text(argument, value, |text| pair(name, text))?,
            _ => {}
        }
    }
    for (name, value) in paging {
        pair(name, value);
    }
    Ok(())
}

/// The body of a request and its `Content-Type`.
///
/// # Errors
/// The argument that cannot be sent as it is.
pub(super) fn body(rest: &Rest, values: &Map<String, Value>) -> Result<(Bytes, Option<HeaderValue>), Failure> {
    match &rest.body {
        Body::None => Ok((Bytes::new(), None)),
        Body::Json => Ok((json(&rest.places, values)?, Some(HeaderValue::from_static("application/json")))),
        Body::Multipart(part) => multipart::body(part, &rest.places, values).map(|(body, kind)| (body, Some(kind))),
    }
}

/// A JSON object of the arguments placed in the body, in the order of the catalog.
fn json(places: &[Placed], values: &Map<String, Value>) -> Result<Bytes, Failure> {
    let unwritable = |error: serde_json::Error| Failure::Bug(format!("a body cannot be written: {error}"));
    let mut body = Vec::with_capacity(256);
    body.push(b'{');
    for Placed { argument, place } in places {
        let (Place::Body(name), Some(value)) = (place, values.get(&**argument)) else { continue };
        if body.len() > 1 {
            body.push(b',');
        }
        serde_json::to_writer(&mut body, &**name).map_err(unwritable)?;
        body.push(b':');
        serde_json::to_writer(&mut body, value).map_err(unwritable)?;
    }
    body.push(b'}');
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::upstream::tests::support::{object, rest};

    fn placed(argument: &str, place: Place) -> Placed {
        Placed { argument: argument.into(), place }
    }

    fn sample() -> Rest {
        let mut rest = rest("GET", "/lists/{list_id}/entries/{id}");
        rest.places = vec![
            placed("list_id", Place::Path),
            placed("id", Place::Path),
            placed("query", Place::Query("term".into())),
            placed("ids", Place::Query("ids[]".into())),
            placed("flag", Place::Query("with_flag".into())),
            placed("note", Place::Body("content".into())),
            placed("person_ids", Place::Body("person_ids".into())),
        ]
        .into();
        rest
    }

    #[test]
    fn arguments_go_where_the_catalog_says_in_its_order() {
        let values = json!({"flag": true, "ids": [1, "b"], "query": "A&B c", "id": 7, "list_id": "3", "note": null});
        let target = target("/api/", &sample(), &object(values), &[("page_size", "5".into())]).unwrap();
        assert_eq!(target, "/api/lists/3/entries/7?term=A%26B%20c&ids%5B%5D=1&ids%5B%5D=b&with_flag=true&page_size=5");
    }

    #[test]
    fn a_paging_parameter_replaces_the_argument_of_its_name() {
        let values = object(json!({"id": 7, "list_id": 3, "query": "first"}));
        let target = target("/", &sample(), &values, &[("term", "next".into())]).unwrap();
        assert_eq!(target, "/lists/3/entries/7?term=next");
    }

    #[test]
    fn a_json_body_has_the_upstream_names_in_the_order_of_the_catalog() {
        let mut rest = sample();
        rest.body = Body::Json;
        let values = object(json!({"person_ids": [2, 1], "note": "a\"b", "query": "not here"}));
        let (body, kind) = body(&rest, &values).unwrap();
        assert_eq!(body, r#"{"content":"a\"b","person_ids":[2,1]}"#);
        assert_eq!(kind.unwrap(), "application/json");
        assert_eq!(super::body(&rest, &Map::new()).unwrap().0, "{}");
    }

    #[test]
    fn a_value_that_is_no_segment_is_refused_by_name() {
        for odd in [json!(""), json!("."), json!(".."), json!(null), json!([1]), json!({"a": 1})] {
            let values = object(json!({"list_id": odd, "id": 1}));
            match target("", &sample(), &values, &[]) {
                Err(Failure::Misfit(misfit)) => assert_eq!(misfit.argument, "list_id"),
                other => panic!("{odd}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_argument_can_leave_its_segment_or_smuggle_a_query(
            list_id in any::<String>(),
            id in "(\\.|/|%2e|%2f|\\\\|\\?|#|;|&|=|a| |\u{0}|\r\n){0,8}",
            query in any::<String>(),
        ) {
            let values = object(json!({"list_id": list_id, "id": id, "query": query}));
            let built = target("/v1", &sample(), &values, &[]);
            if [&list_id, &id].into_iter().any(|text| matches!(text.as_str(), "" | "." | "..")) {
                prop_assert!(built.is_err());
                return Ok(());
            }
            let built = built.unwrap();
            let segments: Vec<&str> = built.path().split('/').collect();
            prop_assert_eq!(segments.len(), 6);
            prop_assert_eq!((segments[0], segments[1], segments[2], segments[4]), ("", "v1", "lists", "entries"));
            let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
            prop_assert_eq!((decode(segments[3]), decode(segments[5])), (list_id, id));
            let pairs: Vec<&str> = built.query().unwrap().split('&').collect();
            prop_assert_eq!(pairs.len(), 1);
            prop_assert_eq!(decode(pairs[0].strip_prefix("term=").unwrap()), query);
            prop_assert!(!built.as_str().contains('#'));
        }
    }
}
