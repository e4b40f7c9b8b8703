//! Fields of a request that nobody on a road is told.

use http::{HeaderMap, HeaderName, header};

/// `Content-Length` and `Connection` say how a message is carried, which is the business of whoever carries it; the others
/// what kind of answer is liked best, which nobody here heeds. To keep them for nobody costs every request. Whoever comes to
/// want one takes it off here.
pub(super) static UNTOLD: [HeaderName; 5] =
    [header::CONTENT_LENGTH, header::CONNECTION, header::ACCEPT, header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE];

/// Leave those out.
pub(super) fn leave_out(headers: &mut HeaderMap) {
    for name in &UNTOLD {
        headers.remove(name);
    }
}
