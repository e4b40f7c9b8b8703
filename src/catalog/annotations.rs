//! What a client may be told of a tool's effect (MCP 2026-07-28 `server/tools`, "Tool Annotations").

use serde_json::{Value, json};

use crate::document::At;

/// The hints of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "MCP has four hints, each true or false")]
pub(crate) struct Annotations {
    /// It changes nothing.
    pub(crate) read_only: bool,
    /// It may overwrite or remove.
    destructive: bool,
    /// The same call twice has the effect of one.
    idempotent: bool,
    /// It reaches a world outside.
    open_world: bool,
}

/// The `annotations` of a method as written; each overrides what the method's name says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stated {
    read_only: Option<bool>,
    destructive: Option<bool>,
    idempotent: Option<bool>,
    open_world: Option<bool>,
}

impl Stated {
    /// Reads the mapping.
    pub(crate) fn read(at: &At<'_>) -> Option<Self> {
        let mut fields = at.fields()?;
        let [read_only, destructive, idempotent, open_world] = ["read_only", "destructive", "idempotent", "open_world"]
            .map(|key| fields.get(key).and_then(|at| at.boolean()));
        fields.finish();
        Some(Self { read_only, destructive, idempotent, open_world })
    }
}

impl Annotations {
    /// The hints of `method`; `None` if it has a name of its own and nobody said whether it only reads.
    pub(crate) fn derive(method: &str, is_static: bool, stated: Stated) -> Option<Self> {
        let (read_only, destructive, idempotent) = match method {
            "list" | "get" => (true, false, true),
            "create" => (false, false, false),
            "update" | "delete" => (false, true, true),
            _ => (stated.read_only?, false, stated.read_only?),
        };
        Some(Self {
            read_only: stated.read_only.unwrap_or(read_only),
            destructive: stated.destructive.unwrap_or(destructive),
            idempotent: stated.idempotent.unwrap_or(idempotent),
            open_world: stated.open_world.unwrap_or(!is_static),
        })
    }

    /// As `tools/list` has it.
    pub(crate) fn json(self) -> Value {
        json!({
            "readOnlyHint": self.read_only,
            "destructiveHint": self.destructive,
            "idempotentHint": self.idempotent,
            "openWorldHint": self.open_world,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(method: &str, is_static: bool, stated: Stated) -> Option<[bool; 4]> {
        let derived = Annotations::derive(method, is_static, stated)?;
        Some([derived.read_only, derived.destructive, derived.idempotent, derived.open_world])
    }

    #[test]
    fn the_method_says_what_a_tool_does_unless_the_catalog_does() {
        let reads = Stated { read_only: Some(true), ..Stated::default() };
        let table = [
            ("list", false, Stated::default(), Some([true, false, true, true])),
            ("get", false, Stated::default(), Some([true, false, true, true])),
            ("create", false, Stated::default(), Some([false, false, false, true])),
            ("update", false, Stated::default(), Some([false, true, true, true])),
            ("delete", false, Stated::default(), Some([false, true, true, true])),
            ("download", false, reads, Some([true, false, true, true])),
            ("echo", true, reads, Some([true, false, true, false])),
            ("download", false, Stated::default(), None),
            (
                "update",
                false,
                Stated { destructive: Some(false), ..Stated::default() },
                Some([false, false, true, true]),
            ),
        ];
        for (method, is_static, stated, expected) in table {
            assert_eq!(hints(method, is_static, stated), expected, "{method}");
        }
    }
}
