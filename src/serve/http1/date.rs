//! The `Date` of an answer (RFC 9110 section 6.6.1), made once a second.

use std::{
    cell::RefCell,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::BytesMut;
use jiff::{Timestamp, fmt::rfc2822};

/// Bytes of a date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) const LENGTH: usize = 29;

thread_local! {
    /// A second since 1970, and its text.
    static LAST: RefCell<(u64, [u8; LENGTH])> = const { RefCell::new((u64::MAX, [0; LENGTH])) };
}

/// Write the time now.
pub(super) fn write(out: &mut BytesMut) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    LAST.with_borrow_mut(|(second, text)| {
        if *second != now {
            *text = of(now);
            *second = now;
        }
        out.extend_from_slice(text);
    });
}

/// The date of a second since 1970; before and beyond what a date can say, the first one.
fn of(second: u64) -> [u8; LENGTH] {
    let now = i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok());
    let text = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now.unwrap_or_default());
    text.ok().and_then(|text| text.into_bytes().try_into().ok()).unwrap_or(*b"Thu, 01 Jan 1970 00:00:00 GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_its_date_and_what_has_none_the_first() {
        for (second, date) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_785_196_800, "Tue, 28 Jul 2026 00:00:00 GMT"),
            (u64::MAX, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(of(second), date.as_bytes(), "{date}");
        }
    }
}
