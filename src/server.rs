//! MCP servers: policy-bound windows onto one account.

pub mod compiled;

pub use compiled::{Decision, Server};
