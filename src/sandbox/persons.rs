//! `/persons`: colleagues (internal) and contacts (external).

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    id::Id,
    interaction_dates::Dates,
    list_entries,
    page::{MAX_SIZE, Page},
    params::{Params, required},
    record::{Entity, Kind, Person, members},
    state::State,
};

pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let term = params.text("term")?.unwrap_or_default().to_lowercase();
    let dates = Dates::read(state, call, Kind::Person)?;
    let extras = Extras::read(params)?;
    let page = Page::<Id>::read(params, MAX_SIZE)?;
    let found = state
        .persons
        .after(page.after.unwrap_or(0))
        .filter(|(id, person)| is_called(person, &term) && dates.admit(*id));
    let items = found.map(|(id, person)| {
        let mut view = members(person);
        extras.write(state, person, &mut view);
        dates.write(id, &mut view);
        (id, view)
    });
    Ok(page.answer("persons", items))
}

pub(super) fn get(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let params = &call.request.params;
    let person = state.persons.find("person_id", path.first)?;
    let dates = Dates::read(state, call, Kind::Person)?;
    let mut view = full(state, person);
    Extras::read(params)?.write(state, person, &mut view);
    dates.write(person.id, &mut view);
    Ok(Answer::json(&view))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let first_name = required("first_name", params.full_text("first_name")?)?;
    let last_name = required("last_name", params.text("last_name")?)?;
    let emails = required("emails", emails(state, params, None)?)?;
    let organization_ids = state.linked(params, "organization_ids", Kind::Organization)?.unwrap_or_default();
    let person = state.persons.add(|id| Person {
        id,
        internal: false,
        first_name,
        last_name: Some(last_name),
        primary_email: emails.first().cloned(),
        emails,
        organization_ids,
        past_organization_ids: Vec::new(),
    });
    let person = person.clone();
    Ok(Answer::json(&full(state, &person)))
}

pub(super) fn update(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let params = &call.request.params;
    let (first_name, last_name) = (params.full_text("first_name")?, params.text("last_name")?);
    let emails = emails(state, params, Some(path.first))?;
    let organization_ids = state.linked(params, "organization_ids", Kind::Organization)?;
    let person = state.persons.find_mut("person_id", path.first)?;
    if let Some(first_name) = first_name {
        person.first_name = first_name;
    }
    if last_name.is_some() {
        person.last_name = last_name;
    }
    if let Some(emails) = emails {
        person.primary_email = emails.first().cloned();
        person.emails = emails;
    }
    if let Some(organization_ids) = organization_ids {
        person.organization_ids = organization_ids;
    }
    let person = person.clone();
    Ok(Answer::json(&full(state, &person)))
}

pub(super) fn delete(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    if state.persons.find("person_id", path.first)?.internal {
        return Err(Fault::unprocessable("Deleting internal or inferred_internal person is not allowed."));
    }
    state.persons.remove("person_id", path.first)?;
    state.forget(Entity { kind: Kind::Person, id: path.first });
    Ok(Answer::success())
}

/// `emails`, each shaped like an address and owned by nobody else.
fn emails(state: &State, params: &Params, owner: Option<Id>) -> Result<Option<Vec<String>>> {
    let Some(emails) = params.texts("emails")? else { return Ok(None) };
    for email in &emails {
        let shaped = email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
        if !shaped {
            return Err(Fault::field("email", "must be valid"));
        }
        let owns = |person: &&Person| person.emails.iter().any(|other| other.eq_ignore_ascii_case(email));
        if let Some(other) = state.persons.iter().find(owns).filter(|other| Some(other.id) != owner) {
            return Err(Fault::field("emails", format_args!("{email} already belongs to person {}", other.id)));
        }
    }
    Ok(Some(emails))
}

fn is_called(person: &Person, term: &str) -> bool {
    let contains = |text: &str| text.to_lowercase().contains(term);
    let last_name = person.last_name.as_deref().unwrap_or_default();
    term.is_empty()
        || contains(&format!("{} {last_name}", person.first_name))
        || person.emails.iter().any(|email| contains(email))
}

/// What the answers about a single person have besides.
fn full(state: &State, person: &Person) -> Map<String, Value> {
    let mut view = members(person);
    view.insert("organization_ids".to_owned(), json!(person.organization_ids));
    let entries = list_entries::of(state, Entity { kind: Kind::Person, id: person.id });
    view.insert("list_entries".to_owned(), json!(entries));
    view
}

/// What is added on request.
#[derive(Clone, Copy, Debug)]
struct Extras {
    opportunities: bool,
    current_organizations: bool,
}

impl Extras {
    fn read(params: &Params) -> Result<Self> {
        Ok(Self {
            opportunities: params.flag("with_opportunities")?.unwrap_or(false),
            current_organizations: params.flag("with_current_organizations")?.unwrap_or(false),
        })
    }

    fn write(self, state: &State, person: &Person, into: &mut Map<String, Value>) {
        if self.opportunities {
            let linked = state.opportunities.iter().filter(|opportunity| opportunity.person_ids.contains(&person.id));
            let ids: Vec<Id> = linked.map(|opportunity| opportunity.id).collect();
            into.insert("opportunity_ids".to_owned(), json!(ids));
        }
        if self.current_organizations {
            let ids: Vec<Id> = person.current_organization_ids().collect();
            into.insert("current_organization_ids".to_owned(), json!(ids));
        }
    }
}
