//! The road in one process: `stack::road` over the built-in catalog, with a clock that is moved by hand, an upstream
//! that answers as it is told to, and a log that is read.

mod access;
mod connection;
mod lines;
mod listing;
mod origin;
mod ratelimit;
mod road;
#[path = "../support/mod.rs"]
mod support;
