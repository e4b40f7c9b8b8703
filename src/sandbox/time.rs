//! Times as Affinity writes them: milliseconds, and the offset of the account's time zone.

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    fmt::temporal::DateTimePrinter,
    tz::{Offset, offset},
};
use serde::{Serialize, Serializer};

/// The account's time zone: Pacific standard time all year, as in Affinity's documentation.
const ZONE: Offset = offset(-8);

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// A moment, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(Timestamp);

impl Time {
    pub(super) const MIN: Self = Self(Timestamp::MIN);
    pub(super) const MAX: Self = Self(Timestamp::MAX);

    /// Now, cut to the millisecond that the wire carries.
    pub(super) fn now() -> Self {
        Self::from_millisecond(Timestamp::now().as_millisecond()).expect("the present fits a timestamp")
    }

    pub(super) fn from_millisecond(millisecond: i64) -> Option<Self> {
        Timestamp::from_millisecond(millisecond).ok().map(Self)
    }

    pub(super) fn as_millisecond(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Read an ISO 8601 time. Without an offset it is the account's local time; a bare date is its midnight.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let moment = match text.parse::<Timestamp>() {
            Ok(moment) => moment,
            Err(_) => ZONE.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
        };
        Self::from_millisecond(moment.as_millisecond())
    }

    /// The midnight that began this day in the account's time zone: date fields keep no more than the day.
    pub(super) fn midnight(self) -> Self {
        let day = ZONE.to_datetime(self.0).date().to_datetime(jiff::civil::Time::midnight());
        ZONE.to_timestamp(day).map_or(self, Self)
    }

    /// The moment `minutes` later, or earlier where negative; a moment out of range stays.
    pub(super) fn plus_minutes(self, minutes: i64) -> Self {
        self.0.checked_add(SignedDuration::from_mins(minutes)).map_or(self, Self)
    }

    /// The moment `days` later, or earlier where negative.
    pub(super) fn plus_days(self, days: i64) -> Self {
        self.plus_minutes(days.saturating_mul(24 * 60))
    }

    /// Seconds until the account's budget starts anew: the end of the calendar month, in UTC.
    pub(super) fn seconds_to_next_month(self) -> u64 {
        let today = Offset::UTC.to_datetime(self.0).date();
        let next = today.last_of_month().tomorrow().map(|first| first.to_datetime(jiff::civil::Time::midnight()));
        let next = next.and_then(|first| Offset::UTC.to_timestamp(first)).unwrap_or(self.0);
        u64::try_from(next.as_second() - self.0.as_second()).unwrap_or(0)
    }

    /// The calendar month as a number that grows.
    pub(super) fn month(self) -> i32 {
        let today = Offset::UTC.to_datetime(self.0).date();
        i32::from(today.year()) * 12 + i32::from(today.month())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&PRINTER.timestamp_with_offset_to_string(&self.0, ZONE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_the_accounts_offset_with_milliseconds() {
        for (read, written) in [
            ("2021-11-30", "2021-11-30T00:00:00.000-08:00"),
            ("2021-11-30T10:00:00", "2021-11-30T10:00:00.000-08:00"),
            ("2021-11-30T12:00:00Z", "2021-11-30T04:00:00.000-08:00"),
            ("2021-11-30T12:00:00.123456+01:00", "2021-11-30T03:00:00.123-08:00"),
        ] {
            let time = Time::parse(read).unwrap();
            assert_eq!(serde_json::to_value(time).unwrap(), written, "{read}");
        }
        assert_eq!(Time::parse("yesterday"), None);
    }

    #[test]
    fn a_date_field_keeps_the_day_of_the_accounts_zone() {
        let time = Time::parse("2026-06-11T10:30:00Z").unwrap().midnight();
        assert_eq!(serde_json::to_value(time).unwrap(), "2026-06-11T00:00:00.000-08:00");
    }

    #[test]
    fn the_month_ends_in_utc() {
        let time = Time::parse("2026-01-31T23:59:00Z").unwrap();
        assert_eq!(time.seconds_to_next_month(), 60);
        assert_eq!(time.plus_minutes(1).month(), time.month() + 1);
    }
}
