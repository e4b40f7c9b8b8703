//! Reading an answer off a connection, and judging it.
//!
//! By hand, because the load generator shares its core with the upstream: whatever it spends, the contenders wait for.

use crate::request::{DIGITS, Dialect, QUERY_PREFIX};

/// How far the bytes read so far reach.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// More has to be read.
    Incomplete,
    /// The answer is whole; its body is the last `body` bytes of `whole`.
    Complete { whole: usize, body: usize },
}

/// Measures what was read of an answer.
///
/// # Errors
/// What is wrong with the answer: a status other than 200, or a body whose length is not said.
pub(crate) fn extent(read: &[u8]) -> Result<Extent, String> {
    let Some(head) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(Extent::Incomplete);
    };
    if !read.starts_with(b"HTTP/1.1 200 ") {
        return Err(format!("expected status 200, got: {}", String::from_utf8_lossy(read)));
    }
    let body = content_length(&read[..head])
        .ok_or_else(|| format!("expected a content-length, got: {}", String::from_utf8_lossy(&read[..head])))?;
    let whole = head + body;
    Ok(if read.len() < whole { Extent::Incomplete } else { Extent::Complete { whole, body } })
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    head.split(|&byte| byte == b'\n')
        .find(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))
        .and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok())
}

/// Judges the body of the answer to the call with the number `digits`: a failure is often faster than an answer, and
/// so is an answer out of a memory.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn judge(body: &[u8], dialect: Dialect, digits: [u8; DIGITS]) -> Result<(), String> {
    let body = std::str::from_utf8(body).map_err(|error| format!("expected UTF-8 in the answer: {error}"))?;
    let mut query = [0; QUERY_PREFIX.len() + DIGITS];
    query[..QUERY_PREFIX.len()].copy_from_slice(QUERY_PREFIX.as_bytes());
    query[QUERY_PREFIX.len()..].copy_from_slice(&digits);
    let query = std::str::from_utf8(&query).expect("digits are ASCII");
    let right = match dialect {
        Dialect::Rest => body.contains(r#""persons":["#),
        Dialect::Mcp => body.contains(r#""result":"#) && !body.contains(r#""isError":true"#),
    };
    if right && body.contains(query) { Ok(()) } else { Err(format!("expected the list for {query}, got: {body}")) }
}
