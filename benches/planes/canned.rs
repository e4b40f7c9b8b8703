//! Servers that answer everything with the same bytes, each connection on a thread of its own: what they do is neither
//! counted nor, but for the wait, timed.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// More than any request of these benches, an export of 512 spans included.
const LARGEST_REQUEST_BYTES: usize = 4 << 20;

/// The rate-limit headers of Affinity, and a list as it sends them.
pub(crate) fn affinity(list: &str) -> io::Result<SocketAddr> {
    serve(&format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\
         x-ratelimit-limit-user: 900\r\nx-ratelimit-limit-user-remaining: 812\r\nx-ratelimit-limit-user-reset: 37\r\n\
         x-ratelimit-limit-org: 100000\r\nx-ratelimit-limit-org-remaining: 90713\r\n\
         x-ratelimit-limit-org-reset: 806400\r\ncontent-length: {}\r\n\r\n{list}",
        list.len(),
    ))
}

/// A collector that takes every export over OTLP/HTTP.
pub(crate) fn collector() -> io::Result<SocketAddr> {
    serve("HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
}

fn serve(answer: &str) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let answer: Arc<[u8]> = answer.as_bytes().into();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            // A connection that breaks is the client's to notice.
            thread::spawn(move || converse(stream, &answer));
        }
    });
    Ok(address)
}

fn converse(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; LARGEST_REQUEST_BYTES];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        if length(&buffer[..filled]).is_some_and(|length| filled >= length) {
            stream.write_all(answer)?;
            filled = 0;
        }
    }
}

/// The bytes of a request, once its head is whole.
fn length(request: &[u8]) -> Option<usize> {
    let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let lines = std::str::from_utf8(&request[..head]).ok()?.lines();
    let body = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Some(0), |(_, value)| value.trim().parse().ok())?;
    Some(head + body)
}
