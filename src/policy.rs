//! The call plane: one layer a file, each a [`Call`](crate::call::Call) in and an outcome or a refusal out.
//!
//! A layer here sees neither HTTP nor JSON-RPC.

pub mod arguments;
pub mod audit;
pub mod authorize;
pub mod quota;
