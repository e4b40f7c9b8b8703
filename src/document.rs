//! YAML (and so JSON) documents that remember where every value stood.
//!
//! Configuration, MCP-server policies and the catalog are written by people, so a fault must name the file, the line,
//! the key, what was found and what was expected, and all faults must come at once. [`parse`] makes a tree of
//! [`Node`]s; [`At`] and [`Fields`] walk it and write every fault into one [`Sink`] instead of stopping at the first.
//!
//! The YAML accepted is the JSON-like core of YAML 1.2.2: no anchors, no aliases, no tags, one document a file, no
//! duplicate keys, at most [`MAX_DEPTH`] levels.

mod fault;
mod parse;
mod read;
mod unit;

pub use fault::{Fault, Faults, Located, Sink, Spot};
pub use parse::{Entry, Node, Place, Value, parse};
pub use read::{At, Fields};
pub use unit::{duration, size};

/// How deep a document may nest: far more than any honest one, far less than a stack holds.
pub const MAX_DEPTH: usize = 48;
