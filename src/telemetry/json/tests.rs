use std::{
    io,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use proptest::prelude::*;
use tracing::Dispatch;

use super::*;
use crate::budget::Bucket;
use crate::call::Caller;
use crate::outcome::{Attempt, Exchange};
use crate::telemetry::finished::{Failure, Finished, Limit};
use crate::telemetry::span::tests::finished;
use crate::telemetry::{Config, access, log};

const GET: &str = "get_single_affinity_person_by_id";
/// As long as what lines of the same event may differ in.
const TIMESTAMP: &str = r#"{"timestamp":"2026-11-22T20:17:32.123456Z"#;

/// What one way of writing has written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn of(dispatch: impl FnOnce(Self) -> Dispatch, work: impl Fn()) -> String {
        // With a subscriber for every thread, none that has none switches an event off for all.
        static EVERYWHERE: Once = Once::new();
        EVERYWHERE.call_once(|| {
            let _ = tracing::dispatcher::set_global_default(log(&trace(), io::sink, false).unwrap());
        });
        let written = Self::default();
        tracing::dispatcher::with_default(&dispatch(written.clone()), work);
        let bytes = written.0.lock().unwrap();
        str::from_utf8(&bytes).unwrap().to_owned()
    }
}

fn trace() -> Config {
    Config { level: "trace".into(), ..Config::default() }
}

/// The line of something, after it was compared with that of `tracing-subscriber`; both without the timestamp.
fn line(work: impl Fn()) -> String {
    let ours = Written::of(|to| log(&trace(), move || to.clone(), false).unwrap(), &work);
    let theirs = |to: Written| {
        let builder = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || to.clone());
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).finish().into()
    };
    let theirs = Written::of(theirs, &work);
    let line = |written: &str| written[TIMESTAMP.len()..].to_owned();
    assert_eq!(line(&ours), line(&theirs));
    let read: serde_json::Value = serde_json::from_str(&ours).unwrap();
    let timestamp: Timestamp = read["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(Timestamp::now().duration_since(timestamp).as_secs() < 60);
    line(&ours)
}

/// A call of which everything is known, by a client of this name.
fn full(client: &str) -> Finished {
    let call = finished("tools/call", Some(GET));
    let attempt = Attempt {
        span_id: 0x20,
        method: http::Method::GET,
        elsewhere: None,
        resend: 1,
        status: Some(429),
        remaining: None,
        begun: call.begun,
        duration: Duration::from_micros(3001),
    };
    let exchange = Exchange {
        status: Some(429),
        requests: 2,
        elapsed: Duration::from_millis(8),
        queued: Duration::from_micros(7),
        received: u64::MAX,
        attempts: vec![attempt],
        ..Exchange::default()
    };
    let bucket = Bucket { scope: "user".into(), limit: 900, remaining: 0, reset: None, window: None };
    let limit = Limit { rule: None, bucket: Some(bucket), retry_after: Some(0) };
    Finished {
        caller: Caller {
            api_token: Some("alice".into()),
            client: Some(client.into()),
            client_version: Some("1.0".into()),
        },
        failure: Some(Failure { limit, ..Failure::unanswered("upstream_rate_limited") }),
        exchange: exchange.into(),
        ..call
    }
}

#[test]
fn the_line_of_a_call_has_every_field_that_is_known_in_its_order() {
    assert_eq!(
        line(|| access::write(&full("agent"))),
        concat!(
            r#"","level":"INFO","message":"call","trace_id":"00000000000000000000000000000abc","server.name":"s","#,
            r#""server.id":"file:s","account":"acme","tool":"get_single_affinity_person_by_id","decision":"allow","#,
            r#""rule":"methods: read","error":"upstream_rate_limited","ratelimit.scope":"user","#,
            r#""ratelimit.limit":900,"retry_after":0,"upstream.status":429,"upstream.requests":2,"#,
            r#""upstream.resent":1,"upstream.queued_us":7,"duration_us":9000,"upstream.duration_us":8000,"#,
            r#""upstream.bytes":18446744073709551615,"client.name":"agent","client.version":"1.0","#,
            r#""api_token":"alice","target":"chaperone::access"}"#,
            "\n"
        )
    );
    assert_eq!(
        line(|| access::write(&finished("tools/call", Some("no \"such\"\ntool")))),
        concat!(
            r#"","level":"INFO","message":"call","trace_id":"00000000000000000000000000000abc","server.name":"s","#,
            r#""server.id":"file:s","account":"acme","tool":"no \"such\"�tool","decision":"deny","#,
            r#""rule":"no such tool","upstream.requests":0,"upstream.resent":0,"upstream.queued_us":0,"#,
            r#""duration_us":9000,"upstream.duration_us":0,"upstream.bytes":0,"target":"chaperone::access"}"#,
            "\n"
        )
    );
}

#[test]
fn a_client_can_name_itself_whatever_it_likes() {
    for (name, expected) in [
        (r#"","level":"ERROR"#, r#"\",\"level\":\"ERROR"#),
        (r"\", r"\\"),
        ("a\nb\r\u{1b}[31m\u{9b}\u{0}\u{7f}", "a\u{fffd}b\u{fffd}\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}"),
        ("\u{2028}é\u{1f600}", "\u{2028}é\u{1f600}"),
        ("", ""),
    ] {
        let line = line(|| access::write(&full(name)));
        assert!(line.contains(&format!(r#""client.name":"{expected}","client.version""#)), "{line}");
    }
}

#[test]
fn every_kind_of_value_is_written_as_before() {
    struct Shown;
    impl fmt::Debug for Shown {
        fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            to.write_str("in \"pieces\"\n")?;
            to.write_str("\u{8}\u{c}\t\u{1f}\\")
        }
    }
    line(|| tracing::error!(least = i64::MIN, most = u64::MAX, zero = 0, "numbers {}", 10));
    line(|| {
        tracing::warn!(yes = true, no = false, third = 1.0 / 3.0, whole = 1e21, nan = f64::NAN, inf = f64::INFINITY);
    });
    line(|| tracing::debug!(wide = u128::MAX, bytes = &b"\x00\xff"[..], shown = ?Shown, none = None::<u64>));
    line(|| tracing::trace!(target: "quoted \"target\"", r#type = 2, empty = "", "quoted \"name\"" = 1));
    let error: &(dyn std::error::Error + 'static) = &io::Error::other("a \"cause\"");
    line(|| tracing::info!(error, "{:?}", Shown));
}

#[test]
fn moments_are_told_in_utc_to_the_microsecond() {
    for (nanos, expected) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (999, "1970-01-01T00:00:00.000000Z"),
        (1_709_164_799_999_999_999, "2024-02-28T23:59:59.999999Z"),
        (1_709_164_800_000_001_000, "2024-02-29T00:00:00.000001Z"),
        (1_795_378_652_123_456_789, "2026-11-22T20:17:32.123456Z"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000Z"),
    ] {
        let mut told = String::new();
        moment(&mut told, SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)).unwrap();
        assert_eq!(told, expected);
    }
}

proptest! {
    #[test]
    fn a_text_is_escaped_as_serde_json_does(text in "(?s)([\"\\\\\u{0}-\u{1f}]|[a-z]{1,20}|[é€😀]|.){0,5}") {
        let mut escaped = String::new();
        escape(&mut escaped, &text);
        prop_assert_eq!(format!("\"{escaped}\""), serde_json::to_string(&text).unwrap());
    }
}
