//! Times in arguments: RFC 3339 date-times and plain dates.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

/// The instant that a date-time with an offset names, or the first of a date in UTC.
///
/// Stricter than jiff, which reads more of ISO 8601 than upstreams do.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    if let Some(date) = date(text) {
        return date.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp());
    }
    let (shape, rest) = text.split_at_checked(19)?;
    if !fits(shape, "0000-00-00T00:00:00") {
        return None;
    }
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let is_zone = zone.eq_ignore_ascii_case("z") || fits(zone, "+00:00") || fits(zone, "-00:00");
    is_zone.then(|| text.parse().ok()).flatten()
}

/// A plain date (`2025-11-22`).
pub(crate) fn date(text: &str) -> Option<Date> {
    if fits(text, "0000-00-00") { text.parse().ok() } else { None }
}

/// RFC 3339 in UTC, to the second; `None` before the year 0, which it cannot write.
pub(crate) fn rfc3339(instant: Timestamp) -> Option<String> {
    let text = instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    fits(&text, "0000-00-00T00:00:00Z").then_some(text)
}

/// A signed offset such as `-365d` or `12h`.
pub(crate) fn offset(text: &str) -> Option<SignedDuration> {
    let (is_negative, length) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let length = SignedDuration::try_from(crate::document::duration(length)?).ok()?;
    Some(if is_negative { -length } else { length })
}

/// A text has the shape of the other: `0` stands for a digit, a letter for itself in either case.
fn fits(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(found, wanted)| match wanted {
            b'0' => found.is_ascii_digit(),
            _ => found.eq_ignore_ascii_case(&wanted),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_times_with_offset_and_dates_are_instants() {
        let table = [
            ("2025-11-22", "2025-11-22T00:00:00Z"),
            ("2025-11-22T10:00:00Z", "2025-11-22T10:00:00Z"),
            ("2025-11-22t10:00:00.25z", "2025-11-22T10:00:00Z"),
            ("2025-11-22T10:00:00+02:00", "2025-11-22T08:00:00Z"),
            ("2025-11-22T10:00:00-08:00", "2025-11-22T18:00:00Z"),
        ];
        for (text, expected) in table {
            assert_eq!(instant(text).and_then(rfc3339).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "yesterday",
            "2025-11-22T10:00:00",
            "2025-11-22 10:00:00Z",
            "20251122T100000Z",
            "2025-02-30",
            "2025-13-01T00:00:00Z",
            "2025-11-22T25:00:00Z",
            "2025-11-22T10:00Z",
            "2025-11-22T10:00:00Z[UTC]",
            "2025-11-22T10:00:00.Z",
            "2025-11-22T10:00:00.1.2Z",
            "１２３４-11-22",
            "-002025-11-22T10:00:00Z",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn offsets_are_signed_durations() {
        assert_eq!(offset("-365d"), Some(SignedDuration::from_hours(-365 * 24)));
        assert_eq!(offset("0d"), Some(SignedDuration::ZERO));
        assert_eq!(offset("+2h"), Some(SignedDuration::from_hours(2)));
        for text in ["", "-", "--1d", "365", "-99999999999999999d"] {
            assert_eq!(offset(text), None, "{text}");
        }
    }
}
