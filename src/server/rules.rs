//! The rules of a policy, resolved against an integration: which tools pass, and which rule decides.

use super::{document::Policy, glob::Glob};
use crate::catalog::{integration::Integration, tool::Tool};
use crate::document::{Fault, Located};
use crate::nearest::nearest;

const READ: [&str; 2] = ["list", "get"];
const WRITE: [&str; 3] = ["create", "update", "delete"];
const GROUPS: [&str; 3] = ["read", "write", "custom"];

/// Rules whose every word is known and which leave at least one tool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    methods: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    allow: Option<Vec<Glob>>,
    deny: Vec<Glob>,
}

impl Rules {
    /// Resolve a policy.
    ///
    /// # Errors
    /// Every unknown word with the nearest known one; or that no tool is left, and after which rule.
    pub fn resolve(policy: &Policy, integration: &Integration) -> Result<Self, Vec<Fault>> {
        let mut faults = unknown(policy.methods.as_deref(), "method", &method_words(integration));
        let tags: Vec<&str> = integration.tags.iter().map(|(tag, _)| tag.as_str()).collect();
        faults.extend(unknown(policy.tags.as_deref(), "tag", &tags));
        if !faults.is_empty() {
            return Err(faults);
        }
        let rules = Self {
            methods: policy.methods.as_deref().map(values),
            tags: policy.tags.as_deref().map(values),
            allow: policy.allow.as_deref().map(values),
            deny: values(&policy.deny),
        };
        match rules.emptied(integration) {
            Some(message) => Err(vec![policy.spot.fault(message)]),
            None => Ok(rules),
        }
    }

    /// What the rules say of a tool: the rule that allows it, or the first one that hides it.
    ///
    /// # Errors
    /// The rule that hides the tool.
    pub fn judge(&self, tool: &Tool) -> Result<String, String> {
        let mut passed = Vec::new();
        if let Some(words) = &self.methods {
            let word = words.iter().find(|word| covers(word, &tool.method)).ok_or("methods")?;
            passed.push(format!("methods: {word}"));
        }
        if let Some(tags) = &self.tags {
            let bears = |tag: &&String| tool.tags.iter().any(|own| own.eq_ignore_ascii_case(tag));
            let tag = tags.iter().find(bears).ok_or("tags")?;
            passed.push(format!("tags: {tag}"));
        }
        if let Some(globs) = &self.allow {
            let glob = globs.iter().find(|glob| glob.matches(&tool.name)).ok_or("tools.allow")?;
            passed.push(format!("tools.allow: {glob}"));
        }
        if let Some(glob) = self.deny.iter().find(|glob| glob.matches(&tool.name)) {
            return Err(format!("tools.deny: {glob}"));
        }
        if passed.is_empty() { Ok("everything".to_owned()) } else { Ok(passed.join(" + ")) }
    }

    /// The method words in the order of the document; `None` is all.
    #[must_use]
    pub fn methods(&self) -> Option<&[String]> {
        self.methods.as_deref()
    }

    /// The tags in the order of the document; `None` is all.
    #[must_use]
    pub fn tags(&self) -> Option<&[String]> {
        self.tags.as_deref()
    }

    /// If no tool passes: how many tools each rule left, in the order they are applied.
    fn emptied(&self, integration: &Integration) -> Option<String> {
        let hidden: Vec<String> = integration.tools.iter().map(|tool| self.judge(tool).err()).collect::<Option<_>>()?;
        let mut left = hidden.len();
        let mut steps = Vec::new();
        for (rule, there) in [
            ("methods", self.methods.is_some()),
            ("tags", self.tags.is_some()),
            ("tools.allow", self.allow.is_some()),
            ("tools.deny", !self.deny.is_empty()),
        ] {
            if there {
                left -= hidden.iter().filter(|by| by.split(':').next() == Some(rule)).count();
                steps.push(format!("`{rule}` leaves {left}"));
            }
        }
        let (all, name) = (hidden.len(), &integration.name);
        Some(format!("matches no tool: {name} has {all}, {}; widen one of them", steps.join(", ")))
    }
}

/// Does this word of `methods` cover a method?
fn covers(word: &str, method: &str) -> bool {
    let (reads, writes) = (READ.contains(&method), WRITE.contains(&method));
    match word {
        "read" => reads,
        "write" => writes,
        "custom" => !reads && !writes,
        own => own.eq_ignore_ascii_case(method),
    }
}

fn method_words(integration: &Integration) -> Vec<&str> {
    let mut words: Vec<&str> = GROUPS.into_iter().chain(READ).chain(WRITE).collect();
    for tool in &integration.tools {
        if !words.contains(&tool.method.as_str()) {
            words.push(&tool.method);
        }
    }
    words
}

fn unknown(words: Option<&[Located<String>]>, what: &str, known: &[&str]) -> Vec<Fault> {
    let strange = |word: &&Located<String>| !known.iter().any(|known| known.eq_ignore_ascii_case(&word.value));
    let fault = |word: &Located<String>| {
        let found = &word.value;
        let hint = nearest(found, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
        let list = known.join(", ");
        word.spot.fault(format!("`{found}` is no {what}, expected one of {list}{}", hint.unwrap_or_default()))
    };
    words.unwrap_or_default().iter().filter(strange).map(fault).collect()
}

fn values<T: Clone>(located: &[Located<T>]) -> Vec<T> {
    located.iter().map(|word| word.value.clone()).collect()
}
