//! What an operation is given besides the state.

use tokio::time::Instant;

use super::{id::Id, limit::Limits, request::Request, storage::Signer, time::Time};

/// A call of one operation.
#[derive(Debug)]
pub(super) struct Call<'s> {
    pub(super) request: Request,
    pub(super) now: Time,
    pub(super) clock: Instant,
    pub(super) limits: &'s Limits,
    pub(super) signer: &'s Signer,
}

/// The ids in a path. No operation has more than two.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Path {
    pub(super) first: Id,
    pub(super) second: Id,
}
