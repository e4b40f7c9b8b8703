//! The `http` line of a method: HTTP method and path template.

use http::Method;

use super::tool::PathTemplate;
use crate::document::At;

/// An `http` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'d> {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The path.
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
        let mut arguments = Vec::new();
        for segment in path.split('/') {
            if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                if name.is_empty() || name.contains(['{', '}']) {
                    return Err(format!("`{segment}` names no argument"));
                }
                if arguments.contains(&name) {
                    return Err(format!("the argument `{name}` stands twice"));
                }
                arguments.push(name);
            } else {
                check(segment)?;
            }
        }
        if path.contains("//") || template.starts_with("//") {
            return Err("a segment is empty".to_owned());
        }
        Ok(Self { method, path: PathTemplate::new(template), arguments })
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
    use crate::catalog::tool::Segment::{self, Argument, Literal};

    #[test]
    fn a_line_is_a_method_and_a_template() {
        let line = Line::parse("DELETE /lists/{list_id}/list-entries/{id}").unwrap();
        assert_eq!((line.method, line.path.text()), (Method::DELETE, "/lists/{list_id}/list-entries/{id}"));
        assert_eq!(line.arguments, ["list_id", "id"]);
        let table: [(&str, &[Segment<'_>]); 4] = [
            (
                "GET /lists/{list_id}/list-entries/{id}",
                &[Literal("/lists/"), Argument("list_id"), Literal("/list-entries/"), Argument("id")],
            ),
            ("GET /a/{b}/c", &[Literal("/a/"), Argument("b"), Literal("/c")]),
            ("GET /", &[Literal("/")]),
            ("GET /a/", &[Literal("/a/")]),
        ];
        for (line, expected) in table {
            assert_eq!(Line::parse(line).unwrap().path.segments().collect::<Vec<_>>(), expected, "{line}");
        }
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
