//! `/opportunities`: each lives on exactly one list, and its list entry lives with it.

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    id::Id,
    list_entries,
    page::{MAX_SIZE, Page},
    params::required,
    record::{Entity, Kind, ListEntry, Opportunity},
    state::State,
};

pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let term = params.text("term")?.unwrap_or_default().to_lowercase();
    let page = Page::<Id>::read(params, MAX_SIZE)?;
    let found = state.opportunities.after(page.after.unwrap_or(0));
    let named = found.filter(|(_, opportunity)| opportunity.name.to_lowercase().contains(&term));
    Ok(page.answer("opportunities", named.map(|(id, opportunity)| (id, full(state, opportunity)))))
}

pub(super) fn get(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    Ok(Answer::json(&full(state, state.opportunities.find("opportunity_id", path.first)?)))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let name = required("name", params.full_text("name")?)?;
    let list_id = required("list_id", params.id("list_id")?)?;
    if state.lists.find("list_id", list_id)?.kind != Kind::Opportunity {
        return Err(Fault::field("list_id", "the list is not a list of opportunities"));
    }
    let person_ids = state.linked(params, "person_ids", Kind::Person)?.unwrap_or_default();
    let organization_ids = state.linked(params, "organization_ids", Kind::Organization)?.unwrap_or_default();
    let opportunity = state.opportunities.add(|id| Opportunity { id, name, person_ids, organization_ids });
    let opportunity = opportunity.clone();
    let entity = Entity { kind: Kind::Opportunity, id: opportunity.id };
    let creator_id = state.me;
    state.entries.add(|id| ListEntry { id, list_id, creator_id, entity, created_at: call.now });
    Ok(Answer::json(&full(state, &opportunity)))
}

pub(super) fn update(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let params = &call.request.params;
    let name = params.full_text("name")?;
    let person_ids = state.linked(params, "person_ids", Kind::Person)?;
    let organization_ids = state.linked(params, "organization_ids", Kind::Organization)?;
    let opportunity = state.opportunities.find_mut("opportunity_id", path.first)?;
    if let Some(name) = name {
        opportunity.name = name;
    }
    if let Some(person_ids) = person_ids {
        opportunity.person_ids = person_ids;
    }
    if let Some(organization_ids) = organization_ids {
        opportunity.organization_ids = organization_ids;
    }
    let opportunity = opportunity.clone();
    Ok(Answer::json(&full(state, &opportunity)))
}

pub(super) fn delete(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    state.remove_opportunity(path.first)?;
    Ok(Answer::success())
}

fn full(state: &State, opportunity: &Opportunity) -> Map<String, Value> {
    let entries = list_entries::of(state, Entity { kind: Kind::Opportunity, id: opportunity.id });
    Map::from_iter([
        ("id".to_owned(), json!(opportunity.id)),
        ("name".to_owned(), json!(opportunity.name)),
        ("person_ids".to_owned(), json!(opportunity.person_ids)),
        ("organization_ids".to_owned(), json!(opportunity.organization_ids)),
        ("list_entries".to_owned(), json!(entries)),
    ])
}
