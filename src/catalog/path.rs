//! The `http` line of a method: HTTP method and path template.

use http::Method;

use super::tool::{PathTemplate, Segment};
use crate::document::At;

/// An `http` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'d> {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The path as written.
    pub(crate) template: &'d str,
    /// The path in pieces.
    pub(crate) path: PathTemplate,
    /// The arguments in it.
    pub(crate) arguments: Vec<&'d str>,
}

impl<'d> Line<'d> {
    /// The line that stands here.
    pub(crate) fn read(at: &At<'d>) -> Option<Self> {
        let text = at.text()?;
        let parsed = Self::parse(text);
        if let Err(problem) = &parsed {
            at.fault(format!("{problem}; expected such as `GET /persons/{{id}}`, found `{text}`"));
        }
        parsed.ok()
    }

    fn parse(text: &'d str) -> Result<Self, String> {
        let (word, template) = text.split_once(' ').ok_or("an HTTP method and a path are needed")?;
        let method = match word {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => return Err("the HTTP method is none of GET, POST, PUT, PATCH, DELETE".to_owned()),
        };
        let path = template.strip_prefix('/').ok_or("a path begins with a slash")?;
        let mut segments = Vec::new();
        let mut arguments = Vec::new();
        let mut literal = String::new();
        for segment in path.split('/') {
            literal.push('/');
            if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                if name.is_empty() || name.contains(['{', '}']) {
                    return Err(format!("`{segment}` names no argument"));
                }
                if arguments.contains(&name) {
                    return Err(format!("the argument `{name}` stands twice"));
                }
                arguments.push(name);
                segments.push(Segment::Literal(std::mem::take(&mut literal)));
                segments.push(Segment::Argument(name.to_owned()));
            } else {
                check(segment)?;
                literal.push_str(segment);
            }
        }
        if path.contains("//") || template.starts_with("//") {
            return Err("a segment is empty".to_owned());
        }
        if !literal.is_empty() {
            segments.push(Segment::Literal(literal));
        }
        Ok(Self { method, template, path: PathTemplate(segments), arguments })
    }
}

/// A segment is written as it goes out: unreserved letters of RFC 3986 section 2.3 and a few that need no encoding.
fn check(segment: &str) -> Result<(), String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(c);
    if matches!(segment, "." | "..") {
        return Err(format!("the segment `{segment}` is not accepted"));
    }
    if segment.contains(['{', '}']) {
        return Err(format!("an argument fills a whole segment, `{segment}` mixes it with other text"));
    }
    match segment.chars().find(|c| !letter(*c)) {
        Some(c) => Err(format!("the letter `{}` has no place in a path", c.escape_debug())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_method_and_a_template() {
        let line = Line::parse("DELETE /lists/{list_id}/list-entries/{id}").unwrap();
        let literal = |text: &str| Segment::Literal(text.to_owned());
        let argument = |text: &str| Segment::Argument(text.to_owned());
        let expected = [literal("/lists/"), argument("list_id"), literal("/list-entries/"), argument("id")];
        assert_eq!((line.method, line.path.0.as_slice()), (Method::DELETE, expected.as_slice()));
        assert_eq!(line.arguments, ["list_id", "id"]);
        assert_eq!(Line::parse("GET /a/{b}/c").unwrap().path.0[2], literal("/c"));
        assert_eq!(Line::parse("GET /").unwrap().path.0, [literal("/")]);
        assert_eq!(Line::parse("GET /a/").unwrap().path.0, [literal("/a/")]);
    }

    #[test]
    fn bad_lines_are_refused() {
        for text in [
            "GET",
            "/a",
            "get /a",
            "HEAD /a",
            "GET a",
            "GET  /a",
            "GET //evil.example/a",
            "GET /a//b",
            "GET /a/../b",
            "GET /./b",
            "GET /a?b=c",
            "GET /a#b",
            "GET /a%2e",
            "GET /a b",
            "GET /a/{}",
            "GET /a/{b}.json",
            "GET /a/{b}{c}",
            "GET /a/{b",
            "GET /a/{b}/{b}",
            "GET /ä",
            "GET /a\r\nX: y",
        ] {
            assert!(Line::parse(text).is_err(), "{text}");
        }
    }
}
