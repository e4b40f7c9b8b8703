//! First, last and next contact: `with_interaction_dates` and the `min_…_date` and `max_…_date` filters.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::{
    answer::Result,
    call::Call,
    id::Id,
    params::Params,
    record::{Interaction, Kind},
    state::State,
    time::Time,
};

/// The kinds of contact, in Affinity's order.
const CONTACTS: [&str; 7] =
    ["first_email", "last_email", "first_event", "last_event", "next_event", "last_chat_message", "last_interaction"];

/// The kinds that lists can be filtered by.
const FILTERS: [&str; 6] = ["first_email", "last_email", "last_interaction", "last_event", "first_event", "next_event"];

/// When, and which colleagues took part.
type Contact = (Time, Vec<Id>);

/// The contacts of one person or organization.
#[derive(Debug, Default)]
struct Contacts(BTreeMap<&'static str, Contact>);

impl Contacts {
    /// Take one interaction into account; the type's number is its place in [`State::interactions`].
    fn add(&mut self, kind: usize, interaction: &Interaction, colleagues: &[Id], now: Time) {
        let date = interaction.date;
        let (first, last) = match kind {
            0 | 1 if date > now => return self.keep("next_event", date, colleagues, |new, old| new < old),
            0 | 1 => (Some("first_event"), "last_event"),
            2 => (None, "last_chat_message"),
            _ => (Some("first_email"), "last_email"),
        };
        if let Some(first) = first {
            self.keep(first, date, colleagues, |new, old| new < old);
        }
        self.keep(last, date, colleagues, |new, old| new > old);
        self.keep("last_interaction", date, colleagues, |new, old| new > old);
    }

    fn keep(&mut self, contact: &'static str, date: Time, colleagues: &[Id], better: fn(Time, Time) -> bool) {
        let kept = self.0.get(contact);
        if kept.is_none_or(|(old, _)| better(date, *old)) {
            self.0.insert(contact, (date, colleagues.to_vec()));
        }
    }

    /// `interaction_dates` and `interactions` as Affinity writes them.
    fn write(&self, options: &Options, into: &mut Map<String, Value>) {
        let dates =
            CONTACTS.map(|contact| (format!("{contact}_date"), json!(self.0.get(contact).map(|(date, _)| date))));
        let details = CONTACTS.map(|contact| {
            let detail = self.0.get(contact).map(|(date, colleagues)| {
                if options.with_persons {
                    json!({ "date": date, "person_ids": colleagues })
                } else {
                    json!({ "date": date })
                }
            });
            (contact.to_owned(), json!(detail))
        });
        into.insert("interaction_dates".to_owned(), Map::from_iter(dates).into());
        into.insert("interactions".to_owned(), Map::from_iter(details).into());
    }
}

/// What the caller asked for.
#[derive(Debug)]
struct Options {
    /// Add the dates; on lists, leave out who has none.
    with_dates: bool,
    with_persons: bool,
    /// Kind of contact, not before, not after.
    windows: Vec<(&'static str, Time, Time)>,
}

impl Options {
    fn read(params: &Params) -> Result<Self> {
        let with_dates = params.flag("with_interaction_dates")?.unwrap_or(false);
        let with_persons = params.flag("with_interaction_persons")?.unwrap_or(false);
        let mut windows = Vec::new();
        for contact in FILTERS {
            let min = params.time(&format!("min_{contact}_date"))?;
            let max = params.time(&format!("max_{contact}_date"))?;
            if min.is_some() || max.is_some() {
                windows.push((contact, min.unwrap_or(Time::MIN), max.unwrap_or(Time::MAX)));
            }
        }
        Ok(Self { with_dates, with_persons, windows })
    }

    /// Must the contacts be worked out?
    fn are_needed(&self) -> bool {
        self.with_dates || !self.windows.is_empty()
    }

    /// Does a record with these contacts belong in the list?
    fn admit(&self, contacts: Option<&Contacts>) -> bool {
        let Some(contacts) = contacts else { return !self.are_needed() };
        self.windows
            .iter()
            .all(|(contact, min, max)| contacts.0.get(contact).is_some_and(|(date, _)| (min..=max).contains(&date)))
    }
}

/// The dates that a caller asked for, of every record of one kind.
#[derive(Debug)]
pub(super) struct Dates {
    options: Options,
    contacts: HashMap<Id, Contacts>,
}

impl Dates {
    /// Reads what is asked for, and works the contacts out only if something is.
    pub(super) fn read(state: &State, call: &Call<'_>, kind: Kind) -> Result<Self> {
        let options = Options::read(&call.request.params)?;
        let contacts = if options.are_needed() { contacts(state, kind, call.now) } else { HashMap::new() };
        Ok(Self { options, contacts })
    }

    /// Does a record belong in the list?
    pub(super) fn admit(&self, id: Id) -> bool {
        self.options.admit(self.contacts.get(&id))
    }

    /// Add the dates of a record to its answer, if they are asked for; who had no contact has empty ones.
    pub(super) fn write(&self, id: Id, into: &mut Map<String, Value>) {
        if self.options.with_dates {
            self.contacts.get(&id).unwrap_or(&Contacts::default()).write(&self.options, into);
        }
    }
}

/// The contacts of every person, or of every organization through its people, in one pass over the interactions.
fn contacts(state: &State, kind: Kind, now: Time) -> HashMap<Id, Contacts> {
    let mut all: HashMap<Id, Contacts> = HashMap::new();
    for (number, timeline) in state.interactions.iter().enumerate() {
        for interaction in timeline.iter() {
            let people = state.people(&interaction.person_ids);
            let colleagues: Vec<Id> = people.iter().filter(|person| person.internal).map(|person| person.id).collect();
            let mut touched: Vec<Id> = Vec::new();
            for person in people.iter().filter(|person| !person.internal) {
                match kind {
                    Kind::Person => touched.push(person.id),
                    _ => touched.extend(person.current_organization_ids()),
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for id in touched {
                all.entry(id).or_default().add(number, interaction, &colleagues, now);
            }
        }
    }
    all
}
