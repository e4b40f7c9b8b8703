//! `/field-value-changes`: the history of a field that tracks changes.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    params::required,
    record::{Entity, FieldChange, Kind},
    state::{State, TARGETS},
};

/// Most changes in one answer.
const MAX: i64 = 10_000;

/// A plain array by time and id, newest first unless `order_by=asc`.
pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let field = state.fields.find("field_id", required("field_id", params.id("field_id")?)?)?;
    if !field.track_changes {
        return Err(Fault::field("field_id", "the field does not support historical tracking"));
    }
    let action_type = params.code("action_type", &[0, 1, 2])?;
    let entity = entity(state, call)?;
    let since = params.time("changed_after")?;
    let ascending = match params.text("order_by")?.as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(other) => return Err(Fault::field("order_by", format_args!("expected {other:?} to be asc or desc"))),
    };
    let after = match (params.id("after_id")?, since) {
        (None, _) => None,
        (Some(id), Some(since)) if ascending => Some((since, id)),
        (Some(_), _) => return Err(Fault::field("after_id", "needs changed_after and order_by=asc")),
    };
    let limit = params.integer("limit")?.unwrap_or(MAX);
    let limit = usize::try_from(limit).ok().filter(|_| (1..=MAX).contains(&limit));
    let limit = limit.ok_or_else(|| Fault::field("limit", format_args!("expected a number between 1 and {MAX}")))?;
    let mut found: Vec<&FieldChange> = state
        .changes
        .iter()
        .filter(|change| change.field_id == field.id)
        .filter(|change| action_type.is_none_or(|action| change.action_type == action))
        .filter(|change| entity.is_none_or(|entity| change.entity == entity))
        .filter(|change| since.is_none_or(|since| change.changed_at >= since))
        .filter(|change| after.is_none_or(|after| (change.changed_at, change.id) > after))
        .collect();
    found.sort_by_key(|change| (change.changed_at, change.id));
    if !ascending {
        found.sort_by_key(|change| Reverse((change.changed_at, change.id)));
    }
    let views: Vec<Value> = found.into_iter().take(limit).map(|change| view(state, change)).collect();
    Ok(Answer::json(&views))
}

/// Whose changes; a list entry stands for its entity.
fn entity(state: &State, call: &Call<'_>) -> Result<Option<Entity>> {
    let params = &call.request.params;
    let [person, organization, opportunity] = TARGETS.map(|(name, _)| name);
    params.at_most_one(&[person, organization, opportunity, "list_entry_id"])?;
    match params.id("list_entry_id")? {
        Some(entry) => Ok(Some(state.entries.find("list_entry_id", entry)?.entity)),
        None => state.target(params),
    }
}

fn view(state: &State, change: &FieldChange) -> Value {
    json!({
        "id": change.id, "field_id": change.field_id, "entity_id": change.entity.id,
        "list_entry_id": change.list_entry_id, "action_type": change.action_type,
        "changer": state.summary(Entity { kind: Kind::Person, id: change.changer }),
        "changed_at": change.changed_at, "value": change.value,
    })
}
