//! Names of tools: derived from the resource and the method, unless the catalog names them.

use crate::document::At;

/// Longest tool name that every MCP client takes.
const MAX_TOOL_NAME: usize = 64;

/// What names are made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'d> {
    /// The integration (`affinity`).
    pub(crate) integration: &'d str,
    /// The resource (`list_entries`).
    pub(crate) resource: &'d str,
    /// One of the resource (`list_entry`).
    pub(crate) singular: &'d str,
    /// The resource in titles; `None` for the resource's name with spaces.
    pub(crate) title: Option<&'d str>,
}

impl Names<'_> {
    /// The name of the tool that a method becomes.
    pub(crate) fn tool(&self, method: &str) -> String {
        let Self { integration, resource, singular, .. } = self;
        match method {
            "list" => format!("list_all_{integration}_{resource}"),
            "get" => format!("get_single_{integration}_{singular}_by_id"),
            "create" => format!("create_a_{integration}_{singular}"),
            "update" | "delete" => format!("{method}_a_{integration}_{singular}_by_id"),
            _ => format!("{integration}_{resource}_{method}"),
        }
    }

    /// The tool's title for people.
    pub(crate) fn title(&self, method: &str) -> String {
        let object = match (method, self.title) {
            ("list", Some(title)) => title.to_owned(),
            ("list", None) => self.resource.replace('_', " "),
            _ => self.singular.replace('_', " "),
        };
        format!("{} {object}", capitalised(&method.replace('_', " ")))
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// May a tool have this name? The letters that every MCP client takes (MCP 2026-07-28, `server/tools`, "Tool Names").
pub(crate) fn is_tool_name(name: &str) -> bool {
    let letter = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-');
    (1..=MAX_TOOL_NAME).contains(&name.len()) && name.bytes().all(letter)
}

/// Is this a name of the catalog's own: `a-z`, `0-9`, `_`?
pub(crate) fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
}

/// The name of the catalog's own that stands here; a fault where there is none.
pub(crate) fn word<'d>(at: &At<'d>) -> Option<&'d str> {
    let text = at.string()?;
    if is_word(text) {
        return Some(text);
    }
    at.fault(format!("expected a name of a-z, 0-9 and _, found `{text}`"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'_> =
        Names { integration: "affinity", resource: "list_entries", singular: "list_entry", title: None };

    #[test]
    fn names_and_titles_follow_the_method() {
        let table = [
            ("list", "list_all_affinity_list_entries", "List list entries"),
            ("get", "get_single_affinity_list_entry_by_id", "Get list entry"),
            ("create", "create_a_affinity_list_entry", "Create list entry"),
            ("update", "update_a_affinity_list_entry_by_id", "Update list entry"),
            ("delete", "delete_a_affinity_list_entry_by_id", "Delete list entry"),
            ("mark_read", "affinity_list_entries_mark_read", "Mark read list entry"),
        ];
        for (method, name, title) in table {
            assert_eq!((NAMES.tool(method).as_str(), NAMES.title(method).as_str()), (name, title));
        }
    }

    #[test]
    fn the_title_of_the_resource_is_that_of_its_list() {
        let named = Names { title: Some("entries of a list"), ..NAMES };
        assert_eq!(named.title("list"), "List entries of a list");
    }

    #[test]
    fn a_tool_name_has_1_to_64_plain_letters() {
        assert!(is_tool_name("a.b-c_D9") && is_tool_name(&"a".repeat(64)));
        for name in ["", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(!is_tool_name(name), "{name}");
        }
    }
}
