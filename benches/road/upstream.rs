//! The upstream: answers every question with the same list, as Affinity would, with its rate-limit headers.
//!
//! It takes the REST request that chaperone makes of a call and the MCP request that the floor forwards, and puts the
//! caller's query into the answer, so that an answer proves which question it belongs to. It reads and writes by hand,
//! because it shares its thread with the load generator: what it spends, the contenders wait for.

use std::convert::Infallible;
use std::io::IoSlice;
use std::sync::Arc;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Error;
use crate::exchange::{DIGITS, QUERY_PREFIX};
use crate::payload::Payload;

/// More than any request of this bench.
const LARGEST_REQUEST_BYTES: usize = 16 * 1024;
/// Bytes of the query.
const QUERY_BYTES: usize = QUERY_PREFIX.len() + DIGITS;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\
    x-ratelimit-limit-user: 900\r\nx-ratelimit-limit-user-remaining: 812\r\nx-ratelimit-limit-user-reset: 37\r\n\
    x-ratelimit-limit-org: 100000\r\nx-ratelimit-limit-org-remaining: 90713\r\n\
    x-ratelimit-limit-org-reset: 806400\r\ndate: Wed, 22 Jul 2026 09:00:00 GMT\r\n";
const NO_QUERY: &[u8] = b"HTTP/1.1 422 Unprocessable Entity\r\ncontent-length: 21\r\n\r\n[\"expected a search\"]\n";

/// An answer in two parts: up to the end of the query's place, which every connection writes for itself, and the rest.
#[derive(Clone, Debug)]
struct Answer {
    front: Vec<u8>,
    rest: Arc<[u8]>,
}

/// Serves on `listener` until it is killed.
pub(crate) async fn run(listener: TcpListener, payload: Payload) -> Result<Infallible, Error> {
    let (body, hole) = payload.template();
    let (before, rest) = body.split_at(hole + QUERY_BYTES);
    let mut front = format!("{HEAD}content-length: {}\r\n\r\n", body.len()).into_bytes();
    front.extend_from_slice(before);
    let answer = Answer { front, rest: rest.into() };
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        // A connection that breaks is the contender's to notice.
        tokio::spawn(async move { serve(stream, answer).await.ok() });
    }
}

async fn serve(mut stream: TcpStream, mut answer: Answer) -> Result<(), Error> {
    let mut buffer = vec![0; LARGEST_REQUEST_BYTES];
    let place = answer.front.len() - QUERY_BYTES;
    loop {
        let mut filled = 0;
        while !whole(&buffer[..filled]) {
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                read => filled += read,
            }
        }
        let Some(query) = query(&buffer[..filled]) else {
            stream.write_all(NO_QUERY).await?;
            continue;
        };
        answer.front[place..].copy_from_slice(query);
        write(&mut stream, &answer).await?;
    }
}

/// Writes both parts, in one go where the socket has room.
async fn write(stream: &mut TcpStream, answer: &Answer) -> Result<(), Error> {
    let parts = [IoSlice::new(&answer.front), IoSlice::new(&answer.rest)];
    let written = stream.write_vectored(&parts).await?;
    if let Some(left) = answer.front.get(written..) {
        stream.write_all(left).await?;
    }
    stream.write_all(&answer.rest[written.saturating_sub(answer.front.len())..]).await?;
    Ok(())
}

/// Whether a request is all there. A body says its length or comes in chunks, of which the last is empty.
fn whole(read: &[u8]) -> bool {
    let Some(head) = memmem::find(read, b"\r\n\r\n").map(|at| at + 4) else { return false };
    if read.starts_with(b"GET ") {
        return true;
    }
    let text = std::str::from_utf8(&read[..head]).unwrap_or_default();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    length.map_or_else(|| read.ends_with(b"0\r\n\r\n"), |length| read.len() >= head + length)
}

/// The query in a request's URL or in its JSON: nothing in it needs escaping in either.
fn query(request: &[u8]) -> Option<&[u8]> {
    let known = [&b"GET /persons?"[..], b"GET /organizations?", b"POST /"];
    known.iter().any(|start| request.starts_with(start)).then_some(())?;
    let start = memmem::find(request, QUERY_PREFIX.as_bytes())?;
    request.get(start..start + QUERY_BYTES)
}
