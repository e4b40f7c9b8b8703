//! `/notes`.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    id::Id,
    page::{MAX_SIZE, Page},
    params::{Params, required},
    record::{Kind, Note},
    state::State,
};

const PLAIN: i64 = 0;
const FROM_EMAIL: i64 = 1;
const HTML: i64 = 2;

pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let (person, organization) = (params.id("person_id")?, params.id("organization_id")?);
    let (opportunity, creator) = (params.id("opportunity_id")?, params.id("creator_id")?);
    let page = Page::<Id>::read(params, MAX_SIZE)?;
    let found = state.notes.after(page.after.unwrap_or(0)).filter(|(_, note)| {
        person.is_none_or(|person| note.person_ids.contains(&person) || on_interaction(state, note).contains(&person))
            && organization.is_none_or(|organization| note.organization_ids.contains(&organization))
            && opportunity.is_none_or(|opportunity| note.opportunity_ids.contains(&opportunity))
            && creator.is_none_or(|creator| note.creator_id == creator)
    });
    Ok(page.answer("notes", found.map(|(id, note)| (id, view(state, note)))))
}

pub(super) fn get(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    Ok(Answer::json(&view(state, state.notes.find("note_id", path.first)?)))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let content = required("content", params.full_text("content")?)?;
    let kind = params.code("type", &[PLAIN, HTML])?.unwrap_or(PLAIN);
    let creator_id = state.colleague(params, "creator_id")?.unwrap_or(state.me);
    let created_at = params.time("created_at")?.unwrap_or(call.now);
    if created_at > call.now {
        return Err(Fault::field("created_at", "must not be in the future"));
    }
    let (parent_id, links) = links(state, params)?;
    let [person_ids, organization_ids, opportunity_ids] = links;
    let note = state.notes.add(|id| Note {
        id,
        creator_id,
        person_ids,
        organization_ids,
        opportunity_ids,
        interaction: None,
        parent_id,
        content: if kind == HTML { markdown(&content) } else { content },
        kind,
        created_at,
        updated_at: None,
    });
    let note = note.clone();
    Ok(Answer::json(&view(state, &note)))
}

/// Only the content. An HTML note becomes a plain one with literal tags, as observed of the real API.
pub(super) fn update(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let content = call.request.params.full_text("content")?;
    let note = state.notes.find_mut("note_id", path.first)?;
    let content = required("content", content)?;
    if note.kind == FROM_EMAIL {
        return Err(Fault::unprocessable("Notes associated with an email cannot be updated"));
    }
    note.content = content;
    note.kind = PLAIN;
    note.updated_at = Some(call.now);
    let note = note.clone();
    Ok(Answer::json(&view(state, &note)))
}

/// Takes the replies with it.
pub(super) fn delete(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    if state.notes.find("note_id", path.first)?.creator_id != state.me {
        return Err(Fault::forbidden("Only the creator of a note can delete it"));
    }
    let note = state.notes.remove("note_id", path.first)?;
    state.notes.retain(|reply| reply.parent_id != Some(note.id));
    if let Some((kind, interaction)) = note.interaction {
        state.interactions[kind].forget_note(interaction, note.id);
    }
    Ok(Answer::success())
}

/// The parent, or what the note hangs on; a reply hangs on nothing but its parent.
fn links(state: &State, params: &Params) -> Result<(Option<Id>, [Vec<Id>; 3])> {
    if let Some(parent) = params.id("parent_id")? {
        if state.notes.find("parent_id", parent)?.parent_id.is_some() {
            return Err(Fault::field("parent_id", "the parent note is itself a reply"));
        }
        return Ok((Some(parent), Default::default()));
    }
    let person_ids = state.linked(params, "person_ids", Kind::Person)?.unwrap_or_default();
    let organization_ids = state.linked(params, "organization_ids", Kind::Organization)?.unwrap_or_default();
    let opportunity_ids = state.linked(params, "opportunity_ids", Kind::Opportunity)?.unwrap_or_default();
    if person_ids.is_empty() && organization_ids.is_empty() && opportunity_ids.is_empty() {
        let text = "At least one of person_ids, organization_ids, opportunity_ids or parent_id must be specified";
        return Err(Fault::unprocessable(text));
    }
    Ok((None, [person_ids, organization_ids, opportunity_ids]))
}

/// HTML notes are read back as text with Markdown-like marks.
fn markdown(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tagged)) = rest.split_once('<') {
        text.push_str(before);
        let Some((tag, after)) = tagged.split_once('>') else {
            text.push('<');
            rest = tagged;
            continue;
        };
        text.push_str(match tag.trim().trim_matches('/') {
            "strong" => "**",
            "em" => "_",
            "br" | "p" if !text.is_empty() && !text.ends_with('\n') => "\n",
            "li" if !tag.starts_with('/') => "\n- ",
            _ => "",
        });
        rest = after;
    }
    text.push_str(rest);
    text.trim().to_owned()
}

fn on_interaction<'s>(state: &'s State, note: &Note) -> &'s [Id] {
    let interaction = note.interaction.and_then(|(kind, id)| state.interactions[kind].get(id));
    interaction.map_or(&[], |interaction| &interaction.person_ids)
}

fn view(state: &State, note: &Note) -> Value {
    let attendees = on_interaction(state, note);
    let mut person_ids = note.person_ids.clone();
    person_ids.extend(attendees.iter().filter(|person| !note.person_ids.contains(person)));
    json!({
        "id": note.id, "creator_id": note.creator_id, "person_ids": person_ids,
        "associated_person_ids": note.person_ids, "interaction_person_ids": attendees,
        "interaction_id": note.interaction.map(|(_, id)| id),
        "interaction_type": note.interaction.map(|(kind, _)| kind),
        "is_meeting": note.interaction.is_some_and(|(kind, _)| kind < 2), "mentioned_person_ids": [],
        "organization_ids": note.organization_ids, "opportunity_ids": note.opportunity_ids,
        "parent_id": note.parent_id, "content": note.content, "type": note.kind, "created_at": note.created_at,
        "updated_at": note.updated_at,
    })
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn html_is_read_back_as_text_with_marks() {
        for (html, text) in [
            ("Had a <strong>lunch</strong>", "Had a **lunch**"),
            ("<p>One <em>two</em></p><p>three</p>", "One _two_\nthree"),
            ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
            ("<span style=\"color: red\">x</span> < y", "x < y"),
        ] {
            assert_eq!(markdown(html), text, "{html}");
        }
    }
}
