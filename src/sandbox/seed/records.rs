//! Reading the seed document: fields with their values, notes, reminders and files.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    super::{
        field_values::{Cell, accept, write},
        fields::value_type,
        id::Id,
        record::{DropdownOption, Entity, EntityFile, Field, Kind, Note, Reminder},
    },
    read::{KINDS, Seed, items, number, text},
};
use crate::document::{At, Fields};

const VALUE_TYPES: &[(&str, i64)] = &[
    ("person", value_type::PERSON),
    ("organization", value_type::ORGANIZATION),
    ("dropdown", value_type::DROPDOWN),
    ("number", value_type::NUMBER),
    ("date", value_type::DATE),
    ("location", value_type::LOCATION),
    ("text", value_type::TEXT),
    ("ranked dropdown", value_type::RANKED_DROPDOWN),
    ("filterable text", value_type::FILTERABLE_TEXT),
    ("managed dropdown", value_type::MANAGED_DROPDOWN),
];

impl Seed {
    pub(super) fn field(&mut self, at: &At<'_>) {
        let Some(mut fields) = at.fields() else { return };
        let id = number(fields.require("id"));
        let options: Vec<String> = items(fields.get("options")).into_iter().map(|at| text(Some(at))).collect();
        let field = Field {
            id,
            name: text(fields.require("name")),
            list_id: fields.get("list").and_then(|at| at.unsigned()),
            entity_type: fields.require("of").and_then(|at| at.word(KINDS)).unwrap_or(Kind::Organization),
            value_type: fields.require("type").and_then(|at| at.word(VALUE_TYPES)).unwrap_or(value_type::TEXT),
            allows_multiple: fields.get("multiple").and_then(|at| at.boolean()).unwrap_or(false),
            track_changes: fields.get("tracked").and_then(|at| at.boolean()).unwrap_or(false),
            options: self.options(options),
        };
        let values = fields.get("values").and_then(|at| at.entries()).unwrap_or_default();
        fields.finish();
        self.state.fields.put(id, field);
        for (entity, value) in values {
            self.values(id, entity, &value);
        }
    }

    fn options(&mut self, texts: Vec<String>) -> Vec<DropdownOption> {
        let numbered = texts.into_iter().enumerate().map(|(rank, text)| {
            let color = u8::try_from(rank % 7).expect("seven colours");
            self.state.next_option += 1;
            DropdownOption { id: self.state.next_option - 1, text, rank, color }
        });
        numbered.collect()
    }

    /// One value, or several where the field allows it, of one entity on every row it has.
    fn values(&mut self, field_id: Id, entity: &str, at: &At<'_>) {
        let Some(field) = self.state.fields.get(field_id).cloned() else { return };
        let Some(id) = entity.parse().ok().filter(|id| self.exists(field.entity_type, *id)) else {
            at.fault("expected the id of an entity of this seed as the key");
            return;
        };
        let entity = Entity { kind: field.entity_type, id };
        let rows = self.state.entries.iter().filter(|entry| entry.entity == entity);
        let row = rows.filter(|entry| Some(entry.list_id) == field.list_id).map(|entry| entry.id).next();
        let cell = Cell { field_id, entity, list_entry_id: row };
        let values = match at.json() {
            Value::Array(values) => values,
            single => vec![single],
        };
        for value in values {
            let wire = wire(&field, &value);
            match accept(&mut self.state, field_id, &wire) {
                Ok(value) => self.write(&field, cell, value),
                Err(fault) => at.fault(format!("not a value of this field: {fault:?}")),
            }
        }
    }

    /// A tracked status that is not the first one has come from there.
    fn write(&mut self, field: &Field, cell: Cell, value: Value) {
        let (began, moved) = (self.now.plus_days(-120), self.now.plus_days(-20));
        let first = field.options.first().map(|option| json!(option));
        let first = first.filter(|first| field.track_changes && *first != value).unwrap_or_else(|| value.clone());
        let written = write(&mut self.state, cell, first, began).expect("the field is there");
        if written.value != value
            && let Ok(row) = self.state.values.find_mut("id", written.id)
        {
            row.value = value;
            row.updated_at = Some(moved);
            let row = row.clone();
            self.state.record_change(&row, 2, moved);
        }
    }

    fn exists(&self, kind: Kind, id: Id) -> bool {
        self.state.check("id", Entity { kind, id }).is_ok()
    }

    pub(super) fn note(&mut self, at: &At<'_>) {
        let Some(mut fields) = at.fields() else { return };
        let creator_id = fields.require("by").and_then(|at| self.reference(&at, Kind::Person)).unwrap_or_default();
        let created_at = self.now.plus_days(-days(fields.require("days_ago"))).plus_minutes(-90);
        let person_ids = self.references(fields.get("people"), Kind::Person);
        let organization_ids = self.references(fields.get("organizations"), Kind::Organization);
        let opportunity_ids = self.references(fields.get("opportunities"), Kind::Opportunity);
        let content = text(fields.require("content"));
        fields.finish();
        self.state.notes.add(|id| Note {
            id,
            creator_id,
            person_ids,
            organization_ids,
            opportunity_ids,
            interaction: None,
            parent_id: None,
            content,
            kind: 0,
            created_at,
            updated_at: None,
        });
    }

    pub(super) fn reminder(&mut self, at: &At<'_>) {
        let Some(mut fields) = at.fields() else { return };
        let creator = fields.require("by").and_then(|at| self.reference(&at, Kind::Person)).unwrap_or_default();
        let owner = fields.get("owner").and_then(|at| self.reference(&at, Kind::Person)).unwrap_or(creator);
        let due_date = self.now.plus_days(days(fields.require("due_in_days")));
        let every_days = fields.get("every_days").and_then(|at| at.integer());
        let done = fields.get("done").and_then(|at| at.boolean()).unwrap_or(false);
        let content = Some(text(fields.require("content")));
        let target = self.target(&mut fields);
        fields.finish();
        let created_at = self.now.plus_days(-30);
        self.state.reminders.add(|id| Reminder {
            id,
            recurring: every_days.is_some(),
            created_at,
            completed_at: done.then_some(due_date),
            content,
            due_date,
            reset_type: every_days.map(|_| 0),
            every_days,
            creator,
            owner,
            completer: done.then_some(owner),
            target,
        });
    }

    pub(super) fn file(&mut self, at: &At<'_>) {
        let Some(mut fields) = at.fields() else { return };
        let name = text(fields.require("name"));
        let media_type = text(fields.require("media_type"));
        let base64 = fields.get("base64").map(|at| STANDARD.decode(text(Some(at))));
        let content = match base64 {
            Some(Ok(bytes)) => bytes,
            Some(Err(_)) => return at.fault("`base64` is not valid base64"),
            None => text(fields.require("text")).into_bytes(),
        };
        let target = self.target(&mut fields);
        fields.finish();
        let (uploader_id, created_at) = (self.state.me, self.now.plus_days(-45));
        let Some(target) = target else {
            return at.fault("expected one of `person`, `organization` and `opportunity`");
        };
        let content = content.into();
        self.state.files.add(|id| EntityFile { id, name, media_type, content, target, uploader_id, created_at });
    }

    /// `person`, `organization` or `opportunity`.
    fn target(&self, fields: &mut Fields<'_>) -> Option<Entity> {
        let found = KINDS.iter().map(|(key, kind)| (fields.get(key), *kind));
        let found: Vec<(At<'_>, Kind)> = found.filter_map(|(at, kind)| Some((at?, kind))).collect();
        let (at, kind) = found.first()?;
        self.reference(at, *kind).map(|id| Entity { kind: *kind, id })
    }
}

/// A seed names the option of a ranked dropdown by its text.
fn wire(field: &Field, value: &Value) -> Value {
    let option = field
        .options
        .iter()
        .find(|option| field.value_type == value_type::RANKED_DROPDOWN && Some(option.text.as_str()) == value.as_str());
    option.map_or_else(|| value.clone(), |option| json!(option.id))
}

fn days(at: Option<At<'_>>) -> i64 {
    at.and_then(|at| at.integer()).unwrap_or_default()
}
