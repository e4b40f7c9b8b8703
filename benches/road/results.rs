//! What was measured.

use std::collections::HashMap;

use crate::sample::Sample;
use crate::stats::Spread;

/// The forwarder that does nothing else.
pub(crate) const FLOOR: &str = "floor";
/// The floor that forwards as many bytes as chaperone writes.
pub(crate) const AS_MANY: &str = "floor, as many bytes";
/// chaperone with everything off that can be off.
pub(crate) const PLAIN: &str = "chaperone";
/// With a line a call.
pub(crate) const LOGGING: &str = "+ log";
/// With every call traced.
pub(crate) const TRACED: &str = "+ traces";
/// With limits.
pub(crate) const LIMITED: &str = "+ limits";
/// With limits in a store.
pub(crate) const SHARED: &str = "+ shared limits";

/// A kind of load.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) connections: usize,
    /// Calls a second; `None` is the closed loop.
    pub(crate) rate: Option<f64>,
}

impl Case {
    /// Callers that call again as soon as they are answered.
    pub(crate) fn closed(connections: usize) -> Self {
        let plural = if connections == 1 { "" } else { "s" };
        Self { name: format!("{connections} connection{plural}"), connections, rate: None }
    }
}

/// Contenders that were measured in turns, and what they did.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// What all others are compared with is the first.
    pub(crate) contenders: Vec<String>,
    pub(crate) cases: Vec<Case>,
    /// Per case, per contender, per round.
    pub(crate) samples: Vec<Vec<Vec<Sample>>>,
}

impl Group {
    /// The spread over rounds of one contender's number.
    pub(crate) fn spread(&self, case: usize, contender: usize, of: fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.samples.get(case)?.get(contender)?.iter().map(of))
    }

    /// The spread over rounds of one contender's number over another's in the same round.
    pub(crate) fn ratio(&self, case: usize, contender: usize, other: usize, of: fn(&Sample) -> f64) -> Option<Spread> {
        let samples = self.samples.get(case)?;
        Spread::of(samples.get(contender)?.iter().zip(samples.get(other)?).map(|(one, other)| of(one) / of(other)))
    }

    /// The place of the contender with this name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.contenders.iter().position(|contender| contender == name)
    }
}

/// A number that is no ratio.
#[derive(Debug)]
pub(crate) struct Figure {
    /// By which a target finds it.
    pub(crate) name: &'static str,
    pub(crate) contender: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

/// All of a run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) groups: Vec<Group>,
    pub(crate) figures: Vec<Figure>,
    /// What makes the run less than it seems.
    pub(crate) notes: Vec<String>,
    /// Calls that a process was sent, by its id.
    pub(crate) calls: HashMap<u32, u64>,
    /// Samples that were taken again because the contender did not have its core to itself.
    pub(crate) repeated: u32,
    /// Did paced contenders share their core with whatever else runs, because the kernel did not let them go first?
    pub(crate) shared_core: bool,
    /// The load average of the machine before the run.
    pub(crate) load_average: String,
}

impl Results {
    /// The groups that bear this name.
    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Of a contender's numbers over another's, in the first case of a group whose name begins so, the spread.
    pub(crate) fn ratio(
        &self,
        (group, case): (&str, &str),
        (contender, other): (&str, &str),
        of: fn(&Sample) -> f64,
    ) -> Option<Spread> {
        let group = self.group(group)?;
        let case = group.cases.iter().position(|found| found.name.starts_with(case))?;
        group.ratio(case, group.place(contender)?, group.place(other)?, of)
    }
}
