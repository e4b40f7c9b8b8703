//! `/reminders`: one-time (0) and recurring (1).

use serde_json::{Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    id::Id,
    page::{MAX_SIZE, Page},
    params::{Params, required},
    record::{Entity, Kind, Reminder},
    state::State,
    time::Time,
};

const COMPLETED: i64 = 0;
const ACTIVE: i64 = 1;
const OVERDUE: i64 = 2;

pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let wanted = Filter::read(state, params)?;
    let page = Page::<Id>::read(params, MAX_SIZE)?;
    let found = state.reminders.after(page.after.unwrap_or(0));
    let found = found.filter(|(_, reminder)| wanted.admits(reminder, call.now));
    Ok(page.answer("reminders", found.map(|(id, reminder)| (id, view(state, reminder, call.now)))))
}

pub(super) fn get(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    Ok(Answer::json(&view(state, state.reminders.find("reminder_id", path.first)?, call.now)))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let owner = required("owner_id", state.colleague(params, "owner_id")?)?;
    let recurring = required("type", params.code("type", &[0, 1])?)? == 1;
    let target = state.target(params)?;
    if let Some(Entity { kind: Kind::Person, id }) = target
        && state.persons.find("person_id", id)?.internal
    {
        return Err(Fault::field("person_id", "Person is not an external or collaborator"));
    }
    let mut reminder = Reminder {
        id: 0,
        recurring,
        created_at: call.now,
        completed_at: None,
        content: None,
        due_date: call.now,
        reset_type: None,
        every_days: None,
        creator: state.me,
        owner,
        completer: None,
        target,
    };
    if recurring {
        required("reset_type", params.integer("reset_type")?)?;
        let days = required("reminder_days", days(params)?)?;
        reminder.due_date = call.now.plus_days(days);
    } else {
        required("due_date", params.time("due_date")?)?;
    }
    change(&mut reminder, params, state.me, call.now)?;
    let reminder = state.reminders.add(|id| Reminder { id, ..reminder }).clone();
    Ok(Answer::json(&view(state, &reminder, call.now)))
}

/// What is not sent stays; a change of type needs what a new reminder of that type needs.
pub(super) fn update(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let params = &call.request.params;
    let mut reminder = own(state, path.first)?.clone();
    reminder.owner = state.colleague(params, "owner_id")?.unwrap_or(reminder.owner);
    match params.code("type", &[0, 1])? {
        Some(1) if !reminder.recurring => {
            required("reset_type", params.integer("reset_type")?)?;
            required("reminder_days", days(params)?)?;
            reminder.recurring = true;
        }
        Some(0) if reminder.recurring => {
            required("due_date", params.time("due_date")?)?;
            (reminder.recurring, reminder.reset_type, reminder.every_days) = (false, None, None);
        }
        _ => {}
    }
    change(&mut reminder, params, state.me, call.now)?;
    state.reminders.put(reminder.id, reminder.clone());
    Ok(Answer::json(&view(state, &reminder, call.now)))
}

pub(super) fn delete(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    own(state, path.first)?;
    state.reminders.remove("reminder_id", path.first)?;
    Ok(Answer::success())
}

/// A reminder that the caller created or owns.
fn own(state: &State, id: Id) -> Result<&Reminder> {
    let reminder = state.reminders.find("reminder_id", id)?;
    if [reminder.creator, reminder.owner].contains(&state.me) {
        return Ok(reminder);
    }
    Err(Fault::forbidden("Only the creator or the owner of a reminder can change it"))
}

/// What creating and updating have in common.
fn change(reminder: &mut Reminder, params: &Params, me: Id, now: Time) -> Result<()> {
    if params.has("content") {
        reminder.content = params.text("content")?;
    }
    reminder.due_date = params.time("due_date")?.unwrap_or(reminder.due_date);
    let (reset_type, days) = (params.code("reset_type", &[0, 1, 2])?, days(params)?);
    if reminder.recurring {
        reminder.reset_type = reset_type.or(reminder.reset_type);
        reminder.every_days = days.or(reminder.every_days);
    }
    match params.flag("is_completed")? {
        Some(_) if reminder.recurring => Err(Fault::field("is_completed", "is not valid for a recurring reminder")),
        Some(true) => {
            (reminder.completed_at, reminder.completer) = (Some(now), Some(me));
            Ok(())
        }
        Some(false) => {
            (reminder.completed_at, reminder.completer) = (None, None);
            Ok(())
        }
        None => Ok(()),
    }
}

fn days(params: &Params) -> Result<Option<i64>> {
    match params.integer("reminder_days")? {
        Some(days) if days < 1 => Err(Fault::field("reminder_days", format_args!("expected {days} to be at least 1"))),
        days => Ok(days),
    }
}

/// The eleven filters.
#[derive(Debug)]
struct Filter {
    target: Option<Entity>,
    creator: Option<Id>,
    owner: Option<Id>,
    completer: Option<Id>,
    recurring: Option<bool>,
    reset_type: Option<i64>,
    status: Option<i64>,
    due_before: Option<Time>,
    due_after: Option<Time>,
}

impl Filter {
    fn read(state: &State, params: &Params) -> Result<Self> {
        Ok(Self {
            target: state.target(params)?,
            creator: params.id("creator_id")?,
            owner: params.id("owner_id")?,
            completer: params.id("completer_id")?,
            recurring: params.code("type", &[0, 1])?.map(|code| code == 1),
            reset_type: params.code("reset_type", &[0, 1, 2])?,
            status: params.code("status", &[COMPLETED, ACTIVE, OVERDUE])?,
            due_before: params.time("due_before")?,
            due_after: params.time("due_after")?,
        })
    }

    fn admits(&self, reminder: &Reminder, now: Time) -> bool {
        self.target.is_none_or(|target| reminder.target == Some(target))
            && self.creator.is_none_or(|creator| reminder.creator == creator)
            && self.owner.is_none_or(|owner| reminder.owner == owner)
            && self.completer.is_none_or(|completer| reminder.completer == Some(completer))
            && self.recurring.is_none_or(|recurring| reminder.recurring == recurring)
            && self.reset_type.is_none_or(|reset_type| reminder.reset_type == Some(reset_type))
            && self.status.is_none_or(|wanted| status(reminder, now) == wanted)
            && self.due_before.is_none_or(|before| reminder.due_date < before)
            && self.due_after.is_none_or(|after| reminder.due_date > after)
    }
}

fn status(reminder: &Reminder, now: Time) -> i64 {
    match reminder.completed_at {
        Some(_) => COMPLETED,
        None if reminder.due_date < now => OVERDUE,
        None => ACTIVE,
    }
}

fn view(state: &State, reminder: &Reminder, now: Time) -> Value {
    let person = |id: Id| state.summary(Entity { kind: Kind::Person, id });
    let target = |kind: Kind| reminder.target.filter(|target| target.kind == kind).map(|target| state.summary(target));
    json!({
        "id": reminder.id, "type": u8::from(reminder.recurring), "created_at": reminder.created_at,
        "completed_at": reminder.completed_at, "content": reminder.content, "due_date": reminder.due_date,
        "reset_type": reminder.reset_type, "reminder_days": reminder.every_days, "status": status(reminder, now),
        "creator": person(reminder.creator), "owner": person(reminder.owner),
        "completer": reminder.completer.map(person), "person": target(Kind::Person),
        "organization": target(Kind::Organization), "opportunity": target(Kind::Opportunity),
    })
}
