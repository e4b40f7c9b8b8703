//! The methods of MCP that a server of tools has.

/// A method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `initialize`: the handshake of the revisions up to 2025-11-25.
    Initialize,
    /// `ping`: likewise.
    Ping,
    /// `server/discover`: since 2026-07-28.
    Discover,
    /// `tools/list`.
    ToolsList,
    /// `tools/call`.
    ToolsCall,
}

impl Method {
    /// The method of a name; `None` for one that this server does not have.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "initialize" => Self::Initialize,
            "ping" => Self::Ping,
            "server/discover" => Self::Discover,
            "tools/list" => Self::ToolsList,
            "tools/call" => Self::ToolsCall,
            _ => return None,
        })
    }

    /// The name, for logs and spans: never the client's own text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Ping => "ping",
            Self::Discover => "server/discover",
            Self::ToolsList => "tools/list",
            Self::ToolsCall => "tools/call",
        }
    }
}
