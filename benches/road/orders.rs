//! The other side of every contender, in one thread: upstreams, a collector, and a load generator that takes orders.
//!
//! As processes of their own they would wait for each other's turns on the core they share, milliseconds at a time, and no
//! 99th percentile would say anything of the contender.
//!
//! An order is a connection: one line of JSON, a [`Load`], and a line back, `sample JSON` or `error TEXT`.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::payload::Payload;
use crate::role::Load;
use crate::sample::Sample;
use crate::{Error, closed, collector, paced, upstream};

/// Before the address of an upstream, in the order of their payloads.
pub(crate) const UPSTREAM: &str = "upstream ";
/// Before the address of the collector.
pub(crate) const COLLECTOR: &str = "collector ";
/// Before a sample.
pub(crate) const SAMPLE: &str = "sample ";

/// Says where everything listens, and takes orders until it is killed.
pub(crate) async fn run(payloads: Vec<Payload>) -> Result<Infallible, Error> {
    for payload in payloads {
        let (listener, address) = listen().await?;
        writeln!(io::stdout(), "{UPSTREAM}{address}")?;
        tokio::spawn(upstream::run(listener, payload));
    }
    let (listener, address) = listen().await?;
    writeln!(io::stdout(), "{COLLECTOR}{address}")?;
    tokio::spawn(collector::run(listener));
    let (listener, address) = listen().await?;
    road::announce(address)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // Who has gone away in the meantime needs no answer.
        let _ = obey(stream).await;
    }
}

async fn listen() -> Result<(TcpListener, SocketAddr), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn obey(mut stream: TcpStream) -> Result<(), Error> {
    let mut order = String::new();
    BufReader::new(&mut stream).read_line(&mut order).await?;
    let answer = match made(&order).await {
        Ok(sample) => format!("{SAMPLE}{}\n", serde_json::to_string(&sample)?),
        Err(error) => format!("error {error}\n"),
    };
    stream.write_all(answer.as_bytes()).await?;
    Ok(())
}

async fn made(order: &str) -> Result<Sample, Error> {
    let load: Load = serde_json::from_str(order)?;
    // For the rest of this process, so that the tasks of its connections can share it: there are some hundred a run.
    let load: &'static Load = Box::leak(Box::new(load));
    match load.rate {
        None => closed::run(load).await,
        Some(rate) => paced::run(load, rate).await,
    }
}
