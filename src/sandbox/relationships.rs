//! `/relationships-strengths`: how well a colleague knows an external person.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Result},
    call::{Call, Path},
    id::Id,
    params::required,
    state::State,
};

/// A plain array; pairs that never met are not in it.
pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let external = required("external_id", params.id("external_id")?)?;
    state.persons.find("external_id", external)?;
    let internal = state.colleague(params, "internal_id")?;
    let pairs = state.strengths.range((external, Id::MIN)..=(external, Id::MAX));
    let strengths: Vec<Value> = pairs
        .filter(|((_, colleague), _)| internal.is_none_or(|internal| internal == *colleague))
        .map(|((external, internal), strength)| {
            json!({ "internal_id": internal, "external_id": external, "strength": strength })
        })
        .collect();
    Ok(Answer::json(&strengths))
}
