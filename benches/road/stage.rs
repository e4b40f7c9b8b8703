//! What contenders stand on: upstreams, collector and store, and the load, on the load's core.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::Error;
use crate::orders::{COLLECTOR, SAMPLE, UPSTREAM};
use crate::payload::Payload;
use crate::process::{Core, Server, on};
use crate::program::Programs;
use crate::role::{Load, Role};
use crate::sample::Sample;

/// Programs that speak the protocol of the store, in the order in which they are looked for.
const STORES: [&str; 2] = ["valkey-server", "redis-server"];
/// Far beyond any start of a store.
const STORE_READY_WITHIN: Duration = Duration::from_secs(10);

/// Upstreams, a collector and the load, in one process.
#[derive(Debug)]
pub(crate) struct Stage {
    orders: Server,
    /// One for each payload.
    pub(crate) upstreams: Vec<SocketAddr>,
    pub(crate) collector: SocketAddr,
    /// What limits are shared through, where that is measured.
    pub(crate) store: Option<Store>,
}

impl Stage {
    /// A stage with an upstream for each of these payloads.
    pub(crate) fn start(programs: &Programs, payloads: &[Payload]) -> Result<Self, Error> {
        let role = Role::Stage { payloads: payloads.to_vec() };
        let orders = Server::start(&mut role.command(&programs.bench)?)?;
        let said = |key| orders.said.iter().filter_map(move |line| line.strip_prefix(key)).map(str::parse);
        let upstreams = said(UPSTREAM).collect::<Result<_, _>>()?;
        let collector = said(COLLECTOR).next().ok_or("expected to be told of a collector")??;
        Ok(Self { orders, upstreams, collector, store: None })
    }

    /// The sample that this load makes.
    ///
    /// # Errors
    /// If an answer was not the right one, or nothing answered.
    pub(crate) fn sample(&self, mut load: Load) -> Result<Sample, Error> {
        load.helpers.extend(self.store.iter().map(Store::pid));
        let mut stream = TcpStream::connect(self.orders.address)?;
        writeln!(stream, "{}", serde_json::to_string(&load)?)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let sample = answer.strip_prefix(SAMPLE).ok_or_else(|| answer.trim().to_owned())?;
        Ok(serde_json::from_str(sample)?)
    }

    /// Spans that the collector has taken so far.
    pub(crate) fn spans(&self) -> Result<u64, Error> {
        let body = ask(self.collector, b"GET /spans HTTP/1.1\r\nhost: c\r\nconnection: close\r\n\r\n")?;
        Ok(String::from_utf8(body)?.trim().parse()?)
    }
}

/// The body of the answer to `request`, whose connection ends with it.
pub(crate) fn ask(server: SocketAddr, request: &[u8]) -> Result<Vec<u8>, Error> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let body = memchr::memmem::find(&answer, b"\r\n\r\n").ok_or("expected an HTTP answer")? + 4;
    Ok(answer.split_off(body))
}

/// A store that limits are shared through; it ends with this value.
#[derive(Debug)]
pub(crate) struct Store {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Store {
    /// Starts one; `None` if none is installed.
    pub(crate) fn start() -> Result<Option<Self>, Error> {
        let installed = |name: &&str| {
            let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        };
        let Some(name) = STORES.iter().find(|name| installed(name)) else { return Ok(None) };
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr())?;
        let mut command = on(Core::Load, name.as_ref());
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]);
        let child = command.arg(address.port().to_string()).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let store = Self { child, address };
        let begun = Instant::now();
        while let Err(error) = TcpStream::connect(address) {
            if error.kind() != io::ErrorKind::ConnectionRefused || begun.elapsed() > STORE_READY_WITHIN {
                return Err(format!("{name} does not listen: {error}").into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(store))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // If it is gone already there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
