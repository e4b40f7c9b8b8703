//! YAML text into a tree of placed nodes (YAML 1.2.2, core schema).

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{Fault, MAX_DEPTH};

/// Where a value begins: line and column, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A value and where it stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value begins.
    pub place: Place,
    /// The value.
    pub value: Value,
}

/// A value of the YAML core schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number without fraction that fits.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Everything else that is one word or text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the file.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub place: Place,
    /// The value.
    pub node: Node,
}

impl Value {
    /// The value in a person's words, for "expected a, found b".
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::String(_) => "a string",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// The tree of a YAML or JSON text.
///
/// # Errors
/// The first place where the text is not YAML, uses a part of YAML that is refused here, repeats a key or nests too deep.
pub fn parse(file: &str, text: &str) -> Result<Node, Fault> {
    let mut reader = Reader { events: Parser::new_from_str(text), file };
    reader.document()
}

struct Reader<'t> {
    events: Parser<'t, saphyr_parser::StrInput<'t>>,
    file: &'t str,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Node, Fault> {
        let empty = Node { place: Place { line: 1, column: 1 }, value: Value::Null };
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) => {}
                Event::StreamEnd | Event::DocumentEnd => return Ok(empty),
                other => {
                    let node = self.node(other, span, 0)?;
                    return self.nothing_more().map(|()| node);
                }
            }
        }
    }

    fn nothing_more(&mut self) -> Result<(), Fault> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentEnd => {}
                _ => return Err(self.fault(place(span), "a second document begins here, expected one document a file")),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Fault> {
        match self.events.next_event() {
            Some(Ok(pair)) => Ok(pair),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Err(self.fault(Place { line: 1, column: 1 }, "the text ends in the middle of a value")),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Fault> {
        let at = place(span);
        if depth > MAX_DEPTH {
            return Err(self.fault(at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let value = match event {
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                return Err(self.fault(at, "YAML anchors are not accepted here, write the value out"));
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return Err(self.fault(at, "YAML tags are not accepted here"));
            }
            Event::Alias(_) => return Err(self.fault(at, "YAML aliases are not accepted here, write the value out")),
            Event::Scalar(text, style, ..) => scalar(text, style),
            Event::SequenceStart(..) => self.sequence(depth)?,
            Event::MappingStart(..) => self.mapping(depth)?,
            _ => return Err(self.fault(at, "expected a value")),
        };
        Ok(Node { place: at, value })
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Sequence(items));
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        loop {
            let (event, span) = self.next()?;
            let at = place(span);
            let key = match event {
                Event::MappingEnd => return Ok(Value::Mapping(entries)),
                Event::Scalar(key, _, 0, None) => key.into_owned(),
                _ => return Err(self.fault(at, "expected a plain key")),
            };
            if !seen.insert(key.clone()) {
                return Err(self.fault(at, format!("the key `{key}` stands twice in this mapping")));
            }
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            entries.push(Entry { key, place: at, node });
        }
    }

    fn syntax(&self, error: &ScanError) -> Fault {
        let marker = error.marker();
        self.fault(Place { line: marker.line(), column: marker.col() + 1 }, format!("not valid YAML: {}", error.info()))
    }

    fn fault(&self, place: Place, message: impl Into<String>) -> Fault {
        Fault { file: self.file.into(), place: Some(place), key: String::new(), message: message.into() }
    }
}

fn place(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

/// YAML 1.2.2 section 10.3.2, "core schema: tag resolution".
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Boolean(true),
        "false" | "False" | "FALSE" => Value::Boolean(false),
        word => number(word).unwrap_or_else(|| Value::String(text.into_owned())),
    }
}

fn number(word: &str) -> Option<Value> {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    // `parse::<f64>` also takes words such as `inf` and `nan`, which are strings here.
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    word.parse().map(Value::Integer).or_else(|_| word.parse().map(Value::Float)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        parse("t.yaml", text).unwrap().value
    }

    #[test]
    fn plain_words_follow_the_core_schema_and_quoted_ones_are_strings() {
        let table = [
            ("12", Value::Integer(12)),
            ("-3", Value::Integer(-3)),
            ("1.5", Value::Float(1.5)),
            ("\"12\"", Value::String("12".into())),
            ("inf", Value::String("inf".into())),
            ("no", Value::String("no".into())),
            ("true", Value::Boolean(true)),
            ("~", Value::Null),
            ("2026-12-31T23:59:59Z", Value::String("2026-12-31T23:59:59Z".into())),
        ];
        for (text, expected) in table {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn a_fault_names_line_and_column() {
        let fault = parse("t.yaml", "a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(fault.to_string(), "t.yaml:3:1: the key `a` stands twice in this mapping");
    }

    #[test]
    fn anchors_aliases_tags_and_second_documents_are_refused() {
        for text in ["a: &x 1\nb: *x", "a: !!str 1", "a: 1\n---\nb: 2", "a: [1", "? [a]\n: b"] {
            assert!(parse("t.yaml", text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let text = "[".repeat(4000) + &"]".repeat(4000);
        assert!(parse("t.yaml", &text).is_err());
        let text = "[".repeat(MAX_DEPTH + 2) + &"]".repeat(MAX_DEPTH + 2);
        assert!(parse("t.yaml", &text).unwrap_err().message.contains("deeper"));
    }

    #[test]
    fn json_is_read_as_it_is() {
        let Value::Mapping(entries) = value(r#"{"a": [1, "b"]}"#) else { panic!("expected a mapping") };
        let Value::Sequence(items) = &entries[0].node.value else { panic!("expected a list") };
        assert_eq!((&items[0].value, &items[1].value), (&Value::Integer(1), &Value::String("b".into())));
    }
}
