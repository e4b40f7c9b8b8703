//! How reloading fares, for `/readyz?verbose`.

use jiff::Timestamp;

use crate::document::Faults;

/// How reloading fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The generation of the set that is served.
    pub generation: u64,
    /// When that set was loaded.
    pub loaded_at: Timestamp,
    /// Changes that were taken over.
    pub reloads: u64,
    /// Changes that were refused.
    pub failed: u64,
    /// The faults of the last change, a line each, if it was refused.
    pub last_fault: Option<String>,
}

impl Status {
    pub(super) fn new(generation: u64, now: Timestamp) -> Self {
        Self { generation, loaded_at: now, reloads: 0, failed: 0, last_fault: None }
    }

    pub(super) fn accept(&mut self, generation: u64, now: Timestamp) {
        *self = Self { generation, loaded_at: now, reloads: self.reloads + 1, last_fault: None, ..*self };
    }

    pub(super) fn refuse(&mut self, faults: &Faults) {
        self.failed += 1;
        self.last_fault = Some(faults.to_string());
    }
}
