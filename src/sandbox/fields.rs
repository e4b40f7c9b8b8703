//! `/fields`, `/persons/fields` and `/organizations/fields`: the columns. No update; no options by hand.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    params::required,
    record::{Field, Kind},
    state::State,
};

/// Affinity's value types.
pub(super) mod value_type {
    pub(in crate::sandbox) const PERSON: i64 = 0;
    pub(in crate::sandbox) const ORGANIZATION: i64 = 1;
    /// Text out of options that writing creates.
    pub(in crate::sandbox) const DROPDOWN: i64 = 2;
    pub(in crate::sandbox) const NUMBER: i64 = 3;
    pub(in crate::sandbox) const DATE: i64 = 4;
    pub(in crate::sandbox) const LOCATION: i64 = 5;
    pub(in crate::sandbox) const TEXT: i64 = 6;
    pub(in crate::sandbox) const RANKED_DROPDOWN: i64 = 7;
    pub(in crate::sandbox) const FILTERABLE_TEXT: i64 = 10;
    /// What a dropdown becomes when it is made through the API.
    pub(in crate::sandbox) const MANAGED_DROPDOWN: i64 = 17;

    pub(in crate::sandbox) const ALL: &[i64] = &[
        PERSON,
        ORGANIZATION,
        DROPDOWN,
        NUMBER,
        DATE,
        LOCATION,
        TEXT,
        RANKED_DROPDOWN,
        FILTERABLE_TEXT,
        MANAGED_DROPDOWN,
    ];
    /// Those that may hold several values.
    pub(super) const MULTIPLE: &[i64] = &[PERSON, ORGANIZATION, NUMBER, LOCATION, MANAGED_DROPDOWN];
}

/// How fields are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    without_options: bool,
}

pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let list = params.id("list_id")?;
    if let Some(list) = list {
        state.lists.find("list_id", list)?;
    }
    let value_type = params.code("value_type", value_type::ALL)?;
    let entity_type = params.code("entity_type", Kind::CODES)?;
    let with_list_names = params.flag("with_modified_names")?.unwrap_or(false);
    let style = Style { without_options: params.flag("exclude_dropdown_options")?.unwrap_or(false) };
    let found = state.fields.iter().filter(|field| {
        list.is_none_or(|list| field.list_id == Some(list))
            && value_type.is_none_or(|value_type| field.value_type == value_type)
            && entity_type.is_none_or(|entity_type| field.entity_type as i64 == entity_type)
    });
    let fields: Vec<Value> = found
        .map(|field| {
            let list = field.list_id.filter(|_| with_list_names).and_then(|list| state.lists.get(list));
            view(field, style, list.map(|list| list.name.as_str()))
        })
        .collect();
    Ok(Answer::json(&fields))
}

/// The global fields of persons.
#[expect(clippy::unnecessary_wraps, reason = "every handler has the one type of the routing table")]
pub(super) fn of_persons(state: &mut State, _call: &Call<'_>, _path: Path) -> Result {
    Ok(global(state, Kind::Person))
}

/// The global fields of organizations.
#[expect(clippy::unnecessary_wraps, reason = "every handler has the one type of the routing table")]
pub(super) fn of_organizations(state: &mut State, _call: &Call<'_>, _path: Path) -> Result {
    Ok(global(state, Kind::Organization))
}

fn global(state: &State, kind: Kind) -> Answer {
    let found = state.fields.iter().filter(|field| field.list_id.is_none() && field.entity_type == kind);
    let fields: Vec<Value> = found.map(|field| view(field, Style::default(), None)).collect();
    Answer::json(&fields)
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let name = required("name", params.full_text("name")?)?;
    let entity_type = required("entity_type", params.code("entity_type", Kind::CODES)?)?;
    let entity_type = Kind::from_code(entity_type).expect("the code is one of the allowed");
    let value_type = match required("value_type", params.code("value_type", value_type::ALL)?)? {
        value_type::DROPDOWN => value_type::MANAGED_DROPDOWN,
        value_type => value_type,
    };
    let list_id = params.id("list_id")?;
    if params.flag("is_list_specific")?.unwrap_or(false) {
        required("list_id", list_id)?;
    }
    if let Some(list) = list_id
        && state.lists.find("list_id", list)?.kind != entity_type
    {
        return Err(Fault::unprocessable("List EntityAttribute must have same model type as list type"));
    }
    let allows_multiple = params.flag("allows_multiple")?.unwrap_or(false);
    if allows_multiple && !value_type::MULTIPLE.contains(&value_type) {
        return Err(Fault::field("allows_multiple", format_args!("value type {value_type} holds one value")));
    }
    params.flag("is_required")?;
    let field = state.fields.add(|id| Field {
        id,
        name,
        list_id,
        entity_type,
        value_type,
        allows_multiple,
        track_changes: false,
        options: Vec::new(),
    });
    Ok(Answer::json(&view(field, Style::default(), None)))
}

/// Deletes the column with all its values and its history.
pub(super) fn delete(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    state.fields.remove("id", path.first)?;
    state.values.retain(|value| value.field_id != path.first);
    state.changes.retain(|change| change.field_id != path.first);
    Ok(Answer::success())
}

pub(super) fn view(field: &Field, style: Style, list_name: Option<&str>) -> Value {
    let name = list_name.map_or_else(|| field.name.clone(), |list| format!("[{list}] {}", field.name));
    let mut view = json!({
        "id": field.id, "name": name, "list_id": field.list_id, "enrichment_source": "none",
        "value_type": field.value_type, "allows_multiple": field.allows_multiple,
        "track_changes": field.track_changes,
    });
    if !style.without_options {
        view["dropdown_options"] = json!(field.options);
    }
    view
}
