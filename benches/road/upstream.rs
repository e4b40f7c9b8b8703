//! The upstream: answers every question with a list of 547 bytes, as Affinity would, with its rate-limit headers.
//!
//! It understands the REST request that chaperone makes of a call and the MCP request that the floor forwards, and
//! puts the caller's query into the answer, so that an answer proves which question it belongs to.

use std::convert::Infallible;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::request::{DIGITS, QUERY_PREFIX, SERVER};
use crate::{Error, process};

/// Bytes of an answer's body: three people, a common small list.
const ANSWER_BYTES: usize = 547;
/// Where the query stands in the answer.
const HOLE: &str = "?????????????????";

const TEMPLATE: &str = concat!(
    r#"{"persons":[{"id":38706,"type":0,"first_name":"?????????????????","last_name":"Doe","#,
    r#""primary_email":"jane.doe@acme.example","emails":["jane.doe@acme.example"],"#,
    r#""organization_ids":[3209384]},"#,
    r#"{"id":624289,"type":1,"first_name":"Allison","last_name":"Reyes","#,
    r#""primary_email":"allison@globex.example","emails":["allison@globex.example"],"#,
    r#""organization_ids":[3209384]},"#,
    r#"{"id":971107,"type":0,"first_name":"Ravi","last_name":"Chan","#,
    r#""primary_email":"ravi@initech.example","emails":["ravi@initech.example"],"#,
    r#""organization_ids":[88131]}],"next_page_token":null}"#,
);

// Checked by the compiler: a list of another length would be another bench.
const _: () = assert!(TEMPLATE.len() == ANSWER_BYTES && HOLE.len() == QUERY_PREFIX.len() + DIGITS);

/// Serves on a free loopback port until it is killed.
pub(crate) async fn run() -> Result<Infallible, Error> {
    let hole = TEMPLATE.find(HOLE).expect("the template has a hole");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    process::announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(move |request| answer(request, hole));
        // A connection that breaks is the contender's to notice.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, hole: usize) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    // The body is taken in whatever it says: a real upstream would.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let query = match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/persons") => parts.uri.query().and_then(find_query),
        (&Method::POST, path) if path.strip_prefix("/mcp/") == Some(SERVER) => {
            std::str::from_utf8(&body).ok().and_then(find_query)
        }
        _ => None,
    };
    Ok(query.map_or_else(|| refusal(&parts), |query| list(query, hole)))
}

fn refusal(parts: &Parts) -> Response<Full<Bytes>> {
    let text = format!(r#"["expected a search for {QUERY_PREFIX}…, got {} {}"]"#, parts.method, parts.uri);
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    response
}

/// The query in a URL's query string or in a JSON body: nothing in it needs escaping in either.
fn find_query(text: &str) -> Option<&str> {
    let start = text.find(QUERY_PREFIX)?;
    text.get(start..start + QUERY_PREFIX.len() + DIGITS)
}

fn list(query: &str, hole: usize) -> Response<Full<Bytes>> {
    let mut body = TEMPLATE.as_bytes().to_vec();
    body[hole..hole + HOLE.len()].copy_from_slice(query.as_bytes());
    Response::builder()
        .header("content-type", "application/json; charset=utf-8")
        .header("x-ratelimit-limit-user", "900")
        .header("x-ratelimit-limit-user-remaining", "812")
        .header("x-ratelimit-limit-user-reset", "37")
        .header("x-ratelimit-limit-org", "100000")
        .header("x-ratelimit-limit-org-remaining", "90713")
        .header("x-ratelimit-limit-org-reset", "806400")
        .body(Full::from(body))
        .expect("constant headers are valid")
}
