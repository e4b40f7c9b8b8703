//! HTTP responses of the MCP endpoint: the status, the headers, and the JSON-RPC message in them.

use http::{HeaderValue, Response, StatusCode, header};

use super::{
    body::Body,
    era::Revision,
    fault::{self, Answer},
    jsonrpc::Id,
    reply,
};
use crate::budget::Bucket;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::spare;
use crate::trace::TraceParent;

/// A JSON response of status 200.
pub(super) fn ok(body: impl Into<Body>) -> Response<Body> {
    json(StatusCode::OK, body)
}

fn json(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = spare::headers();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What a message gets that wants no answer.
pub(super) fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// The result of a call.
pub(super) fn carried_out(id: Id<'_>, revision: Revision, outcome: &Outcome) -> Response<Body> {
    let mut response = ok(reply::tool(id, revision, &outcome.content));
    write_limit(&mut response, outcome.exchange.budget.nearest());
    response
}

/// The JSON-RPC error of a refusal that is not of a tool; the id is echoed where it is known.
#[must_use]
pub fn refused(id: Option<Id<'_>>, refusal: &Refusal, modern: bool) -> Response<Body> {
    match fault::answer(refusal, modern) {
        Answer::Protocol { status, code, message, data } => {
            json(status, reply::error(id, code, &message, data.as_ref()))
        }
        // Only calls end in tool results, and those have `refused_call`.
        Answer::Tool(map) => json(StatusCode::OK, reply::error(id, -32603, "Internal error", Some(&map.into()))),
    }
}

/// The answer to a call that was refused or failed. `pass_status`: "too much" is a 429 of HTTP too.
pub(super) fn refused_call(
    id: Id<'_>,
    revision: Revision,
    refusal: &Refusal,
    trace: TraceParent,
    pass_status: bool,
) -> Response<Body> {
    let mut map = match fault::answer(refusal, revision.modern()) {
        Answer::Tool(map) => map,
        // Some clients give their whole session up at a status of 500: a bug in one call is the trouble of that call.
        Answer::Protocol { status, code, message, .. } if status.is_server_error() => {
            let data = serde_json::json!({"trace_id": trace.trace_id()});
            return ok(reply::error(Some(id), code, &message, Some(&data)));
        }
        Answer::Protocol { .. } => return refused(Some(id), refusal, revision.modern()),
    };
    map.insert("trace_id".into(), trace.trace_id().into());
    let limited = match refusal {
        Refusal::Limited(_) => true,
        Refusal::Remote(remote) => remote.status == 429,
        _ => false,
    };
    let body = serde_json::Value::Object(map).to_string().into();
    let status = if limited && pass_status { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
    let mut response = json(status, reply::tool_json(id, revision, &body, true));
    write_limit(&mut response, refusal.limits());
    if let Some(seconds) = refusal.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn write_limit(response: &mut Response<Body>, nearest: Option<&Bucket>) {
    if let Some(bucket) = nearest {
        bucket.write(response.headers_mut());
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_bug_in_a_call_is_an_error_of_that_call_and_says_where_to_look() {
        let (id, trace) = (Id::of("7").unwrap(), TraceParent::fresh());
        let refusal = Refusal::Internal("secret detail".into());
        let response = refused_call(id, Revision::V2025November, &refusal, trace, false);
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let reply: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&reply["id"], &reply["error"]["code"]), (&7.into(), &(-32603).into()));
        assert_eq!(reply["error"]["data"]["trace_id"], trace.trace_id());
        assert!(!reply.to_string().contains("secret"));
    }
}
