//! The suites: who is measured, and under which load.

pub(crate) mod breadth;
pub(crate) mod calls;
pub(crate) mod list;
pub(crate) mod memory;
pub(crate) mod sizes;
pub(crate) mod start;
