//! chaperone: a policy-enforcing MCP sidecar between AI agents and the Affinity CRM.
//!
//! # The life of a request
//!
//! 1. [`app`] reads what the user wrote ([`config`], policies, [`catalog`]), checks it whole, and makes the
//!    [`server::registry::Registry`]: one immutable set of MCP servers, swapped whole by a reload.
//! 2. [`serve`] takes the connection in, reads usual requests itself and leaves the others to hyper, and hands each to
//!    the road in [`stack`], which reads in travel order: that file is the map of everything below.
//! 3. [`edge`], the HTTP plane: shed, origin, and identify, which finds the MCP server a token belongs to.
//! 4. [`mcp::terminate`], a seam: JSON-RPC and the revisions of MCP end here. `initialize`, `server/discover` and
//!    `tools/list` are answered from the [`mcp::handbook`]; a `tools/call` becomes a [`call::Call`].
//! 5. [`policy`], the call plane: audit, authorize, arguments, quota. It knows neither HTTP nor JSON-RPC.
//! 6. [`upstream`], a seam: the call becomes a REST request by what the [`catalog`] says of its tool, goes out with the
//!    [`account`]'s credential, and the answer becomes an [`outcome::Outcome`] or a [`refusal::Refusal`].
//! 7. On the way back [`mcp::fault`] is the one table that turns refusals into answers, and [`mcp::reply`] writes them.
//!
//! Imports run down this list and never up; [`document`], [`refusal`], [`outcome`], [`budget`], [`rate`], [`secret`],
//! [`trace`], [`hash`], `json`, `lines`, `room`, `spare`, `tcp`, `tls`, `causes`, `decimal`, [`clock`] and [`nearest`] are leaves
//! that everybody may know.

pub mod account;
pub mod admin;
pub mod app;
pub mod budget;
pub mod call;
pub mod catalog;
mod causes;
pub mod cli;
pub mod clock;
pub mod config;
mod decimal;
pub mod document;
pub mod edge;
pub mod hash;
mod json;
mod lines;
pub mod mcp;
pub mod nearest;
pub mod outcome;
pub mod pieces;
pub mod policy;
pub mod rate;
pub mod refusal;
mod room;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod secret;
pub mod serve;
pub mod server;
mod spare;
pub mod stack;
mod tcp;
pub mod telemetry;
mod tls;
pub mod trace;
pub mod upstream;
