//! MCP servers: policy-bound windows onto one account.

pub mod compiled;
pub mod registry;

pub use compiled::{Decision, Server};
