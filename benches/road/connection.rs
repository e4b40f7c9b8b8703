//! A persistent HTTP/1.1 connection that makes one call at a time.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Error;
use crate::answer::{head, judge};
use crate::exchange::{Exchange, Request};

/// As much as is read at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// What is kept of the beginning of an answer that is larger, to judge it.
const FRONT_BYTES: usize = 4096;
/// What is kept of its end.
const END_BYTES: usize = 1024;

/// One connection of the load generator.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    stream: TcpStream,
    exchange: &'a Exchange,
    request: Request,
    buffer: Vec<u8>,
}

impl<'a> Connection<'a> {
    /// Connects to `target`.
    pub(crate) async fn open(target: SocketAddr, exchange: &'a Exchange) -> Result<Self, Error> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, exchange, request: Request::new(exchange, target), buffer: vec![0; BUFFER_BYTES] })
    }

    /// Makes the call with this number, and says when its answer was whole.
    ///
    /// # Errors
    /// If the connection broke or the answer is not the right one.
    pub(crate) async fn call(&mut self, number: u64) -> Result<Instant, Error> {
        self.stream.write_all(self.request.numbered(number)).await?;
        let mut filled = 0;
        let (head, mut body) = loop {
            filled += self.read(filled).await?;
            if let Some(found) = head(&self.buffer[..filled])? {
                break found;
            }
        };
        let mut whole = body.take(&self.buffer[head..filled])?;
        while !whole {
            if filled == BUFFER_BYTES {
                // What lies between is not kept: an answer may have megabytes.
                self.buffer.copy_within(BUFFER_BYTES - END_BYTES.., FRONT_BYTES);
                filled = FRONT_BYTES + END_BYTES;
            }
            let read = self.read(filled).await?;
            whole = body.take(&self.buffer[filled..filled + read])?;
            filled += read;
        }
        let answered = Instant::now();
        let front = &self.buffer[head..filled.min(head + FRONT_BYTES)];
        judge(front, &self.buffer[head.max(filled.saturating_sub(END_BYTES))..filled], self.exchange, number)?;
        Ok(answered)
    }

    async fn read(&mut self, filled: usize) -> Result<usize, Error> {
        match self.stream.read(&mut self.buffer[filled..]).await? {
            0 => Err(format!("the connection ended {filled} bytes into an answer").into()),
            read => Ok(read),
        }
    }
}
