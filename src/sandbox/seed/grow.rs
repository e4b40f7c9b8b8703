//! A year of meetings, calls, messages and emails, grown from the seed's numbers: always the same for the same moment.

use std::collections::BTreeMap;

use super::{
    super::{
        id::Id,
        interactions::{CHAT_MESSAGE, EMAIL, MEETING},
        record::{Interaction, Note, Person},
        state::State,
        time::Time,
        timeline::Timeline,
    },
    read::Seed,
};

const CALL: usize = 1;

/// The order of types; an organization with four interactions has one of each.
const TYPES: [usize; 6] = [EMAIL, MEETING, CHAT_MESSAGE, CALL, EMAIL, MEETING];

const MEETING_TITLES: [&str; 5] =
    ["Quarterly review", "Product demo", "Partner meeting", "Diligence session", "Introductory coffee"];
const SUBJECTS: [&str; 5] =
    ["Following up on our meeting", "Updated financial model", "Data room access", "Introduction", "Next steps"];
const CALL_NOTES: [&str; 4] = [
    "Discussed hiring plans and the runway; they will send numbers by Friday.",
    "Reference call: very positive about the team, cautious about the market.",
    "They asked for an introduction to our portfolio's data teams.",
    "Agreed to speak again after their board meeting.",
];
const MESSAGES: [&str; 3] =
    ["Thanks for the quick turnaround!", "Are we still on for Thursday?", "The signed copy is in your inbox."];

/// Grow the interactions, then the relationship strengths that follow from them.
pub(super) fn grow(seed: Seed) -> State {
    let Seed { mut state, now, traffic } = seed;
    let colleagues: Vec<Id> = state.persons.iter().filter(|person| person.internal).map(|person| person.id).collect();
    for (organization, count) in traffic {
        let contacts = contacts(&state, organization);
        if contacts.is_empty() || colleagues.is_empty() {
            continue;
        }
        let mut dice = Dice(organization);
        for n in (0..count).rev() {
            // The latest is two days back, the first one well inside the year.
            let days = 2 + i64::try_from(n * 345 / count).unwrap_or_default();
            let date = dice.working_hour(now.plus_days(-days));
            let pair = dice.pair(&contacts, &colleagues);
            put(&mut state, &mut dice, TYPES[n % TYPES.len()], pair, date);
        }
        let pair = dice.pair(&contacts, &colleagues);
        let date = now.plus_days(2 + dice.below(12));
        let date = dice.working_hour(date);
        put(&mut state, &mut dice, MEETING, pair, date);
    }
    befriend(&mut state);
    state
}

/// Who works at the organization today.
fn contacts(state: &State, organization: Id) -> Vec<Id> {
    let works_there =
        |person: &&Person| !person.internal && person.current_organization_ids().any(|id| id == organization);
    state.persons.iter().filter(works_there).map(|person| person.id).collect()
}

/// A contact and a colleague.
type Pair = (Id, Id);

/// Calls and messages are logged by hand, with a note; meetings and emails are synchronised.
fn put(state: &mut State, dice: &mut Dice, kind: usize, (contact, colleague): Pair, date: Time) {
    let received = dice.below(2) == 1;
    let (title, content) = match kind {
        MEETING => (dice.pick(&MEETING_TITLES), None),
        EMAIL => (dice.pick(&SUBJECTS), None),
        CALL => ("Call", Some(dice.pick(&CALL_NOTES))),
        _ => ("", Some(dice.pick(&MESSAGES))),
    };
    let interaction = state.interactions[kind].add(|id| Interaction {
        id,
        date,
        end_time: (kind == MEETING).then(|| date.plus_minutes(45)),
        updated_at: None,
        title: title.to_owned(),
        direction: [EMAIL, CHAT_MESSAGE].contains(&kind).then(|| i64::from(received)),
        manual_creator_id: content.map(|_| colleague),
        notes: Vec::new(),
        person_ids: if received { vec![contact, colleague] } else { vec![colleague, contact] },
    });
    let Some(content) = content else { return };
    let of = (kind, interaction.id);
    let note = state.notes.add(|id| Note {
        id,
        creator_id: colleague,
        person_ids: Vec::new(),
        organization_ids: Vec::new(),
        opportunity_ids: Vec::new(),
        interaction: Some(of),
        parent_id: None,
        content: content.to_owned(),
        kind: 0,
        created_at: date,
        updated_at: None,
    });
    let note = note.id;
    state.interactions[kind].remember_note(of.1, note);
}

/// The more two people met, the nearer their strength is to 1.
fn befriend(state: &mut State) {
    let mut met: BTreeMap<Pair, i32> = BTreeMap::new();
    for interaction in state.interactions.iter().flat_map(Timeline::iter) {
        let people = state.people(&interaction.person_ids);
        let (internal, external): (Vec<_>, Vec<_>) = people.into_iter().partition(|person| person.internal);
        for contact in &external {
            for colleague in &internal {
                *met.entry((contact.id, colleague.id)).or_default() += 1;
            }
        }
    }
    // Three decimals, as in Affinity's own answers.
    let strength = |times: i32| ((1.0 - 0.75_f64.powi(times)) * 1000.0).round() / 1000.0;
    state.strengths = met.into_iter().map(|(pair, times)| (pair, strength(times))).collect();
}

/// Numbers that look random and are always the same (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u32) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((z ^ (z >> 31)) % u64::from(end)).expect("the remainder is below a u32")
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let end = u32::try_from(items.len()).expect("the lists of this file are short");
        items[usize::try_from(self.below(end)).expect("an index is not negative")]
    }

    /// A moment between 9 and 17 o'clock of the day.
    fn working_hour(&mut self, day: Time) -> Time {
        day.midnight().plus_minutes(9 * 60 + self.below(8 * 12) * 5)
    }

    /// The first contact and one of the first colleagues are the likeliest, as in life.
    fn pair(&mut self, contacts: &[Id], colleagues: &[Id]) -> Pair {
        let contact = if self.below(2) == 0 { contacts[0] } else { self.pick(contacts) };
        let lead = usize::try_from(contact).unwrap_or_default() % colleagues.len();
        let colleague = if self.below(3) < 2 { colleagues[lead] } else { self.pick(colleagues) };
        (contact, colleague)
    }
}
