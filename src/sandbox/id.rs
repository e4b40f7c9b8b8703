//! Ids: what the paths, the parameters and the answers call a record by.

/// Every record's id. Each table has its own number space, as in Affinity.
pub(super) type Id = u64;
