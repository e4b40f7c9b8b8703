//! Timelines: interactions by id and in the order of time.

use std::collections::BTreeSet;

use super::{answer::Result, id::Id, record::Interaction, table::Table, time::Time};

/// All interactions of one type, by id and by date. Each type has its own ids.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    rows: Table<Interaction>,
    by_date: BTreeSet<(Time, Id)>,
}

impl Timeline {
    pub(super) fn add(&mut self, make: impl FnOnce(Id) -> Interaction) -> &mut Interaction {
        let interaction = self.rows.add(make);
        self.by_date.insert((interaction.date, interaction.id));
        interaction
    }

    pub(super) fn start_at(&mut self, first: Id) {
        self.rows.start_at(first);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Interaction> {
        self.rows.iter()
    }

    pub(super) fn get(&self, id: Id) -> Option<&Interaction> {
        self.rows.get(id)
    }

    /// The interaction that the path names, or v1's 422.
    pub(super) fn find(&self, id: Id) -> Result<&Interaction> {
        self.rows.find("id", id)
    }

    /// Those of `start..end` older than the last one seen, newest first.
    pub(super) fn between(
        &self,
        start: Time,
        end: Time,
        after: Option<(Time, Id)>,
    ) -> impl Iterator<Item = &Interaction> {
        let end = (end, Id::MIN);
        let end = after.map_or(end, |after| after.min(end));
        let range = (start, Id::MIN)..end.max((start, Id::MIN));
        self.by_date.range(range).rev().filter_map(|(_, id)| self.rows.get(*id))
    }

    /// Change one; its place in time follows.
    pub(super) fn change(&mut self, id: Id, change: impl FnOnce(&mut Interaction)) -> Result<&Interaction> {
        let interaction = self.rows.find_mut("id", id)?;
        self.by_date.remove(&(interaction.date, id));
        change(interaction);
        self.by_date.insert((interaction.date, id));
        Ok(interaction)
    }

    pub(super) fn remove(&mut self, id: Id) -> Result<Interaction> {
        let interaction = self.rows.remove("id", id)?;
        self.by_date.remove(&(interaction.date, id));
        Ok(interaction)
    }

    /// Hang a note on its interaction.
    pub(super) fn remember_note(&mut self, id: Id, note: Id) {
        if let Ok(interaction) = self.rows.find_mut("id", id) {
            interaction.notes.push(note);
        }
    }

    /// Take a deleted note off its interaction.
    pub(super) fn forget_note(&mut self, id: Id, note: Id) {
        if let Ok(interaction) = self.rows.find_mut("id", id) {
            interaction.notes.retain(|other| *other != note);
        }
    }

    /// Take a person off every interaction.
    pub(super) fn forget_person(&mut self, person: Id) {
        for interaction in self.rows.iter_mut() {
            interaction.person_ids.retain(|id| *id != person);
        }
    }
}
