//! Reading the seed document: the account, its people, organizations and lists.

use super::super::{
    id::Id,
    record::{Entity, Kind, List, ListEntry, Opportunity, Organization, Person},
    state::{State, Tenant},
    time::Time,
};
use crate::document::{At, Fields};

pub(super) const KINDS: &[(&str, Kind)] =
    &[("person", Kind::Person), ("organization", Kind::Organization), ("opportunity", Kind::Opportunity)];

/// A seed while it is read.
#[derive(Debug)]
pub(super) struct Seed {
    pub(super) state: State,
    pub(super) now: Time,
    /// How many interactions to grow for which organizations.
    pub(super) traffic: Vec<(Id, usize)>,
}

impl Seed {
    pub(super) fn new(now: Time) -> Self {
        let mut state = State::new(Tenant::default(), 0);
        // Tables far apart, so that an id of the wrong kind names nothing rather than something else.
        state.entries.start_at(60_001);
        state.values.start_at(80_001);
        state.changes.start_at(50_001);
        state.notes.start_at(90_001);
        state.reminders.start_at(15_001);
        state.files.start_at(43_001);
        state.webhooks.start_at(1_201);
        state.next_option = 2_201;
        for timeline in &mut state.interactions {
            timeline.start_at(3_001);
        }
        Self { state, now, traffic: Vec::new() }
    }

    /// Read the whole document; what is wrong is written to its sink.
    pub(super) fn read(&mut self, mut root: Fields<'_>) {
        self.tenant(root.require("tenant"));
        let me = root.require("me");
        for colleague in items(root.require("colleagues")) {
            self.person(&colleague, None);
        }
        for organization in items(root.get("organizations")) {
            self.organization(&organization);
        }
        if let Some(at) = me {
            self.state.me = self.reference(&at, Kind::Person).unwrap_or_default();
        }
        for list in items(root.get("lists")) {
            self.list(&list);
        }
        for opportunity in items(root.get("opportunities")) {
            self.opportunity(&opportunity);
        }
        for field in items(root.get("fields")) {
            self.field(&field);
        }
        for note in items(root.get("notes")) {
            self.note(&note);
        }
        for reminder in items(root.get("reminders")) {
            self.reminder(&reminder);
        }
        for file in items(root.get("files")) {
            self.file(&file);
        }
        self.merged(root.get("merged"));
        root.finish();
    }

    fn tenant(&mut self, at: Option<At<'_>>) {
        let Some(mut fields) = at.and_then(|at| at.fields()) else { return };
        self.state.tenant = Tenant {
            id: number(fields.require("id")),
            name: text(fields.require("name")),
            subdomain: text(fields.require("subdomain")),
        };
        fields.finish();
    }

    /// A colleague, or a contact at an organization; without `email` a contact has `first.last@domain`.
    fn person(&mut self, at: &At<'_>, organization: Option<&Organization>) {
        let Some(mut fields) = at.fields() else { return };
        let id = number(fields.require("id"));
        let name = text(fields.require("name"));
        let (first_name, last_name) = name.split_once(' ').unwrap_or((&name, ""));
        let domain = organization.and_then(|organization| organization.domain.as_deref());
        let derived = domain.map(|domain| format!("{}@{domain}", name.to_lowercase().replace(' ', ".")));
        let email = fields.get("email").map(|at| text(Some(at))).or(derived);
        let mut organization_ids: Vec<Id> = organization.iter().map(|organization| organization.id).collect();
        let past_organization_ids: Vec<Id> = items(fields.get("past")).iter().filter_map(At::unsigned).collect();
        organization_ids.extend(&past_organization_ids);
        fields.finish();
        let person = Person {
            id,
            internal: organization.is_none(),
            first_name: first_name.to_owned(),
            last_name: Some(last_name.to_owned()),
            primary_email: email.clone(),
            emails: email.into_iter().collect(),
            organization_ids,
            past_organization_ids,
        };
        self.state.persons.put(id, person);
    }

    fn organization(&mut self, at: &At<'_>) {
        let Some(mut fields) = at.fields() else { return };
        let domains: Vec<String> = items(fields.get("domains")).into_iter().map(|at| text(Some(at))).collect();
        let organization = Organization {
            id: number(fields.require("id")),
            name: text(fields.require("name")),
            domain: domains.first().cloned(),
            domains,
            crunchbase_uuid: None,
            global: fields.get("global").and_then(|at| at.boolean()).unwrap_or(false),
        };
        for person in items(fields.get("people")) {
            self.person(&person, Some(&organization));
        }
        if let Some(interactions) = fields.get("interactions").and_then(|at| at.unsigned::<u32>()) {
            self.traffic.push((organization.id, usize::try_from(interactions).unwrap_or_default()));
        }
        fields.finish();
        self.state.organizations.put(organization.id, organization);
    }

    fn list(&mut self, at: &At<'_>) {
        let Some(mut fields) = at.fields() else { return };
        let id = number(fields.require("id"));
        let name = text(fields.require("name"));
        let kind = fields.require("type").and_then(|at| at.word(KINDS)).unwrap_or(Kind::Organization);
        let public = fields.get("public").and_then(|at| at.boolean()).unwrap_or(true);
        let owner_id = fields.get("owner").and_then(|at| self.reference(&at, Kind::Person)).unwrap_or(self.state.me);
        let entries = items(fields.get("entries"));
        fields.finish();
        let list = List { id, kind, name, public, owner_id, creator_id: owner_id, additional_permissions: Vec::new() };
        self.state.lists.put(id, list);
        for entry in &entries {
            if let Some(entity) = self.reference(entry, kind) {
                self.entry(id, Entity { kind, id: entity });
            }
        }
    }

    fn entry(&mut self, list_id: Id, entity: Entity) {
        let creator_id = self.state.me;
        let created_at = self.now.plus_days(-200);
        self.state.entries.add(|id| ListEntry { id, list_id, creator_id, entity, created_at });
    }

    fn opportunity(&mut self, at: &At<'_>) {
        let Some(mut fields) = at.fields() else { return };
        let id = number(fields.require("id"));
        let name = text(fields.require("name"));
        let list = fields.require("list");
        let person_ids = self.references(fields.get("people"), Kind::Person);
        let organization_ids = self.references(fields.get("organizations"), Kind::Organization);
        fields.finish();
        self.state.opportunities.put(id, Opportunity { id, name, person_ids, organization_ids });
        let Some(list) = list else { return };
        let is_deals = |list: &Id| self.state.lists.get(*list).is_some_and(|list| list.kind == Kind::Opportunity);
        match list.unsigned::<Id>().filter(is_deals) {
            Some(list) => self.entry(list, Entity { kind: Kind::Opportunity, id }),
            None => list.fault("expected the id of a list of opportunities"),
        }
    }

    fn merged(&mut self, at: Option<At<'_>>) {
        let Some(mut fields) = at.and_then(|at| at.fields()) else { return };
        let pairs = |at: Option<At<'_>>| -> Vec<(Id, Id)> {
            let entries = at.and_then(|at| at.entries()).unwrap_or_default();
            entries.into_iter().filter_map(|(id, into)| Some((id.parse().ok()?, into.unsigned()?))).collect()
        };
        for (id, into) in pairs(fields.get("people")) {
            self.state.persons.merge(id, into);
        }
        for (id, into) in pairs(fields.get("organizations")) {
            self.state.organizations.merge(id, into);
        }
        fields.finish();
    }

    /// An id that must be there already.
    pub(super) fn reference(&self, at: &At<'_>, kind: Kind) -> Option<Id> {
        let id = at.unsigned::<Id>()?;
        let entity = Entity { kind, id };
        if self.state.check("id", entity).is_err() {
            at.fault(format!("expected the id of a {} of this seed, found {id}", kind.model().to_lowercase()));
            return None;
        }
        Some(id)
    }

    pub(super) fn references(&self, at: Option<At<'_>>, kind: Kind) -> Vec<Id> {
        items(at).iter().filter_map(|at| self.reference(at, kind)).collect()
    }
}

/// The items of a list that may be absent.
pub(super) fn items(at: Option<At<'_>>) -> Vec<At<'_>> {
    at.and_then(|at| at.items()).unwrap_or_default()
}

/// A string; what is absent or wrong has been written to the sink.
pub(super) fn text(at: Option<At<'_>>) -> String {
    at.and_then(|at| at.text().map(str::to_owned)).unwrap_or_default()
}

/// An id, likewise.
pub(super) fn number(at: Option<At<'_>>) -> Id {
    at.and_then(|at| at.unsigned()).unwrap_or_default()
}
