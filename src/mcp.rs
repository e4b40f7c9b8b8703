//! The Model Context Protocol, terminated by hand: JSON-RPC envelopes in, pre-serialised or cut-together answers out.
//!
//! Revisions 2025-06-18, 2025-11-25 and 2026-07-28 are spoken on one path, stateless in all three.

pub mod body;
mod dispatch;
pub mod era;
pub mod fault;
pub mod handbook;
pub mod identity;
mod incoming;
pub mod jsonrpc;
pub mod method;
pub mod reply;
pub mod response;
pub mod terminate;
