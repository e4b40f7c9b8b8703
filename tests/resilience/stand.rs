//! chaperone before an upstream with moods, and what can be seen of it from outside.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::difficult::Difficult;
use crate::support::{Agent, Chaperone, Setup, exchange};

/// `upstream.call_timeout` of these tests.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Far longer than anything that is waited for takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Stand {
    pub(crate) upstream: Difficult,
    pub(crate) chaperone: Chaperone,
    admin: SocketAddr,
}

impl Stand {
    /// One open MCP server, and these keys of the configuration.
    pub(crate) fn start(keys: &str) -> Self {
        let upstream = Difficult::start();
        let admin = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let setup = Setup::new(upstream.address()).admin(admin).policy("open", "token: none").with(keys);
        Self { upstream, chaperone: Chaperone::serve(&setup), admin }
    }

    pub(crate) fn agent(&self) -> Agent {
        self.chaperone.agent("open")
    }

    /// `/readyz?verbose`.
    pub(crate) fn ready(&self) -> String {
        let answer = exchange(self.admin, b"GET /readyz?verbose HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert_eq!(answer.status, 200, "readiness does not hang on an upstream");
        String::from_utf8(answer.body).unwrap()
    }

    /// Come back when this holds.
    pub(crate) fn until(&self, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "{}", self.ready());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Come back when nothing is under way any more.
    pub(crate) fn wait_until_idle(&self) {
        self.until(|| {
            let ready = self.ready();
            ready.contains("serving: 0 requests at work") && ready.contains("test 0 at work and 0 waiting")
        });
    }

    /// Memory of the process that is in use, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.chaperone.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    /// Send bytes and wait for no answer.
    pub(crate) fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.chaperone.address()).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    }
}
