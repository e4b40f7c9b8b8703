//! The composition root.

pub mod assemble;
pub mod reload;
