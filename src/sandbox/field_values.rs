//! `/field-values`: the cells. A field that allows several values has one field value for each.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    fields::value_type,
    id::Id,
    params::{Params, required},
    record::{DropdownOption, Entity, Field, FieldValue, Kind},
    state::{State, TARGETS},
    time::Time,
};

/// A plain array for exactly one entity or list entry.
pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let [person, organization, opportunity] = TARGETS.map(|(name, _)| name);
    let named = params.at_most_one(&[person, organization, opportunity, "list_entry_id"])?;
    let text = "Exactly one of person_id, organization_id, opportunity_id or list_entry_id must be specified";
    named.ok_or_else(|| Fault::unprocessable(text))?;
    let values: Vec<&FieldValue> = if let Some(entry) = params.id("list_entry_id")? {
        state.entries.find("list_entry_id", entry)?;
        state.values.iter().filter(|value| value.list_entry_id == Some(entry)).collect()
    } else {
        let target = state.target(params)?;
        state.values.iter().filter(|value| Some(value.entity()) == target).collect()
    };
    Ok(Answer::json(&values))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let field = state.fields.find("field_id", required("field_id", params.id("field_id")?)?)?;
    let entity = Entity { kind: field.entity_type, id: required("entity_id", params.id("entity_id")?)? };
    state.check("entity_id", entity)?;
    let place = Cell { field_id: field.id, entity, list_entry_id: row(state, params, field, entity)? };
    if !field.allows_multiple && state.values.iter().any(|value| place.holds(value)) {
        return Err(Fault::unprocessable("The field holds one value: update or delete the value that is there"));
    }
    let value = required("value", params.value("value"))?.clone();
    let value = accept(state, place.field_id, &value)?;
    let value = write(state, place, value, call.now)?;
    Ok(Answer::json(&value))
}

pub(super) fn update(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let new = call.request.params.value("value");
    let field_id = state.values.find("field_value_id", path.first)?.field_id;
    let new = accept(state, field_id, required("value", new)?)?;
    let value = state.values.find_mut("field_value_id", path.first)?;
    value.value = new;
    value.updated_at = Some(call.now);
    let value = value.clone();
    state.record_change(&value, 2, call.now);
    Ok(Answer::json(&value))
}

pub(super) fn delete(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let value = state.values.remove("field_value_id", path.first)?;
    state.record_change(&value, 1, call.now);
    Ok(Answer::success())
}

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) field_id: Id,
    pub(super) entity: Entity,
    /// For list-specific fields only.
    pub(super) list_entry_id: Option<Id>,
}

impl Cell {
    fn holds(&self, value: &FieldValue) -> bool {
        value.field_id == self.field_id && value.entity() == self.entity && value.list_entry_id == self.list_entry_id
    }
}

/// Add a value that [`accept`] has let in.
pub(super) fn write(state: &mut State, cell: Cell, value: Value, now: Time) -> Result<FieldValue> {
    let value_type = state.fields.find("field_id", cell.field_id)?.value_type;
    let value = state.values.add(|id| FieldValue {
        id,
        field_id: cell.field_id,
        list_entry_id: cell.list_entry_id,
        entity_type: cell.entity.kind,
        value_type,
        entity_id: cell.entity.id,
        created_at: now,
        updated_at: None,
        value,
    });
    let value = value.clone();
    state.record_change(&value, 0, now);
    Ok(value)
}

/// The list entry of a list-specific field: it must stand for those and only for those.
fn row(state: &State, params: &Params, field: &Field, entity: Entity) -> Result<Option<Id>> {
    let entry = params.id("list_entry_id")?;
    let Some(list) = field.list_id else {
        return match entry {
            None => Ok(None),
            Some(_) => Err(Fault::field("list_entry_id", "must not be given, the field is not list-specific")),
        };
    };
    let entry = state.entries.find("list_entry_id", required("list_entry_id", entry)?)?;
    if entry.list_id == list && entry.entity == entity {
        return Ok(Some(entry.id));
    }
    Err(Fault::field("list_entry_id", "the list entry belongs to another list or entity than the field value"))
}

/// Turn a value as callers write it into the value as answers show it. May create a dropdown option.
pub(super) fn accept(state: &mut State, field: Id, value: &Value) -> Result<Value> {
    let kind = state.fields.find("field_id", field)?.value_type;
    let wrong = |what: &str| Fault::field("value", format_args!("expected {value} to be {what}"));
    match kind {
        value_type::PERSON => reference(state, Kind::Person, value),
        value_type::ORGANIZATION => reference(state, Kind::Organization, value),
        value_type::NUMBER => number(value).ok_or_else(|| wrong("a number")),
        value_type::DATE => {
            let time = value.as_str().and_then(Time::parse).ok_or_else(|| wrong("an ISO 8601 date"))?;
            Ok(json!(time.midnight()))
        }
        value_type::LOCATION => location(value).ok_or_else(|| wrong("a location")),
        value_type::RANKED_DROPDOWN => {
            let options = &state.fields.find("field_id", field)?.options;
            let wanted = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            let option = options.iter().find(|option| Some(option.id) == wanted);
            Ok(json!(option.ok_or_else(|| wrong("the id of one of the field's dropdown options"))?))
        }
        value_type::DROPDOWN | value_type::MANAGED_DROPDOWN => {
            let text = value.as_str().ok_or_else(|| wrong("a string"))?;
            Ok(json!(option(state, field, text)?))
        }
        _ => value.as_str().map(|text| json!(text)).ok_or_else(|| wrong("a string")),
    }
}

fn reference(state: &State, kind: Kind, value: &Value) -> Result<Value> {
    let id = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let id = id.ok_or_else(|| Fault::field("value", format_args!("expected {value} to be a valid id")))?;
    state.check("value", Entity { kind, id }).map(|()| json!(id))
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => serde_json::from_str::<serde_json::Number>(text).ok().map(Value::Number),
        _ => None,
    }
}

/// The four parts that callers may send; `continent` is Affinity's own.
fn location(value: &Value) -> Option<Value> {
    let sent = value.as_object()?;
    let part = |name: &str| match sent.get(name) {
        None | Some(Value::Null) => Some(Value::Null),
        Some(Value::String(text)) => Some(json!(text)),
        Some(_) => None,
    };
    Some(json!({
        "city": part("city")?, "state": part("state")?, "country": part("country")?, "continent": null,
        "street_address": part("street_address")?,
    }))
}

/// The text of the option that `text` names; a new option where there is none yet, without a word, as v1 does.
fn option(state: &mut State, field: Id, text: &str) -> Result<String> {
    let fresh = state.next_option;
    let options = &mut state.fields.find_mut("field_id", field)?.options;
    if let Some(option) = options.iter().find(|option| option.text.eq_ignore_ascii_case(text)) {
        return Ok(option.text.clone());
    }
    options.push(DropdownOption { id: fresh, text: text.to_owned(), rank: options.len(), color: 0 });
    state.next_option += 1;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_only_text_parts() {
        let full = location(&json!({ "city": "Oslo", "country": "Norway" })).unwrap();
        assert_eq!(full["city"], "Oslo");
        assert!(full["street_address"].is_null() && full["continent"].is_null());
        assert!(location(&json!({ "city": 7 })).is_none());
        assert!(location(&json!("Oslo")).is_none());
    }
}
