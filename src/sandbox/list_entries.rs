//! `/lists/{list_id}/list-entries`: the rows of a list.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    id::Id,
    page::{MAX_SIZE, Page},
    params::required,
    record::{Entity, Kind, ListEntry},
    state::State,
    table::Record as _,
};

/// A plain array of everything, or an envelope as soon as paging is asked for.
pub(super) fn list(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let params = &call.request.params;
    state.lists.find("list_id", path.first)?;
    let of_list = |after: Id| state.entries.after(after).filter(|(_, entry)| entry.list_id == path.first);
    if !params.has("page_size") && !params.has("page_token") {
        let entries: Vec<Value> = of_list(0).map(|(_, entry)| full(state, entry)).collect();
        return Ok(Answer::json(&entries));
    }
    let page = Page::<Id>::read(params, MAX_SIZE)?;
    Ok(page.answer("list_entries", of_list(page.after.unwrap_or(0)).map(|(id, entry)| (id, full(state, entry)))))
}

pub(super) fn get(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    Ok(Answer::json(&full(state, find(state, path)?)))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let params = &call.request.params;
    let kind = state.lists.find("list_id", path.first)?.kind;
    if kind == Kind::Opportunity {
        let text = "Opportunities cannot be added to a list, create them with POST /opportunities";
        return Err(Fault::unprocessable(text));
    }
    let entity = Entity { kind, id: required("entity_id", params.id("entity_id")?)? };
    state.check("entity_id", entity)?;
    let creator_id = state.colleague(params, "creator_id")?.unwrap_or(state.me);
    let (list_id, created_at) = (path.first, call.now);
    let entry = state.entries.add(|id| ListEntry { id, list_id, creator_id, entity, created_at });
    let entry = entry.clone();
    Ok(Answer::json(&full(state, &entry)))
}

/// On a list of opportunities this deletes the opportunity itself.
pub(super) fn delete(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    let entry = find(state, path)?;
    let (id, entity) = (entry.id, entry.entity);
    if entity.kind == Kind::Opportunity {
        state.remove_opportunity(entity.id)?;
    } else {
        state.entries.remove("list_entry_id", id)?;
        state.forget_entry(id);
    }
    Ok(Answer::success())
}

/// The rows that an entity has on any list, as they stand inside its own answer.
pub(super) fn of(state: &State, entity: Entity) -> Vec<Value> {
    state.entries.iter().filter(|entry| entry.entity == entity).map(short).collect()
}

fn find(state: &State, path: Path) -> Result<&ListEntry> {
    state.lists.find("list_id", path.first)?;
    let entry = state.entries.find("list_entry_id", path.second)?;
    if entry.list_id == path.first {
        Ok(entry)
    } else {
        Err(Fault::missing("list_entry_id", path.second, ListEntry::MODEL))
    }
}

fn short(entry: &ListEntry) -> Value {
    json!({
        "id": entry.id, "list_id": entry.list_id, "creator_id": entry.creator_id, "entity_id": entry.entity.id,
        "entity_type": entry.entity.kind, "created_at": entry.created_at,
    })
}

fn full(state: &State, entry: &ListEntry) -> Value {
    let mut view = short(entry);
    view["entity"] = state.summary(entry.entity);
    view
}
