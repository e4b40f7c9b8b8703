//! MCP servers: policy-bound windows onto one account.
//!
//! A policy file is read into a [`document`], its words are resolved into [`rules`] against the integration of its
//! account, these are tried on every tool, which gives the [`verdicts`], and all of it is compiled into a [`Server`]
//! that answers requests by look-up. All servers together are the [`registry`].

pub mod advice;
pub mod api_tokens;
pub mod compiled;
pub mod document;
pub mod glob;
mod instructions;
mod key;
pub mod registry;
pub mod rules;
pub mod token;
pub mod verdicts;

pub use compiled::Server;
pub use key::ServerKey;
pub use verdicts::Decision;
