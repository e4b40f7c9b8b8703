//! Walking a placed tree: every accessor returns `None` after writing a fault, so a reader goes on to the next key.

use std::time::Duration;

use super::{Located, Node, Place, Sink, Spot, Value, unit};
use crate::nearest::nearest;

/// A value, its dotted key, and the sink its faults go to.
#[derive(Clone, Debug)]
pub struct At<'d> {
    sink: &'d Sink,
    node: &'d Node,
    key: String,
}

impl<'d> At<'d> {
    /// The root of a document.
    #[must_use]
    pub fn root(sink: &'d Sink, node: &'d Node) -> Self {
        Self { sink, node, key: String::new() }
    }

    /// The value itself.
    #[must_use]
    pub fn value(&self) -> &'d Value {
        &self.node.value
    }

    /// The dotted key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where the value begins.
    #[must_use]
    pub fn place(&self) -> Place {
        self.node.place
    }

    /// Write a fault of this value down.
    pub fn fault(&self, message: impl Into<String>) {
        self.sink.fault(Some(self.node.place), &self.key, message);
    }

    /// Where the value stands, for faults that are found later.
    #[must_use]
    pub fn spot(&self) -> Spot {
        Spot { file: self.sink.file().clone(), place: Some(self.node.place), key: self.key.clone() }
    }

    /// What was read from here, with its place.
    #[must_use]
    pub fn locate<T>(&self, value: T) -> Located<T> {
        Located { value, spot: self.spot() }
    }

    /// Is the document part of the program? Then costly checks have nothing to find: its tests have made them.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.sink.is_proven()
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        self.fault(format!("expected {what}, found {}", self.node.value.kind()));
        None
    }

    /// Is the value `null`, or nothing?
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    /// A string.
    #[must_use]
    pub fn string(&self) -> Option<&'d str> {
        match &self.node.value {
            Value::String(text) => Some(text),
            _ => self.expected("a string"),
        }
    }

    /// A string that is not empty.
    #[must_use]
    pub fn text(&self) -> Option<&'d str> {
        let text = self.string()?;
        if text.trim().is_empty() { self.expected("a string that is not empty") } else { Some(text) }
    }

    /// An integer.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self.node.value {
            Value::Integer(integer) => Some(integer),
            _ => self.expected("an integer"),
        }
    }

    /// An integer that is not negative and fits.
    #[must_use]
    pub fn unsigned<T: TryFrom<i64>>(&self) -> Option<T> {
        let integer = self.integer()?;
        if integer < 0 {
            return self.expected("an integer from 0");
        }
        T::try_from(integer).ok().or_else(|| self.expected("a smaller integer"))
    }

    /// A boolean.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match self.node.value {
            Value::Boolean(boolean) => Some(boolean),
            _ => self.expected("true or false"),
        }
    }

    /// A duration with its unit (`2s`, `500ms`, `7d`).
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let text = self.string()?;
        unit::duration(text).or_else(|| {
            self.fault(format!("expected a duration with its unit such as 500ms, 2s, 5m, 12h or 7d, found `{text}`"));
            None
        })
    }

    /// A size in bytes with its unit (`4MiB`).
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        let text = self.string()?;
        unit::size(text).or_else(|| {
            self.fault(format!("expected a size with its unit such as 512B, 64KiB or 4MiB, found `{text}`"));
            None
        })
    }

    /// One of the words of a table, case-insensitive; an unknown word is refused with the nearest known one.
    #[must_use]
    pub fn word<T: Copy>(&self, table: &[(&str, T)]) -> Option<T> {
        let text = self.string()?;
        if let Some((_, meaning)) = table.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            return Some(*meaning);
        }
        let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
        self.unknown_word(text, &words);
        None
    }

    /// The fault for a word that is not among `words`.
    pub fn unknown_word(&self, found: &str, words: &[&str]) {
        self.fault(format!("`{found}` is not known, expected one of {}{}", words.join(", "), hint(found, words)));
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self) -> Option<Vec<At<'d>>> {
        let Value::Sequence(items) = &self.node.value else { return self.expected("a list") };
        let at = |(n, node)| Self { sink: self.sink, node, key: format!("{}[{n}]", self.key) };
        Some(items.iter().enumerate().map(at).collect())
    }

    /// The items of a list of strings that are not empty; the faulty ones are written down and left out.
    #[must_use]
    pub fn texts(&self) -> Option<Vec<&'d str>> {
        Some(self.items()?.iter().filter_map(At::text).collect())
    }

    /// The keys of a mapping, to be taken one by one.
    #[must_use]
    pub fn fields(&self) -> Option<Fields<'d>> {
        match &self.node.value {
            Value::Mapping(_) => Some(Fields { at: self.clone(), taken: Vec::new() }),
            _ => self.expected("a mapping"),
        }
    }

    /// Every key of a mapping whose keys are free names, with its value, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> Option<Vec<(&'d str, At<'d>)>> {
        let Value::Mapping(entries) = &self.node.value else { return self.expected("a mapping") };
        Some(entries.iter().map(|entry| (entry.key.as_str(), self.child(&entry.key, &entry.node))).collect())
    }

    fn child(&self, key: &str, node: &'d Node) -> Self {
        let key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Self { sink: self.sink, node, key }
    }

    /// The value as JSON, keys in the order of the file.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        json(self.node)
    }
}

fn json(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Boolean(boolean) => Json::Bool(*boolean),
        Value::Integer(integer) => Json::from(*integer),
        Value::Float(float) => Json::from(*float),
        Value::String(text) => Json::from(text.as_str()),
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.clone(), json(&entry.node))).collect())
        }
    }
}

fn hint(found: &str, words: &[&str]) -> String {
    nearest(found, words.iter().copied()).map(|word| format!("; did you mean `{word}`?")).unwrap_or_default()
}

/// The keys of a mapping; [`Fields::finish`] refuses those that nobody took.
#[derive(Debug)]
pub struct Fields<'d> {
    at: At<'d>,
    taken: Vec<&'static str>,
}

impl<'d> Fields<'d> {
    /// The value of a key, if it is there and not null.
    pub fn get(&mut self, key: &'static str) -> Option<At<'d>> {
        self.take(key).filter(|at| !at.is_null())
    }

    /// The value of a key, null included, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<At<'d>> {
        self.taken.push(key);
        let Value::Mapping(entries) = &self.at.node.value else { return None };
        let entry = entries.iter().find(|entry| entry.key == key)?;
        Some(self.at.child(key, &entry.node))
    }

    /// The value of a key that must be there.
    pub fn require(&mut self, key: &'static str) -> Option<At<'d>> {
        let found = self.get(key);
        if found.is_none() {
            self.at.fault(format!("the key `{key}` is missing"));
        }
        found
    }

    /// The mapping itself, for faults that belong to no single key.
    #[must_use]
    pub fn at(&self) -> &At<'d> {
        &self.at
    }

    /// Refuse every key that nobody asked for, by name and with the nearest known one.
    pub fn finish(self) {
        let Value::Mapping(entries) = &self.at.node.value else { return };
        for entry in entries.iter().filter(|entry| !self.taken.contains(&entry.key.as_str())) {
            let at = self.at.child(&entry.key, &entry.node);
            let known = self.taken.join(", ");
            let message = format!("unknown key, expected one of {known}{}", hint(&entry.key, &self.taken));
            at.sink.fault(Some(entry.place), &at.key, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn all_faults_of_a_document_come_at_once_with_key_and_place() {
        let node = parse("t.yaml", "limit: many\nlistn: 1\nwords: [a, 2]\n").unwrap();
        let sink = Sink::new("t.yaml");
        let mut fields = At::root(&sink, &node).fields().unwrap();
        assert_eq!(fields.require("limit").and_then(|at| at.integer()), None);
        assert_eq!(fields.get("words").and_then(|at| at.texts()), Some(vec!["a"]));
        assert!(fields.require("listen").is_none());
        fields.finish();
        let text = sink.into_faults().to_string();
        assert!(text.contains("t.yaml:1:8: limit: expected an integer, found a string"), "{text}");
        assert!(text.contains("t.yaml:2:1: listn: unknown key") && text.contains("did you mean `listen`?"), "{text}");
        assert!(text.contains("t.yaml:3:12: words[1]: expected a string, found an integer"), "{text}");
        assert!(text.contains("the key `listen` is missing"), "{text}");
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_nearest() {
        let node = parse("t.yaml", "raed").unwrap();
        let sink = Sink::new("t.yaml");
        assert_eq!(At::root(&sink, &node).word(&[("read", 1), ("write", 2)]), None);
        assert_eq!(At::root(&sink, &parse("t", "READ").unwrap()).word(&[("read", 1)]), Some(1));
        assert!(sink.into_faults().to_string().contains("did you mean `read`?"));
    }
}
