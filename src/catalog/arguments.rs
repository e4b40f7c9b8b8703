//! Arguments of a tool call: convert what models write as strings, check everything, name every fault at once.

use jiff::Timestamp;
use serde_json::{Map, Value, value::RawValue};

use crate::refusal::Misfit;

/// The compiled checks of one tool's arguments.
#[derive(Debug)]
pub struct Checker;

impl Checker {
    /// The arguments of a call, converted, checked and with defaults filled in, in the order the caller gave them.
    ///
    /// `now` is the time that defaults such as "the last 365 days" count from.
    ///
    /// # Errors
    /// Every fault of the arguments.
    pub fn check(&self, raw: Option<&RawValue>, now: Timestamp) -> Result<Map<String, Value>, Vec<Misfit>> {
        let _ = (raw, now);
        unimplemented!()
    }
}
