//! chaperone: a policy-enforcing MCP sidecar between AI agents and the Affinity CRM.

pub mod account;
pub mod budget;
pub mod call;
pub mod catalog;
pub mod document;
pub mod nearest;
pub mod outcome;
pub mod refusal;
pub mod secret;
pub mod server;
pub mod trace;
