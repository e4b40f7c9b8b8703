//! The seam to the upstream: an order carried out against a server that answers at once, and what hyper takes of it.

use std::net::SocketAddr;

use bytes::Bytes;
use chaperone::outcome::Outcome;
use chaperone::upstream::Upstream;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::measure::{Bench, Cost};
use crate::scene::Scene;
use crate::{Error, canned, scene};

/// What hyper takes for the request of one call.
pub(crate) struct Hyper {
    /// With its pooled client, which chaperone does without.
    pub(crate) pooled: Cost,
    /// On one connection, which is what chaperone's pool keeps.
    pub(crate) bare: Cost,
}

/// Measures the way there and back; comes with an outcome for others to answer with.
pub(crate) fn bench(bench: &mut Bench) -> Result<(Outcome, Hyper), Error> {
    let small = canned::affinity(&scene::people(3))?;
    let hyper = Hyper { pooled: pooled(bench, small)?, bare: bare(bench, small)? };
    let outcome = carry_out(bench, "upstream/answer of 500 B", small)?;
    carry_out(bench, "upstream/answer of 150 KB", canned::affinity(&scene::people(900))?)?;
    Ok((outcome, hyper))
}

fn carry_out(bench: &mut Bench, name: &str, address: SocketAddr) -> Result<Outcome, Error> {
    let scene = Scene::new(address, "")?;
    let upstream = Upstream::new(&scene.config.upstream)?;
    bench.measure(name, || scene.order(), async |order| upstream.carry_out(order).await.is_ok());
    let outcome = bench.block_on(upstream.carry_out(scene.order()));
    outcome.map_err(|refusal| format!("expected an outcome, got the refusal {}", refusal.kind()).into())
}

/// hyper's pooled client.
fn pooled(bench: &mut Bench, address: SocketAddr) -> Result<Cost, Error> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).timer(TokioTimer::new()).pool_timer(TokioTimer::new()).build(connector);
    let cost = bench.measure(
        "upstream/hyper's client alone",
        || request(address, &absolute(address)),
        async |request| read(client.request(request).await.ok()?.into_body()).await,
    );
    answered(&bench.block_on(client.request(request(address, &absolute(address))))?)?;
    Ok(cost)
}

/// A connection of hyper's, and a request on it after another.
fn bare(bench: &mut Bench, address: SocketAddr) -> Result<Cost, Error> {
    let mut connection: SendRequest<Full<Bytes>> = bench.block_on(async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok::<_, Error>(sender)
    })?;
    let cost = bench.measure(
        "upstream/hyper's connection alone",
        || request(address, PATH),
        async |request| {
            connection.ready().await.ok()?;
            read(connection.send_request(request).await.ok()?.into_body()).await
        },
    );
    answered(&bench.block_on(connection.send_request(request(address, PATH)))?)?;
    Ok(cost)
}

fn answered(response: &http::Response<Incoming>) -> Result<(), Error> {
    if response.status().is_success() { Ok(()) } else { Err(format!("got {}", response.status()).into()) }
}

/// Reads a body to its end and keeps nothing: what keeps it is not hyper's.
async fn read(mut body: Incoming) -> Option<usize> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.ok()?.data_ref().map_or(0, Bytes::len);
    }
    Some(length)
}

const PATH: &str = "/persons?term=road-100000000000&page_size=100";

fn absolute(address: SocketAddr) -> String {
    format!("http://{address}{PATH}")
}

/// The request that chaperone makes of the call.
fn request(address: SocketAddr, target: &str) -> Request<Full<Bytes>> {
    let mut request = Request::get(target)
        .header("user-agent", concat!("chaperone/", env!("CARGO_PKG_VERSION")))
        .header("accept", "application/json")
        .header("authorization", "Bearer road-key");
    if !target.starts_with("http") {
        // The pooled client adds it itself.
        request = request.header("host", address.to_string());
    }
    request.body(Full::default()).expect("constant headers are valid")
}
