//! Everything the sandbox knows, and what hangs together when a record goes.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::{
    answer::{Fault, Result},
    id::Id,
    params::Params,
    record::{
        Entity, EntityFile, Field, FieldChange, FieldValue, Kind, List, ListEntry, Note, Opportunity, Organization,
        Person, Reminder, Webhook,
    },
    table::Table,
    time::Time,
    timeline::Timeline,
};

/// The parameters that name one entity, in Affinity's order.
pub(super) const TARGETS: [(&str, Kind); 3] =
    [("person_id", Kind::Person), ("organization_id", Kind::Organization), ("opportunity_id", Kind::Opportunity)];

/// The account's data.
#[derive(Debug)]
pub(super) struct State {
    pub(super) tenant: Tenant,
    /// The internal person behind every API key.
    pub(super) me: Id,
    pub(super) persons: Table<Person>,
    pub(super) organizations: Table<Organization>,
    pub(super) opportunities: Table<Opportunity>,
    pub(super) lists: Table<List>,
    pub(super) entries: Table<ListEntry>,
    pub(super) fields: Table<Field>,
    pub(super) values: Table<FieldValue>,
    pub(super) changes: Table<FieldChange>,
    /// One timeline per interaction type: meetings, calls, chat messages, emails.
    pub(super) interactions: [Timeline; 4],
    pub(super) notes: Table<Note>,
    pub(super) reminders: Table<Reminder>,
    pub(super) files: Table<EntityFile>,
    pub(super) webhooks: Table<Webhook>,
    /// Strengths from 0 to 1 by (external, internal) person.
    pub(super) strengths: BTreeMap<(Id, Id), f64>,
    /// The next dropdown option's id.
    pub(super) next_option: Id,
}

/// The account itself.
#[derive(Debug, Default)]
pub(super) struct Tenant {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) subdomain: String,
}

impl State {
    pub(super) fn new(tenant: Tenant, me: Id) -> Self {
        Self {
            tenant,
            me,
            persons: Table::default(),
            organizations: Table::default(),
            opportunities: Table::default(),
            lists: Table::default(),
            entries: Table::default(),
            fields: Table::default(),
            values: Table::default(),
            changes: Table::default(),
            interactions: Default::default(),
            notes: Table::default(),
            reminders: Table::default(),
            files: Table::default(),
            webhooks: Table::default(),
            strengths: BTreeMap::new(),
            next_option: 1,
        }
    }

    /// The one entity that `person_id`, `organization_id` or `opportunity_id` names, if one of them stands.
    pub(super) fn target(&self, params: &Params) -> Result<Option<Entity>> {
        let names = TARGETS.map(|(name, _)| name);
        let Some(found) = params.at_most_one(&names)? else { return Ok(None) };
        let kind = TARGETS.into_iter().find(|(name, _)| *name == found).map_or(Kind::Person, |(_, kind)| kind);
        let Some(id) = params.id(found)? else { return Ok(None) };
        let entity = Entity { kind, id };
        self.check(found, entity).map(|()| Some(entity))
    }

    /// 422 unless the entity is there.
    pub(super) fn check(&self, name: &str, entity: Entity) -> Result<()> {
        match entity.kind {
            Kind::Person => self.persons.find(name, entity.id).map(drop),
            Kind::Organization => self.organizations.find(name, entity.id).map(drop),
            Kind::Opportunity => self.opportunities.find(name, entity.id).map(drop),
        }
    }

    /// The ids in the parameter `name`, each checked, repeats dropped; `None` where it does not stand.
    pub(super) fn linked(&self, params: &Params, name: &str, kind: Kind) -> Result<Option<Vec<Id>>> {
        let Some(ids) = params.ids(name)? else { return Ok(None) };
        let mut seen = HashSet::new();
        let ids: Vec<Id> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
        for id in &ids {
            self.check(name, Entity { kind, id: *id })?;
        }
        Ok(Some(ids))
    }

    /// The internal person that the parameter `name` names, if it stands.
    pub(super) fn colleague(&self, params: &Params, name: &str) -> Result<Option<Id>> {
        let Some(id) = params.id(name)? else { return Ok(None) };
        if self.persons.find(name, id)?.internal {
            return Ok(Some(id));
        }
        Err(Fault::field(name, "Person is not internal"))
    }

    /// An entity in the short form that stands inside other records.
    pub(super) fn summary(&self, entity: Entity) -> Value {
        let Entity { kind, id } = entity;
        match kind {
            Kind::Person => json!(self.persons.get(id)),
            Kind::Organization => json!(self.organizations.get(id)),
            Kind::Opportunity => json!(self.opportunities.get(id)),
        }
    }

    /// Short forms of those of `ids` that are still there.
    pub(super) fn people(&self, ids: &[Id]) -> Vec<&Person> {
        ids.iter().filter_map(|id| self.persons.get(*id)).collect()
    }

    /// Take out an opportunity with its list entry and its values.
    pub(super) fn remove_opportunity(&mut self, id: Id) -> Result<()> {
        self.opportunities.remove("opportunity_id", id)?;
        self.forget(Entity { kind: Kind::Opportunity, id });
        Ok(())
    }

    /// Take out everything that hangs on a deleted entity.
    pub(super) fn forget(&mut self, entity: Entity) {
        self.entries.retain(|entry| entry.entity != entity);
        self.values.retain(|value| value.entity() != entity);
        self.reminders.retain(|reminder| reminder.target != Some(entity));
        self.files.retain(|file| file.target != entity);
        let id = entity.id;
        for note in self.notes.iter_mut() {
            match entity.kind {
                Kind::Person => note.person_ids.retain(|person| *person != id),
                Kind::Organization => note.organization_ids.retain(|organization| *organization != id),
                Kind::Opportunity => note.opportunity_ids.retain(|opportunity| *opportunity != id),
            }
        }
        match entity.kind {
            Kind::Person => self.forget_person(id),
            Kind::Organization => {
                for person in self.persons.iter_mut() {
                    person.organization_ids.retain(|organization| *organization != id);
                }
                for opportunity in self.opportunities.iter_mut() {
                    opportunity.organization_ids.retain(|organization| *organization != id);
                }
            }
            Kind::Opportunity => {}
        }
    }

    fn forget_person(&mut self, id: Id) {
        self.notes.retain(|note| note.creator_id != id);
        self.strengths.retain(|(external, _), _| *external != id);
        for opportunity in self.opportunities.iter_mut() {
            opportunity.person_ids.retain(|person| *person != id);
        }
        for timeline in &mut self.interactions {
            timeline.forget_person(id);
        }
    }

    /// Take out what is left of a list entry: its list-specific values.
    pub(super) fn forget_entry(&mut self, entry: Id) {
        self.values.retain(|value| value.list_entry_id != Some(entry));
    }

    /// Note a change of a tracked field.
    pub(super) fn record_change(&mut self, value: &FieldValue, action_type: i64, changed_at: Time) {
        if self.fields.get(value.field_id).is_some_and(|field| field.track_changes) {
            let changer = self.me;
            self.changes.add(|id| FieldChange {
                id,
                field_id: value.field_id,
                entity: value.entity(),
                list_entry_id: value.list_entry_id,
                action_type,
                changer,
                changed_at,
                value: value.value.clone(),
            });
        }
    }
}
