//! `/organizations`.

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    id::Id,
    interaction_dates::Dates,
    list_entries,
    page::{MAX_SIZE, Page},
    params::required,
    record::{Entity, Kind, Organization, members},
    state::State,
};

const GLOBAL: &str = "Global organizations cannot be modified or deleted";

pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let term = params.text("term")?.unwrap_or_default().to_lowercase();
    let dates = Dates::read(state, call, Kind::Organization)?;
    let with_opportunities = params.flag("with_opportunities")?.unwrap_or(false);
    let page = Page::<Id>::read(params, MAX_SIZE)?;
    let found = state
        .organizations
        .after(page.after.unwrap_or(0))
        .filter(|(id, organization)| is_called(organization, &term) && dates.admit(*id));
    let items = found.map(|(id, organization)| {
        let mut view = members(organization);
        if with_opportunities {
            view.insert("opportunity_ids".to_owned(), json!(opportunity_ids(state, id)));
        }
        dates.write(id, &mut view);
        (id, view)
    });
    Ok(page.answer("organizations", items))
}

pub(super) fn get(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let organization = state.organizations.find("organization_id", path.first)?;
    let dates = Dates::read(state, call, Kind::Organization)?;
    let mut view = full(state, organization);
    dates.write(organization.id, &mut view);
    Ok(Answer::json(&view))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let name = required("name", params.full_text("name")?)?;
    let domain = params.text("domain")?;
    let people = state.linked(params, "person_ids", Kind::Person)?;
    let organization = state.organizations.add(|id| Organization {
        id,
        name,
        domains: domain.iter().cloned().collect(),
        domain,
        crunchbase_uuid: None,
        global: false,
    });
    let organization = organization.clone();
    set_people(state, organization.id, people);
    Ok(Answer::json(&full(state, &organization)))
}

pub(super) fn update(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let params = &call.request.params;
    let people = state.linked(params, "person_ids", Kind::Person)?;
    let (name, domain) = (params.full_text("name")?, params.text("domain")?);
    let organization = state.organizations.find_mut("organization_id", path.first)?;
    if organization.global && (name.is_some() || domain.is_some()) {
        return Err(Fault::unprocessable(GLOBAL));
    }
    if let Some(name) = name {
        organization.name = name;
    }
    if let Some(domain) = domain {
        organization.domains.retain(|other| Some(other) != organization.domain.as_ref() && *other != domain);
        organization.domains.insert(0, domain.clone());
        organization.domain = Some(domain);
    }
    let organization = organization.clone();
    set_people(state, organization.id, people);
    Ok(Answer::json(&full(state, &organization)))
}

pub(super) fn delete(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    if state.organizations.find("organization_id", path.first)?.global {
        return Err(Fault::unprocessable(GLOBAL));
    }
    state.organizations.remove("organization_id", path.first)?;
    state.forget(Entity { kind: Kind::Organization, id: path.first });
    Ok(Answer::success())
}

fn is_called(organization: &Organization, term: &str) -> bool {
    term.is_empty()
        || organization.name.to_lowercase().contains(term)
        || organization.domains.iter().any(|domain| domain.to_lowercase().contains(term))
}

/// What the answers about a single organization have besides.
fn full(state: &State, organization: &Organization) -> Map<String, Value> {
    let id = organization.id;
    let people = state.persons.iter().filter(|person| person.organization_ids.contains(&id));
    let person_ids: Vec<Id> = people.map(|person| person.id).collect();
    let mut view = members(organization);
    view.insert("person_ids".to_owned(), json!(person_ids));
    view.insert("opportunity_ids".to_owned(), json!(opportunity_ids(state, id)));
    let entries = list_entries::of(state, Entity { kind: Kind::Organization, id });
    view.insert("list_entries".to_owned(), json!(entries));
    view
}

fn opportunity_ids(state: &State, organization: Id) -> Vec<Id> {
    let opportunities = state.opportunities.iter();
    let linked = opportunities.filter(|opportunity| opportunity.organization_ids.contains(&organization));
    linked.map(|opportunity| opportunity.id).collect()
}

/// Replace everybody of the organization.
fn set_people(state: &mut State, organization: Id, people: Option<Vec<Id>>) {
    let Some(people) = people else { return };
    for person in state.persons.iter_mut() {
        let (is, shall) = (person.organization_ids.contains(&organization), people.contains(&person.id));
        if shall && !is {
            person.organization_ids.push(organization);
        }
        if is && !shall {
            person.organization_ids.retain(|id| *id != organization);
        }
    }
}
