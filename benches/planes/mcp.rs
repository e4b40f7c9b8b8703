//! The seam to MCP: reading a message, writing an answer, and the whole seam over a call plane that answers at once.

use std::future::ready;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chaperone::call::Call;
use chaperone::mcp::era::{self, Revision};
use chaperone::mcp::jsonrpc::{self, Id, Message};
use chaperone::mcp::reply;
use chaperone::mcp::terminate::{self, Terminate};
use chaperone::outcome::Outcome;
use chaperone::refusal::Refusal;
use chaperone::telemetry::observer::Observer;
use http::HeaderMap;
use tower::{ServiceExt, service_fn};

use crate::Error;
use crate::measure::Bench;
use crate::scene::{CALL, Scene, call_request, list_request, people};

/// Measures the seam; the call plane answers with `outcome`.
pub(crate) fn bench(bench: &mut Bench, scene: &Scene, outcome: &Outcome) -> Result<(), Error> {
    let headers = call_request().headers().clone();
    bench.measure("mcp/read", || (), async |()| read(&headers));
    let id = Id::of("100000000000").ok_or("expected a number to be an id")?;
    for (name, count) in [("mcp/write a result of 500 B", 3), ("mcp/write a result of 150 KB", 900)] {
        let json = Bytes::from(people(count));
        bench.measure(name, || (), async |()| reply::tool_json(id, Revision::V2026July, &json, false));
    }
    let answers: Arc<Mutex<Vec<Outcome>>> = Arc::default();
    let answered = answers.clone();
    let calls = service_fn(move |_: Call| {
        let outcome = answered.lock().expect("nobody panics with it").pop();
        ready(outcome.ok_or_else(|| Refusal::Internal("expected an answer for each call".into())))
    });
    let config =
        terminate::Config { max_body: scene.config.edge.max_body, call_timeout: scene.config.upstream.call_timeout };
    let seam = Terminate::new(calls, config, Observer::quiet()?);
    let call = || {
        answers.lock().expect("nobody panics with it").push(outcome.clone());
        scene.identified(call_request())
    };
    bench.measure("mcp/tools/call without the call plane", call, async |request| {
        seam.clone().oneshot(request).await.is_ok()
    });
    let list = || scene.identified(list_request());
    bench.measure("mcp/tools/list of 53 tools", list, async |request| seam.clone().oneshot(request).await.is_ok());
    Ok(())
}

/// Reads the call, and judges of which revision it is and what it asks.
fn read(headers: &HeaderMap) -> bool {
    match jsonrpc::read(CALL.as_bytes()) {
        Ok(Message::Request(request)) => era::route(headers, &request).is_ok(),
        _ => false,
    }
}
