//! Tables: records by id, with the ids that were merged away.

use std::collections::BTreeMap;

use super::{
    answer::{Fault, Result},
    id::Id,
};

/// A record that Affinity's error texts name.
pub(super) trait Record {
    /// The name after `Affinity::Models::`.
    const MODEL: &'static str;
}

/// Records of one kind in the order of their ids.
#[derive(Debug)]
pub(super) struct Table<T> {
    rows: BTreeMap<Id, T>,
    merged: BTreeMap<Id, Id>,
    next: Id,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), merged: BTreeMap::new(), next: 1 }
    }
}

impl<T: Record> Table<T> {
    /// Add a record under a fresh id.
    pub(super) fn add(&mut self, make: impl FnOnce(Id) -> T) -> &mut T {
        let id = self.next;
        self.put(id, make(id));
        self.rows.get_mut(&id).expect("the row was just put there")
    }

    /// Put a record under an id of the caller's choice; fresh ids start above it.
    pub(super) fn put(&mut self, id: Id, row: T) {
        self.next = self.next.max(id.saturating_add(1));
        self.rows.insert(id, row);
    }

    /// Let fresh ids start at `first`.
    pub(super) fn start_at(&mut self, first: Id) {
        self.next = self.next.max(first);
    }

    /// From now on `id` is answered as merged into `into`.
    pub(super) fn merge(&mut self, id: Id, into: Id) {
        self.merged.insert(id, into);
    }

    pub(super) fn get(&self, id: Id) -> Option<&T> {
        self.rows.get(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The record that the parameter `name` points at, or v1's 422.
    pub(super) fn find(&self, name: &str, id: Id) -> Result<&T> {
        self.rows.get(&id).ok_or_else(|| self.absent(name, id))
    }

    /// As [`Self::find`], to change it.
    pub(super) fn find_mut(&mut self, name: &str, id: Id) -> Result<&mut T> {
        if !self.rows.contains_key(&id) {
            return Err(self.absent(name, id));
        }
        Ok(self.rows.get_mut(&id).expect("the row was just seen"))
    }

    /// Take a record out.
    pub(super) fn remove(&mut self, name: &str, id: Id) -> Result<T> {
        self.rows.remove(&id).ok_or_else(|| self.absent(name, id))
    }

    /// Keep only some records.
    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.rows.retain(|_, row| keep(row));
    }

    /// All records by rising id.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.values()
    }

    /// All records by rising id, to change them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.rows.values_mut()
    }

    /// Records with an id above `id`, by rising id.
    pub(super) fn after(&self, id: Id) -> impl Iterator<Item = (Id, &T)> {
        self.rows.range(id.saturating_add(1)..).map(|(id, row)| (*id, row))
    }

    /// Records with an id below `id`, newest first.
    pub(super) fn before(&self, id: Id) -> impl Iterator<Item = (Id, &T)> {
        self.rows.range(..id).rev().map(|(id, row)| (*id, row))
    }

    fn absent(&self, name: &str, id: Id) -> Fault {
        self.merged.get(&id).map_or_else(|| Fault::missing(name, id, T::MODEL), |into| Fault::merged(id, *into))
    }
}
