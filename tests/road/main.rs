//! The road in one process: `stack::road` over the built-in catalog, with a clock that is moved by hand, an upstream
//! that answers as it is told to, and a log that is read.

#![expect(clippy::unwrap_used, reason = "what cannot be set up has failed as a test should")]

mod access;
mod connection;
mod limits;
mod lines;
mod listing;
mod origin;
mod ratelimit;
mod road;
#[path = "../support/mod.rs"]
mod support;
