//! chaperone: a policy-enforcing MCP sidecar between AI agents and the Affinity CRM.

pub mod account;
pub mod admin;
pub mod budget;
pub mod call;
pub mod catalog;
pub mod document;
pub mod edge;
pub mod nearest;
pub mod outcome;
pub mod refusal;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod secret;
pub mod serve;
pub mod server;
pub mod telemetry;
pub mod trace;
pub mod upstream;
