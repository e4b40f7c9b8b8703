//! What all calls share on their way to upstreams.

use super::connections::Connections;
use super::line::Lines;
use super::stack::Stack;
use crate::account::budget::Ledgers;

/// What all calls share.
pub(super) struct Plane {
    /// The way of every request.
    pub(super) stack: Stack,
    /// How often a read may be tried again.
    pub(super) retries: u32,
    /// Largest answer in bytes.
    pub(super) max_response: usize,
    /// The lines to the accounts.
    pub(super) lines: Lines,
    /// What upstreams said of the limits of their accounts.
    pub(super) ledgers: Ledgers,
    /// The connections, counted.
    pub(super) connections: Connections,
}
