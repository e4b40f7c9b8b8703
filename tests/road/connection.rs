//! The listener: connections that say nothing, and the graceful end.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use chaperone::{
    edge::limits::Gate,
    serve::{
        self,
        drain::{self, Ending},
    },
};
use http::Response;
use http_body_util::Full;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tower::service_fn;

use crate::lines::Log;
use crate::road::{Road, call};
use crate::support::Setup;

/// Far longer than anything here takes, so that only a hang meets it.
const HANGS: Duration = Duration::from_secs(20);

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{\"id\":1}";

#[test]
fn a_connection_that_asks_nothing_is_closed_whatever_it_begins_with() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ending, drain) = drain::channel();
        let config = serve::Config { header_timeout: Duration::from_millis(100), ..serve::Config::default() };
        let answer = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
        let serving = tokio::spawn(async move { serve::run(listener, answer, &config, Gate::new(8), drain).await });
        for start in ["", "P", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST /mcp HTTP/1.1\r\nhost:"]
        {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(start.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            let ended = timeout(HANGS, stream.read_to_end(&mut rest)).await;
            // A reset is an end too.
            assert!(matches!(ended, Ok(Ok(_) | Err(_))), "{start:?}");
        }
        ending.begin(Duration::ZERO);
        timeout(HANGS, serving).await.unwrap().unwrap();
    });
}

/// A road behind a listener, with one call that has reached an upstream which has not answered.
struct InFlight {
    agent: TcpStream,
    upstream: TcpStream,
    address: SocketAddr,
    ending: Ending,
    serving: JoinHandle<()>,
}

impl InFlight {
    async fn on(road: &Road, upstream: std::net::TcpListener, drain_time: Duration) -> Self {
        let upstream = TcpListener::from_std(upstream).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ending, drain) = drain::channel();
        let config = serve::Config { drain: drain_time, ..serve::Config::default() };
        let (service, gate) = (road.for_connections(), road.world.gate.clone());
        let serving = tokio::spawn(async move { serve::run(listener, service, &config, gate, drain).await });
        let mut agent = TcpStream::connect(address).await.unwrap();
        agent.write_all(&request()).await.unwrap();
        let (mut upstream, _) = upstream.accept().await.unwrap();
        assert!(upstream.read(&mut [0; 4096]).await.unwrap() > 0);
        Self { agent, upstream, address, ending, serving }
    }
}

fn request() -> Vec<u8> {
    let body = call("get_single_affinity_person_by_id", &json!({"id": 1})).to_string();
    crate::support::post("/mcp/s", &[("content-type", "application/json")], body.as_bytes())
}

fn road() -> (Road, std::net::TcpListener) {
    let upstream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    upstream.set_nonblocking(true).unwrap();
    let setup = Setup::new(upstream.local_addr().unwrap()).policy("s", "token: none");
    (Road::over(&setup), upstream)
}

#[test]
fn a_call_in_flight_is_answered_whole_while_the_process_ends() {
    let (road, upstream) = road();
    road.runtime.block_on(async {
        let mut in_flight = InFlight::on(&road, upstream, HANGS).await;
        // Idle ones must not hold the end up.
        let mut idle = TcpStream::connect(in_flight.address).await.unwrap();
        in_flight.ending.begin(Duration::ZERO);
        let refused = timeout(HANGS, refused(in_flight.address)).await.expect("new calls are refused in the end");
        assert!(refused.contains("retry-after: 1") && refused.contains("connection: close"), "{refused}");

        in_flight.upstream.write_all(ANSWER.as_bytes()).await.unwrap();
        let answer = read(&mut in_flight.agent).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"isError\":false"), "{answer}");
        timeout(HANGS, in_flight.serving).await.unwrap().unwrap();
        assert_eq!(read(&mut idle).await.unwrap(), "");
    });
}

#[test]
fn a_call_that_outlives_the_drain_is_cut_off_and_has_its_line() {
    let (road, upstream) = road();
    let (lines, log) = Log::calls(|| {
        road.runtime.block_on(async {
            let in_flight = InFlight::on(&road, upstream, Duration::ZERO).await;
            in_flight.ending.begin(Duration::ZERO);
            timeout(HANGS, in_flight.serving).await.unwrap().unwrap();
        });
    });
    let [line] = lines.as_slice() else { panic!("{log}") };
    assert_eq!(line["error"], "cancelled", "{line}");
}

/// The first refusal: a moment passes before the process stops taking calls in, and that is as it should be.
async fn refused(address: SocketAddr) -> String {
    let close = String::from_utf8(request()).unwrap().replacen("\r\n", "\r\nconnection: close\r\n", 1);
    loop {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(close.as_bytes()).await.unwrap();
        let answer = read(&mut stream).await.unwrap();
        if answer.starts_with("HTTP/1.1 503") {
            return answer;
        }
    }
}

/// Everything until the other side closes.
async fn read(stream: &mut TcpStream) -> io::Result<String> {
    let mut text = String::new();
    timeout(HANGS, stream.read_to_string(&mut text)).await??;
    Ok(text)
}
