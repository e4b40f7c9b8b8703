//! What a collector says of an export (OTLP specification, "OTLP/gRPC Response" and "OTLP/HTTP Response").
//!
//! Its own words are not told: they may repeat what is in a span.

use std::time::Duration;

use base64::{Engine as _, engine::DecodePaddingMode, engine::general_purpose::GeneralPurposeConfig};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::Collected;

use crate::telemetry::protobuf::{Fields, Value};

/// Names of the codes of gRPC, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// An export that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Spans of it that were not.
    pub(crate) rejected: u64,
}

/// An export that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// Why, for the log.
    pub(crate) text: String,
    /// May it be sent again?
    pub(crate) again: Again,
}

/// May an export that failed be sent again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It would fail again.
    No,
    /// Yes, after a pause of at least this long.
    Yes(Option<Duration>),
}

/// What an answer over HTTP says.
pub(super) fn of_http(answer: Response<Collected<Bytes>>) -> Result<Taken, Failed> {
    let (head, body) = answer.into_parts();
    if head.status.is_success() {
        return Ok(taken(&body.to_bytes()));
    }
    Err(refused(head.status, &head.headers))
}

/// What an answer over gRPC says (gRPC over HTTP/2, "Responses").
pub(super) fn of_grpc(answer: Response<Collected<Bytes>>) -> Result<Taken, Failed> {
    let (head, body) = answer.into_parts();
    let trailers = body.trailers();
    let told = |name: &str| trailers.and_then(|trailers| trailers.get(name)).or_else(|| head.headers.get(name));
    let Some(code) = told("grpc-status").and_then(|code| code.to_str().ok()?.parse::<usize>().ok()) else {
        return Err(if head.status == StatusCode::OK {
            Failed { text: "the collector answered without a gRPC status".into(), again: Again::No }
        } else {
            refused(head.status, &head.headers)
        });
    };
    let delay = told("grpc-status-details-bin").and_then(|details| retry_delay(details.as_bytes()));
    let again = match code {
        // Flag and length stand before the message.
        0 => return Ok(taken(body.to_bytes().get(5..).unwrap_or_default())),
        1 | 4 | 10 | 11 | 14 | 15 => Again::Yes(delay),
        8 if delay.is_some() => Again::Yes(delay),
        _ => Again::No,
    };
    let name = CODES.get(code).copied().unwrap_or("no known code");
    Err(Failed { text: format!("the collector answered with gRPC status {code} ({name})"), again })
}

fn refused(status: StatusCode, headers: &HeaderMap) -> Failed {
    let again = match status.as_u16() {
        429 | 502 | 503 | 504 => Again::Yes(retry_after(headers)),
        _ => Again::No,
    };
    Failed { text: format!("the collector answered with HTTP status {status}"), again }
}

/// `Retry-After` in seconds; a date is not understood.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// `rejected_spans` of `ExportTracePartialSuccess` in `ExportTraceServiceResponse`.
fn taken(response: &[u8]) -> Taken {
    let partial = bytes_of(response, 1).unwrap_or_default();
    Taken { rejected: number_of(partial, 1).unwrap_or(0) }
}

/// `google.rpc.RetryInfo` among the details of `google.rpc.Status`, in base64 with or without padding.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
    let status = engine.decode(details).ok()?;
    let mut details = Fields(&status).filter_map(|field| match field {
        (3, Value::Bytes(detail)) => Some(detail),
        _ => None,
    });
    let retry = details.find(|any| bytes_of(any, 1).is_some_and(|kind| kind.ends_with(b"/google.rpc.RetryInfo")))?;
    let delay = bytes_of(bytes_of(retry, 2)?, 1)?;
    Some(Duration::from_secs(number_of(delay, 1).unwrap_or(0)))
}

fn bytes_of(message: &[u8], field: u32) -> Option<&[u8]> {
    Fields(message).find_map(|(number, value)| match value {
        Value::Bytes(bytes) if number == field => Some(bytes),
        _ => None,
    })
}

fn number_of(message: &[u8], field: u32) -> Option<u64> {
    Fields(message).find_map(|(number, value)| match value {
        Value::Number(value) if number == field => Some(value),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};
    use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
    use prost::Message as _;

    use super::*;
    use crate::telemetry::protobuf::Message;

    async fn answer(status: u16, headers: &[(&'static str, &str)], body: Vec<u8>) -> Response<Collected<Bytes>> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(Full::new(Bytes::from(body)).collect().await.unwrap()).unwrap()
    }

    fn partial(rejected_spans: i64) -> Vec<u8> {
        let error_message = "no room".into();
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
        ExportTraceServiceResponse { partial_success }.encode_to_vec()
    }

    #[tokio::test]
    async fn what_was_rejected_of_an_export_that_was_taken_is_known() {
        for (body, rejected) in [(Vec::new(), 0), (partial(0), 0), (partial(7), 7), (vec![0xff; 4], 0)] {
            assert_eq!(of_http(answer(200, &[], body.clone()).await), Ok(Taken { rejected }), "{body:?}");
            let length = u32::try_from(body.len()).unwrap().to_be_bytes();
            let framed = [&[0], &length[..], &body].concat();
            assert_eq!(of_grpc(answer(200, &[("grpc-status", "0")], framed).await), Ok(Taken { rejected }));
        }
    }

    #[tokio::test]
    async fn what_may_pass_is_sent_again_and_nothing_else() {
        let seconds = |seconds| Again::Yes(Some(Duration::from_secs(seconds)));
        for (status, headers, again) in [
            (400, &[][..], Again::No),
            (401, &[("retry-after", "3")], Again::No),
            (413, &[], Again::No),
            (429, &[("retry-after", "3")], seconds(3)),
            (429, &[("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")], Again::Yes(None)),
            (500, &[], Again::No),
            (502, &[], Again::Yes(None)),
            (503, &[], Again::Yes(None)),
            (504, &[], Again::Yes(None)),
        ] {
            for judged in
                [of_http(answer(status, headers, Vec::new()).await), of_grpc(answer(status, headers, Vec::new()).await)]
            {
                let failed = judged.unwrap_err();
                assert_eq!(failed.again, again, "{status} {headers:?}");
                assert!(failed.text.contains(&status.to_string()), "{}", failed.text);
            }
        }
        let mut details = Vec::new();
        Message(&mut details).message(3, |any| {
            any.bytes(1, b"type.googleapis.com/google.rpc.RetryInfo");
            any.message(2, |info| info.message(1, |delay| delay.number(1, 5)));
        });
        let details = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&details);
        for (code, details, again) in [
            ("1", None, Again::Yes(None)),
            ("2", None, Again::No),
            ("8", None, Again::No),
            ("8", Some(details.as_str()), seconds(5)),
            ("8", Some("bm8gc3RhdHVz"), Again::No),
            ("14", None, Again::Yes(None)),
            ("14", Some(details.as_str()), seconds(5)),
            ("16", Some(details.as_str()), Again::No),
            ("99", None, Again::No),
        ] {
            let mut headers = vec![("grpc-status", code)];
            headers.extend(details.map(|details| ("grpc-status-details-bin", details)));
            assert_eq!(of_grpc(answer(200, &headers, Vec::new()).await).unwrap_err().again, again, "{headers:?}");
        }
        let text = of_grpc(answer(200, &[("grpc-status", "14")], Vec::new()).await).unwrap_err().text;
        assert_eq!(text, "the collector answered with gRPC status 14 (UNAVAILABLE)");
        assert_eq!(of_grpc(answer(200, &[], Vec::new()).await).unwrap_err().again, Again::No);
    }
}
