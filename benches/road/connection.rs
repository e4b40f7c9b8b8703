//! A persistent HTTP/1.1 connection that makes one call at a time.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::Error;
use crate::answer::{Extent, extent, judge};
use crate::request::{Dialect, Request};

/// More than any answer of this bench.
const LARGEST_ANSWER_BYTES: usize = 64 * 1024;

/// One connection of the load generator.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    dialect: Dialect,
    request: Request,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to `target`.
    pub(crate) async fn open(target: SocketAddr, dialect: Dialect) -> Result<Self, Error> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, dialect, request: Request::to(target), buffer: vec![0; LARGEST_ANSWER_BYTES] })
    }

    /// Makes the call with this number, and says when its answer was whole.
    ///
    /// # Errors
    /// If the connection broke or the answer is not the right one.
    pub(crate) async fn call(&mut self, number: u64) -> Result<Instant, Error> {
        let (bytes, digits) = self.request.numbered(number);
        self.stream.write_all(bytes).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(format!("the connection ended {filled} bytes into an answer").into());
            }
            filled += read;
            let Extent::Complete { whole, body } = extent(&self.buffer[..filled])? else { continue };
            let answered = Instant::now();
            if whole != filled {
                return Err(format!("expected one answer, got {} more bytes", filled - whole).into());
            }
            judge(&self.buffer[whole - body..whole], self.dialect, digits)?;
            return Ok(answered);
        }
    }
}
