//! Places of tools by their names.

use std::hash::BuildHasher;

use super::tool::Tool;
use crate::hash::QuickHash;

/// Finds a tool with two looks at memory: a slot here, and the tool itself. A `HashMap` would need three or four, and the
/// tools of a large catalog are cold.
#[derive(Debug)]
pub(crate) struct Places(Box<[Slot]>);

/// Half of a hash, and a place; [`EMPTY`] without one.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    place: u32,
}

const EMPTY: Slot = Slot { hash: 0, place: u32::MAX };

impl Places {
    /// The places of these tools, no two of one name.
    pub(crate) fn of(tools: &[Tool]) -> Self {
        // At least half of the slots stay empty, so that every search ends, and soon.
        let mut slots = vec![EMPTY; (tools.len() * 2).next_power_of_two().max(2)];
        for (place, tool) in tools.iter().enumerate() {
            let (hash, mut slot) = start(&tool.name, slots.len());
            while slots[slot].place != EMPTY.place {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = Slot { hash, place: u32::try_from(place).expect("a catalog has fewer tools") };
        }
        Self(slots.into())
    }

    /// The place of the tool of this name among `tools`, which must be those that this was made of.
    pub(crate) fn find(&self, name: &str, tools: &[Tool]) -> Option<usize> {
        let (hash, mut slot) = start(name, self.0.len());
        loop {
            let Slot { hash: found, place } = self.0[slot];
            if place == EMPTY.place {
                return None;
            }
            if found == hash && *tools[place as usize].name == *name {
                return Some(place as usize);
            }
            slot = (slot + 1) % self.0.len();
        }
    }
}

/// What stands in the slot of a name, and the first slot where it may be.
#[expect(clippy::cast_possible_truncation, reason = "two parts of a hash are wanted")]
fn start(name: &str, slots: usize) -> (u32, usize) {
    let hash = QuickHash::default().hash_one(name);
    ((hash >> 32) as u32, hash as usize & (slots - 1))
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;

    #[test]
    fn every_tool_is_found_by_its_name_and_nothing_by_another() {
        let catalog = Catalog::builtin().unwrap();
        let integration = catalog.integration("affinity").unwrap();
        for (place, tool) in integration.tools.iter().enumerate() {
            assert_eq!(integration.place(&tool.name), Some(place));
            assert_eq!(integration.place(&tool.name[1..]), None);
        }
        assert_eq!(super::Places::of(&[]).find("list", &[]), None);
    }
}
