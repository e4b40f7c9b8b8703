//! HTTP/1.1 by hand: requests that are wrong on purpose, and a strict reading of the answer (RFC 9112).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long an answer may take before it counts as a hang. Well above the `header_timeout` that tests set.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// An HTTP answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, without its transfer coding.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of this name (in lower case).
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `None` where it is not JSON.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// A well-formed `POST` of a body with these further headers.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(name);
        request.push_str(": ");
        request.push_str(value);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    [request.as_bytes(), body].concat()
}

/// Send these bytes on a fresh connection and read one answer.
///
/// # Errors
/// What went wrong: no answer in time, a connection closed without one, or one that is not HTTP.
pub(crate) fn exchange(address: SocketAddr, bytes: &[u8]) -> Result<Answer, String> {
    read(&mut send(address, bytes)?)
}

/// The same, but say after the bytes that nothing more will come.
///
/// # Errors
/// As [`exchange`].
pub(crate) fn exchange_cut_off(address: SocketAddr, bytes: &[u8]) -> Result<Answer, String> {
    let mut stream = send(address, bytes)?;
    stream.shutdown(Shutdown::Write).map_err(|error| error.to_string())?;
    read(&mut stream)
}

fn send(address: SocketAddr, bytes: &[u8]) -> Result<TcpStream, String> {
    let mut stream = TcpStream::connect(address).map_err(|error| format!("cannot connect: {error}"))?;
    stream.set_read_timeout(Some(Duration::from_millis(250))).map_err(|error| error.to_string())?;
    // A server that refuses early may close its ear while it is still being spoken to; its answer is there all the same.
    let _ = stream.write_all(bytes);
    Ok(stream)
}

fn read(stream: &mut TcpStream) -> Result<Answer, String> {
    let deadline = Instant::now() + ANSWER_WITHIN;
    let (mut received, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    loop {
        if let Some(answer) = parse(&received, false)? {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            return Err(format!("no answer in {ANSWER_WITHIN:?}, only {} bytes", received.len()));
        }
        match stream.read(&mut chunk) {
            Ok(0) => return parse(&received, true)?.ok_or_else(|| cut_off(&received)),
            Ok(n) => received.extend_from_slice(&chunk[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(format!("{error} after {} bytes", received.len())),
        }
    }
}

fn cut_off(received: &[u8]) -> String {
    format!("the connection was closed after {:?}", String::from_utf8_lossy(received))
}

/// The answer in these bytes, once it is whole.
fn parse(received: &[u8], ended: bool) -> Result<Option<Answer>, String> {
    let Some(end) = find(received, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&received[..end]).map_err(|_| "the head is not text".to_owned())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let status = status.strip_prefix("HTTP/1.1 ").or_else(|| status.strip_prefix("HTTP/1.0 "));
    let status = status.and_then(|text| text.get(..3)?.parse().ok()).ok_or_else(|| cut_off(received))?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: Vec::new() };
    let rest = &received[end + 4..];
    if answer.status / 100 == 1 {
        return parse(rest, ended);
    }
    let length = answer.header("content-length").and_then(|text| text.parse::<usize>().ok());
    let body = match length {
        _ if matches!(answer.status, 204 | 304) => Some(Vec::new()),
        Some(length) => rest.get(..length).map(<[u8]>::to_vec),
        None if answer.header("transfer-encoding") == Some("chunked") => dechunk(rest),
        None => ended.then(|| rest.to_vec()),
    };
    Ok(body.map(|body| {
        answer.body = body;
        answer
    }))
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(rest, b"\r\n")?;
        let size =
            usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?.trim(), 16).ok()?;
        let data = rest.get(line + 2..line + 2 + size)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(data);
        rest = rest.get(line + 4 + size..)?;
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
