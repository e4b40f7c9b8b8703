//! Where the requests of a call may go.

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// To the API of the account.
    Account,
    /// Where a redirect points: nothing of the account may go there.
    Elsewhere,
}
