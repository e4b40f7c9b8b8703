//! W3C trace context (<https://www.w3.org/TR/trace-context/>): `traceparent`, read and written.

use std::{cell::RefCell, fmt};

/// A position in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// Trace id, never all zero.
    pub trace_id: u128,
    /// Id of the span that is the parent of what comes next, never zero.
    pub parent_id: u64,
    /// Bit 0: sampled.
    pub flags: u8,
}

impl TraceParent {
    /// Read the header or `_meta` value; anything malformed is `None` and a new trace begins.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let sound =
            version.len() == 2 && version != "ff" && trace.len() == 32 && parent.len() == 16 && flags.len() == 2;
        let extra = parts.next().is_some();
        if !sound || (version == "00" && extra) || text.bytes().any(|b| b.is_ascii_uppercase() || b == b'+') {
            return None;
        }
        u8::from_str_radix(version, 16).ok()?;
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let parent_id = u64::from_str_radix(parent, 16).ok().filter(|id| *id != 0)?;
        Some(Self { trace_id, parent_id, flags: u8::from_str_radix(flags, 16).ok()? })
    }

    /// A new trace.
    #[must_use]
    pub fn fresh() -> Self {
        Self { trace_id: random::<16, _>(u128::from_ne_bytes), parent_id: random::<8, _>(u64::from_ne_bytes), flags: 1 }
    }

    /// The same trace with a new span as parent of what comes next.
    #[must_use]
    pub fn child(self) -> Self {
        Self { parent_id: random::<8, _>(u64::from_ne_bytes), ..self }
    }

    /// Id of the `n`th span below this one: mixed and not drawn, so that it costs no system call
    /// (`SplitMix64`, <https://doi.org/10.1145/2714064.2660195>).
    #[must_use]
    pub fn nth(self, n: u64) -> u64 {
        let mut id = self.parent_id.wrapping_add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (id ^ (id >> 31)).max(1)
    }

    /// The trace id as 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

/// Random ids; a system without randomness gets a constant that is not zero, so that tracing never fails a call.
fn random<const N: usize, T: PartialEq + Default + From<u8>>(make: impl Fn([u8; N]) -> T) -> T {
    let id = POOL.with_borrow_mut(Pool::draw).map(make);
    id.filter(|id| *id != T::default()).unwrap_or_else(|| T::from(1))
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; 512], left: 0 }) };
}

/// Random bytes of the system, taken in bulk: a system call for every id would cost more than everything else that a
/// trace adds to a call. No byte is given out twice.
struct Pool {
    bytes: [u8; 512],
    left: usize,
}

impl Pool {
    fn draw<const N: usize>(&mut self) -> Option<[u8; N]> {
        if self.left < N {
            getrandom::fill(&mut self.bytes).ok()?;
            self.left = self.bytes.len();
        }
        let drawn = self.bytes[..self.left].last_chunk().copied();
        self.left -= N;
        drawn
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceParent::parse(text).unwrap().to_string(), text);
        let fresh = TraceParent::fresh();
        assert_eq!(TraceParent::parse(&fresh.to_string()), Some(fresh));
        assert_eq!(fresh.child().trace_id, fresh.trace_id);
    }

    #[test]
    fn no_two_ids_are_alike() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| TraceParent::fresh().trace_id).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn malformed_values_begin_a_new_trace() {
        for text in [
            "",
            "00-0-0-0",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }
}
