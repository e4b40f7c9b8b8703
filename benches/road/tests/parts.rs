//! The parts of the bench that a wrong number could come from. A bench is built without the test harness, so their
//! tests are here.

#[path = "../answer.rs"]
mod answer;
#[path = "../collector.rs"]
#[expect(dead_code, reason = "only its reading of messages is tested here")]
mod collector;
#[path = "../exchange.rs"]
mod exchange;
#[path = "../gentle.rs"]
mod gentle;
#[path = "../payload.rs"]
#[expect(dead_code, reason = "only the lists are tested here")]
mod payload;
#[path = "../stalls.rs"]
mod stalls;
#[path = "../stats.rs"]
mod stats;

use std::time::{Duration, Instant};

use answer::{Body, Chunk, head, judge};
use bytes::Buf as _;
use exchange::{Exchange, FIRST_NUMBER, Request, SERVER_HOLE};
use payload::Payload;
use stalls::Stalls;
use stats::{Spread, quantile};

type Error = Box<dyn std::error::Error + Send + Sync>;

const NUMBER: u64 = FIRST_NUMBER + 7;

#[test]
fn a_head_says_how_the_end_of_the_body_is_known() {
    let sized = b"HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length: 2\r\n\r\n";
    for cut in 0..sized.len() {
        assert_eq!(head(&sized[..cut]), Ok(None), "{cut}");
    }
    assert_eq!(head(sized), Ok(Some((sized.len(), Body::Sized(2)))));
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(head(chunked), Ok(Some((chunked.len(), Body::Chunked(Chunk::Size(0))))));
}

#[test]
fn an_answer_with_another_status_or_no_length_is_a_fault() {
    for wrong in ["HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        assert!(head(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn a_body_is_whole_at_its_last_byte_however_it_is_cut() {
    let chunked = b"2\r\nab\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
    for (whole, start) in [(&chunked[..], Body::Chunked(Chunk::Size(0))), (b"0123456789", Body::Sized(10))] {
        for cut in 1..whole.len() {
            let mut body = start;
            assert_eq!(body.take(&whole[..cut]), Ok(false), "{cut}");
            assert_eq!(body.take(&whole[cut..]), Ok(true), "{cut}");
            assert!(body.take(b"x").is_err());
        }
    }
}

#[test]
fn only_the_list_that_was_asked_for_is_right() {
    let mcp = Exchange::call("road", "t");
    let rest = mcp.clone().answered_by(r#""persons":["#);
    let cases = [
        (&rest, r#"{"persons":[{"first_name":"road-100000000007"}]}"#, true),
        (&rest, r#"{"persons":[{"first_name":"road-100000000008"}]}"#, false),
        (&rest, r#"["road-100000000007"]"#, false),
        (&mcp, r#"{"result":{"text":"road-100000000007"}}"#, true),
        (&mcp, r#"{"id":100000000007,"result":{"text":"road-100000000008"}}"#, false),
        (&mcp, r#"{"result":{"text":"road-100000000007","isError":true}}"#, false),
        (&mcp, r#"{"error":{"message":"road-100000000007"}}"#, false),
        (&Exchange::list("road"), r#"{"result":{"tools":[]}}"#, true),
    ];
    for (exchange, body, right) in cases {
        assert_eq!(judge(body.as_bytes(), body.as_bytes(), exchange, NUMBER).is_ok(), right, "{body}");
    }
}

#[test]
fn a_request_holds_its_numbers_in_a_body_of_the_length_it_says() {
    let exchange = Exchange { servers: 100, ..Exchange::call(&format!("road-{SERVER_HOLE}"), "t") };
    let mut request = Request::new(&exchange, ([127, 0, 0, 1], 80).into());
    for number in [FIRST_NUMBER, FIRST_NUMBER + 177] {
        let text = std::str::from_utf8(request.numbered(number)).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("POST /mcp/road-000{:02} ", number % 100)), "{head}");
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["id"], number);
        assert_eq!(body["params"]["arguments"]["query"], format!("road-{number}"));
    }
}

#[test]
fn a_payload_is_a_list_of_its_size_with_room_for_the_query() {
    let all = [
        Payload::People,
        Payload::Bytes200,
        Payload::Kilobytes5,
        Payload::Kilobytes150,
        Payload::Kilobytes340,
        Payload::Megabytes5,
    ];
    for payload in all {
        let (mut text, hole) = payload.template();
        let query = exchange::query(NUMBER);
        text[hole..hole + query.len()].copy_from_slice(&query);
        assert_eq!(text.len(), payload.bytes(), "{payload:?}");
        assert!(text.starts_with(format!("{{{}", payload.list()).as_bytes()), "{payload:?}");
        let list: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert!(list[payload.list().split('"').nth(1).unwrap()][0].to_string().contains("road-100000000007"));
    }
}

#[test]
fn spans_are_counted_at_the_end_of_their_way() {
    // A message whose field 1 holds two of field 2, which hold two and one of field 2; and a number in field 3.
    let inner = |spans: u8| [&[0x12, 3 * spans][..], &[0x12, 1, 0].repeat(spans.into())].concat();
    let middle = [inner(2), inner(1), vec![0x18, 0x96, 0x01]].concat();
    let message = [&[0x0a, u8::try_from(middle.len()).unwrap()][..], &middle].concat();
    for cut in 0..message.len() {
        let mut pieces = message[..cut].chain(&message[cut..]);
        assert_eq!(collector::count(&mut pieces, message.len(), &[1, 2, 2]), Some(3), "{cut}");
        assert_eq!(pieces.remaining(), 0);
    }
    assert_eq!(collector::count(&mut &b""[..], 0, &[1, 2, 2]), Some(0));
    assert_eq!(collector::count(&mut &message[..], message.len() - 1, &[1, 2, 2]), None);
}

#[test]
fn a_median_is_the_middle_or_between_the_two_middles() {
    assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
    assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
}

#[test]
fn no_values_and_no_numbers_have_no_spread() {
    assert_eq!(Spread::of([]), None);
    assert_eq!(Spread::of([1.0, f64::NAN]), None);
}

#[test]
fn a_quantile_is_the_value_of_nearest_rank() {
    let sorted: Vec<_> = (1..=200).map(Duration::from_micros).collect();
    for (per_mille, micros) in [(500, 100), (990, 198), (999, 200), (1000, 200), (1, 1)] {
        assert_eq!(quantile(&sorted, per_mille), Some(Duration::from_micros(micros)), "{per_mille}");
    }
    assert_eq!(quantile(&[], 500), None);
}

#[test]
fn what_was_under_way_while_the_load_stood_still_or_follows_from_it_is_known() {
    let (begun, mut stalls) = (Instant::now(), Stalls::default());
    let at = |millis: u64| begun + Duration::from_millis(millis);
    for micros in (0..10_000).step_by(100) {
        stalls.look(begun + Duration::from_micros(micros), || Duration::ZERO);
    }
    // It had much to do, and its core.
    stalls.look(at(11), || Duration::from_micros(20));
    assert!(!stalls.touch(at(0), at(9_000)));
    stalls.look(at(11), || Duration::from_micros(20));
    // From 11 ms to 14 ms, and three times as long again.
    for (millis, waited) in [(14, 3_000), (15, 3_900), (100, 88_000)] {
        stalls.look(at(millis), || Duration::from_micros(waited));
        stalls.look(at(millis) + Duration::from_micros(50), || Duration::from_micros(waited));
    }
    for (from, to, expected) in
        [(0, 9, false), (9, 10, false), (12, 12, true), (0, 40, true), (14, 15, true), (26, 27, true), (90, 91, true)]
    {
        assert_eq!(stalls.touch(at(from), at(to)), expected, "{from} {to}");
    }
    assert!(!stalls.touch(at(400), at(500)));
}

#[test]
fn a_thread_that_has_to_share_its_core_knows_how_long_it_waited() {
    let waited = stalls::Waited::of_this_thread().unwrap();
    let before = waited.read();
    let cores = std::thread::available_parallelism().unwrap().get();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..cores * 2 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        while waited.read() == before {}
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(waited.read() > before);
}
