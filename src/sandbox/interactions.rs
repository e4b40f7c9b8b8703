//! `/interactions`: meetings (0), calls (1), chat messages (2) and emails (3), newest first.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    id::Id,
    page::Page,
    params::{Params, required},
    record::{Entity, Interaction, Kind, Note},
    state::State,
    time::Time,
};

/// Most interactions on a page, and the default.
const MAX_PAGE: usize = 100;

/// The longest window: 365 days, in leap years too.
const MAX_WINDOW_MILLISECONDS: i64 = 365 * 24 * 60 * 60 * 1000;

/// The key that holds the items, by type.
const ITEMS: [&str; 4] = ["events", "events", "chat_messages", "emails"];

pub(super) const MEETING: usize = 0;
pub(super) const CHAT_MESSAGE: usize = 2;
pub(super) const EMAIL: usize = 3;

pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let kind = read_type(params, &[0, 1, 2, 3])?;
    let (start, end) = window(params)?;
    let target = state.target(params)?;
    let target = target
        .ok_or_else(|| Fault::unprocessable("One of person_id, organization_id or opportunity_id must be specified"))?;
    let people = involved(state, target)?;
    let colleague = state.colleague(params, "internal_person_id")?;
    let direction = params.code("direction", &[0, 1])?;
    let manual_only = params.code("logging_type", &[0, 1])? == Some(1);
    let page = Page::<(i64, Id)>::read(params, MAX_PAGE)?;
    let after = page.after.and_then(|(date, id)| Some((Time::from_millisecond(date)?, id)));
    let found = state.interactions[kind].between(start, end, after).filter(|interaction| {
        interaction.person_ids.iter().any(|person| people.contains(person))
            && colleague.is_none_or(|colleague| interaction.person_ids.contains(&colleague))
            && (direction.is_none() || kind < CHAT_MESSAGE || interaction.direction == direction)
            && (!manual_only || interaction.manual_creator_id.is_some())
    });
    let items =
        found.map(|interaction| ((interaction.date.as_millisecond(), interaction.id), view(state, kind, interaction)));
    Ok(page.answer(ITEMS[kind], items))
}

pub(super) fn get(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let kind = read_type(&call.request.params, &[0, 1, 2, 3])?;
    let interaction = state.interactions[kind].find(path.first)?;
    Ok(Answer::json(&view(state, kind, interaction)))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let kind = read_type(params, &[0, 1, 2])?;
    let person_ids = participants(state, params)?;
    let person_ids = required("person_ids", person_ids)?;
    let content = required("content", params.full_text("content")?)?;
    let date = required("date", params.time("date")?)?;
    let direction = params.code("direction", &[0, 1])?;
    let direction = if kind == CHAT_MESSAGE { Some(required("direction", direction)?) } else { None };
    let me = state.me;
    let interaction = state.interactions[kind].add(|id| Interaction {
        id,
        date,
        end_time: None,
        updated_at: None,
        title: "Manually logged event".to_owned(),
        direction,
        manual_creator_id: Some(me),
        notes: Vec::new(),
        person_ids,
    });
    let id = interaction.id;
    attach_note(state, (kind, id), content, call.now);
    Ok(Answer::json(&view(state, kind, state.interactions[kind].find(id)?)))
}

pub(super) fn update(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let params = &call.request.params;
    let kind = read_type(params, &[0, 1, 2])?;
    let person_ids = participants(state, params)?;
    let (content, date) = (params.full_text("content")?, params.time("date")?);
    let direction = params.code("direction", &[0, 1])?;
    let now = call.now;
    let interaction = state.interactions[kind].change(path.first, |interaction| {
        if let Some(person_ids) = person_ids {
            interaction.person_ids = person_ids;
        }
        interaction.date = date.unwrap_or(interaction.date);
        interaction.direction = direction.filter(|_| kind == CHAT_MESSAGE).or(interaction.direction);
        interaction.updated_at = Some(now);
    })?;
    let note = interaction.notes.first().copied();
    if let Some(content) = content {
        match note.and_then(|note| state.notes.find_mut("note_id", note).ok()) {
            Some(note) => (note.content, note.updated_at) = (content, Some(now)),
            None => attach_note(state, (kind, path.first), content, now),
        }
    }
    Ok(Answer::json(&view(state, kind, state.interactions[kind].find(path.first)?)))
}

pub(super) fn delete(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let kind = read_type(&call.request.params, &[0, 1, 2, 3])?;
    let interaction = state.interactions[kind].remove(path.first)?;
    state.notes.retain(|note| note.interaction != Some((kind, interaction.id)));
    Ok(Answer::success())
}

fn read_type(params: &Params, allowed: &[i64]) -> Result<usize> {
    let code = required("type", params.code("type", allowed)?)?;
    Ok(usize::try_from(code).expect("a type is one of the allowed codes"))
}

/// `start_time` up to, not including, `end_time`.
fn window(params: &Params) -> Result<(Time, Time)> {
    let start = required("start_time", params.time("start_time")?)?;
    let end = required("end_time", params.time("end_time")?)?;
    if end <= start {
        return Err(Fault::field("start_time", "must be before end_time"));
    }
    if end.as_millisecond() - start.as_millisecond() > MAX_WINDOW_MILLISECONDS {
        return Err(Fault::field("end_time", "the date range must not exceed one year"));
    }
    Ok((start, end))
}

/// Everybody whose interactions count as those of `target`.
fn involved(state: &State, target: Entity) -> Result<HashSet<Id>> {
    let of_organizations = |organizations: &[Id]| -> HashSet<Id> {
        let works_there = |person: &&super::record::Person| {
            !person.internal && person.current_organization_ids().any(|id| organizations.contains(&id))
        };
        state.persons.iter().filter(works_there).map(|person| person.id).collect()
    };
    Ok(match target.kind {
        Kind::Person if state.persons.find("person_id", target.id)?.internal => {
            return Err(Fault::field("person_id", "Person is not an external or collaborator"));
        }
        Kind::Person => HashSet::from([target.id]),
        Kind::Organization => of_organizations(&[target.id]),
        Kind::Opportunity => {
            let opportunity = state.opportunities.find("opportunity_id", target.id)?;
            let mut people = of_organizations(&opportunity.organization_ids);
            people.extend(&opportunity.person_ids);
            people
        }
    })
}

fn participants(state: &State, params: &Params) -> Result<Option<Vec<Id>>> {
    let people = state.linked(params, "person_ids", Kind::Person)?;
    if let Some(people) = &people
        && !state.people(people).iter().any(|person| person.internal)
    {
        return Err(Fault::field("person_ids", "at least one internal person must be included"));
    }
    Ok(people)
}

/// The content of a logged interaction is a note on it.
fn attach_note(state: &mut State, interaction: (usize, Id), content: String, now: Time) {
    let creator_id = state.me;
    let note = state.notes.add(|id| Note {
        id,
        creator_id,
        person_ids: Vec::new(),
        organization_ids: Vec::new(),
        opportunity_ids: Vec::new(),
        interaction: Some(interaction),
        parent_id: None,
        content,
        kind: 0,
        created_at: now,
        updated_at: None,
    });
    let note = note.id;
    state.interactions[interaction.0].remember_note(interaction.1, note);
}

/// The shape depends on the type.
fn view(state: &State, kind: usize, interaction: &Interaction) -> Value {
    let people = state.people(&interaction.person_ids);
    let Interaction { id, date, notes, manual_creator_id, direction, .. } = interaction;
    match kind {
        EMAIL => json!({
            "date": date, "id": id, "subject": interaction.title, "type": kind,
            "from": people.first(), "to": people.get(1..).unwrap_or_default(), "cc": [], "direction": direction,
        }),
        CHAT_MESSAGE => json!({
            "id": id, "date": date, "direction": direction, "manual_creator_id": manual_creator_id,
            "persons": people, "type": kind, "notes": notes,
        }),
        _ => {
            let attendees: Vec<&String> = people.iter().filter_map(|person| person.primary_email.as_ref()).collect();
            json!({
                "date": date, "id": id, "attendees": attendees, "start_time": date,
                "end_time": interaction.end_time, "updated_at": interaction.updated_at,
                "manual_creator_id": manual_creator_id, "title": interaction.title, "type": kind, "notes": notes,
                "persons": people,
            })
        }
    }
}
