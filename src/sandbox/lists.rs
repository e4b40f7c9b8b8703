//! `/lists`: no update, no delete.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    fields,
    params::{Params, required},
    record::{Kind, List, Permission},
    state::State,
};

/// A plain array.
#[expect(clippy::unnecessary_wraps, reason = "every handler has the one type of the routing table")]
pub(super) fn list(state: &mut State, _call: &Call<'_>, _path: Path) -> Result {
    let lists: Vec<Value> = state.lists.iter().map(|list| view(state, list)).collect();
    Ok(Answer::json(&lists))
}

/// One list, with its own fields.
pub(super) fn get(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    let list = state.lists.find("list_id", path.first)?;
    let own = state.fields.iter().filter(|field| field.list_id == Some(list.id));
    let own: Vec<Value> = own.map(|field| fields::view(field, fields::Style::default(), None)).collect();
    let mut view = view(state, list);
    view["fields"] = own.into();
    Ok(Answer::json(&view))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let name = required("name", params.full_text("name")?)?;
    let kind = required("type", params.code("type", Kind::CODES)?)?;
    let kind = Kind::from_code(kind).expect("the code is one of the allowed");
    let public = required("is_public", params.flag("is_public")?)?;
    let me = state.me;
    let owner_id = state.colleague(params, "owner_id")?.unwrap_or(me);
    let additional_permissions = permissions(state, params)?;
    let list = state.lists.add(|id| List { id, kind, name, public, owner_id, creator_id: me, additional_permissions });
    let list = list.clone();
    Ok(Answer::json(&view(state, &list)))
}

fn permissions(state: &State, params: &Params) -> Result<Vec<Permission>> {
    let malformed = || Fault::field("additional_permissions", "expected objects with internal_person_id and role_id");
    let Some(value) = params.value("additional_permissions") else { return Ok(Vec::new()) };
    let items = value.as_array().ok_or_else(malformed)?;
    items
        .iter()
        .map(|item| {
            let person = item["internal_person_id"].as_u64().ok_or_else(malformed)?;
            let role_id = item["role_id"].as_i64().filter(|role| (0..=2).contains(role)).ok_or_else(malformed)?;
            state.persons.find("internal_person_id", person)?;
            Ok(Permission { internal_person_id: person, role_id })
        })
        .collect()
}

fn view(state: &State, list: &List) -> Value {
    let mut view = json!(list);
    view["list_size"] = state.entries.iter().filter(|entry| entry.list_id == list.id).count().into();
    view
}
