//! The parts of the bench that a wrong number could come from. A bench is built without the test harness, so their
//! tests are here.

#[path = "../benches/road/answer.rs"]
mod answer;
#[path = "../benches/road/request.rs"]
mod request;
#[path = "../benches/road/stats.rs"]
mod stats;

use std::time::Duration;

use answer::{Extent, extent, judge};
use request::{Dialect, FIRST_NUMBER, Request};
use stats::{Spread, quantile};

const DIGITS: [u8; 12] = *b"100000000007";

#[test]
fn an_answer_is_whole_when_its_content_length_is_there() {
    let whole = b"HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length: 2\r\n\r\n{}";
    for cut in 0..whole.len() {
        assert_eq!(extent(&whole[..cut]), Ok(Extent::Incomplete), "{cut}");
    }
    assert_eq!(extent(whole), Ok(Extent::Complete { whole: whole.len(), body: 2 }));
}

#[test]
fn an_answer_with_another_status_or_no_length_is_a_fault() {
    for wrong in ["HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        assert!(extent(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn only_the_list_that_was_asked_for_is_right() {
    let cases = [
        (Dialect::Rest, r#"{"persons":[{"first_name":"road-100000000007"}]}"#, true),
        (Dialect::Rest, r#"{"persons":[{"first_name":"road-100000000008"}]}"#, false),
        (Dialect::Rest, r#"["road-100000000007"]"#, false),
        (Dialect::Mcp, r#"{"result":{"text":"road-100000000007"}}"#, true),
        (Dialect::Mcp, r#"{"id":100000000007,"result":{"text":"road-100000000008"}}"#, false),
        (Dialect::Mcp, r#"{"result":{"text":"road-100000000007","isError":true}}"#, false),
        (Dialect::Mcp, r#"{"error":{"message":"road-100000000007"}}"#, false),
    ];
    for (dialect, body, right) in cases {
        assert_eq!(judge(body.as_bytes(), dialect, DIGITS).is_ok(), right, "{body}");
    }
}

#[test]
fn a_request_holds_its_number_in_a_body_of_the_length_it_says() {
    let mut request = Request::to(([127, 0, 0, 1], 80).into());
    for number in [FIRST_NUMBER, FIRST_NUMBER + 77] {
        let (bytes, _) = request.numbered(number);
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["id"], number);
        assert_eq!(body["params"]["arguments"]["query"], format!("road-{number}"));
    }
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
