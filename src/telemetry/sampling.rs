//! Which calls are traced, decided by trace id so that every service on the way decides alike
//! (OpenTelemetry trace SDK, "Sampling"). What failed or was refused is traced whatever is said here.

use crate::trace::TraceParent;

/// How it is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Does the caller's own decision go before ours?
    pub parent_based: bool,
    /// Share of the traces that are kept, 0 to 1.
    pub ratio: f64,
}

impl Eq for Sampling {}

impl Default for Sampling {
    fn default() -> Self {
        Self { parent_based: true, ratio: 1.0 }
    }
}

impl Sampling {
    /// A sampler of `OTEL_TRACES_SAMPLER` with its argument; `None` for a name that is not known here.
    #[must_use]
    pub fn named(name: &str, ratio: f64) -> Option<Self> {
        let (parent_based, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let ratio = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio,
            _ => return None,
        };
        Some(Self { parent_based, ratio })
    }

    /// Is this trace kept?
    #[must_use]
    pub fn keeps(self, trace_id: u128, parent: Option<TraceParent>) -> bool {
        match parent.filter(|_| self.parent_based) {
            Some(parent) => parent.flags & 1 == 1,
            None => self.keeps_by_ratio(trace_id),
        }
    }

    /// As `TraceIdRatioBased` of the OpenTelemetry SDKs for Rust and Go: the lower 63 bits against a bound.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "the bound is what the float says"
    )]
    fn keeps_by_ratio(self, trace_id: u128) -> bool {
        if self.ratio >= 1.0 {
            return true;
        }
        let bound = (self.ratio.max(0.0) * (1_u64 << 63) as f64) as u64;
        (trace_id as u64) >> 1 < bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parents_word_goes_before_the_ratio_only_where_the_sampler_is_parent_based() {
        let (low, high) = (1_u128, u128::from(u64::MAX));
        let parent = |flags| Some(TraceParent { trace_id: low, parent_id: 1, flags });
        for (name, ratio, trace_id, parent, kept) in [
            ("always_on", 0.0, high, parent(0), true),
            ("always_off", 1.0, low, parent(1), false),
            ("traceidratio", 0.5, low, parent(0), true),
            ("traceidratio", 0.5, high, parent(1), false),
            ("traceidratio", 0.0, low, None, false),
            ("traceidratio", 1.0, high, None, true),
            ("parentbased_always_on", 0.0, high, None, true),
            ("parentbased_always_on", 0.0, high, parent(0), false),
            ("parentbased_always_off", 0.0, high, parent(1), true),
            ("parentbased_always_off", 1.0, low, None, false),
            ("parentbased_traceidratio", 0.5, low, None, true),
            ("parentbased_traceidratio", 0.5, high, None, false),
            ("parentbased_traceidratio", 0.5, high, parent(3), true),
            ("parentbased_traceidratio", 0.5, low, parent(2), false),
        ] {
            let sampling = Sampling::named(name, ratio).unwrap();
            assert_eq!(sampling.keeps(trace_id, parent), kept, "{name} {ratio} {trace_id} {parent:?}");
        }
        assert_eq!(Sampling::named("jaeger_remote", 1.0), None);
    }
}
