//! The data a sandbox starts with: a document read, and the traffic of a year grown from it.
//!
//! The format is that of the built-in `seed.yaml`, whose comments explain it; any file of that format can replace it.

mod grow;
mod read;
mod records;

use std::{io, path::Path};

use super::{state::State, time::Time};
use crate::document::{At, Faults, Sink, parse};

const BUILT_IN: &str = include_str!("seed.yaml");

/// Read the seed file, or the built-in seed, as of `now`. Whatever fails is [`io::ErrorKind::InvalidData`].
pub(super) fn load(file: Option<&Path>, now: Time) -> io::Result<State> {
    match file {
        None => build("src/sandbox/seed.yaml", BUILT_IN, now).map_err(invalid),
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path);
            let unreadable = |error: io::Error| invalid(Faults::whole_file(&name, format!("cannot be read: {error}")));
            let text = text.map_err(unreadable)?;
            build(&name, &text, now).map_err(invalid)
        }
    }
}

fn invalid(faults: Faults) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, faults)
}

fn build(name: &str, text: &str, now: Time) -> Result<State, Faults> {
    let document = parse(name, text).map_err(|fault| Faults(vec![fault]))?;
    let sink = Sink::new(name);
    let mut seed = read::Seed::new(now);
    if let Some(fields) = At::root(&sink, &document).fields() {
        seed.read(fields);
    }
    sink.into_faults().into_result(())?;
    Ok(grow::grow(seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_seed_is_believable() {
        let now = Time::now();
        let state = load(None, now).unwrap();
        let internal = state.persons.iter().filter(|person| person.internal).count();
        assert_eq!(internal, 6);
        assert!(state.persons.len() - internal >= 40);
        assert!(state.organizations.len() >= 25);
        assert!(state.organizations.iter().any(|organization| organization.global));
        assert!(state.opportunities.len() >= 12);
        assert!(state.notes.len() >= 25);
        assert!(state.reminders.len() >= 10);
        let last_year: usize = state
            .interactions
            .iter()
            .map(|timeline| timeline.iter().filter(|interaction| interaction.date > now.plus_days(-365)).count())
            .sum();
        assert!(last_year >= 120, "{last_year}");
        let types: std::collections::HashSet<i64> = state.fields.iter().map(|field| field.value_type).collect();
        assert_eq!(types.len(), super::super::fields::value_type::ALL.len());
    }

    #[test]
    fn two_sandboxes_of_one_moment_are_alike() {
        let now = Time::now();
        let (one, other) = (load(None, now).unwrap(), load(None, now).unwrap());
        assert_eq!(format!("{:?}", one.interactions), format!("{:?}", other.interactions));
        assert_eq!(one.strengths, other.strengths);
    }

    #[test]
    fn every_fault_of_a_seed_comes_with_its_place() {
        let text = "tenant: { id: 1, name: T, subdomain: t }\nme: 9\ncolleagues: []\norganisations: []\n\
                    opportunities: [{ id: 1, name: O, list: 4 }]\n";
        let faults = build("s.yaml", text, Time::now()).unwrap_err().to_string();
        for expected in ["s.yaml:2:5: me: ", "did you mean `organizations`", "s.yaml:5:41: opportunities[0].list: "] {
            assert!(faults.contains(expected), "{expected} in {faults}");
        }
    }
}
