//! What is read and answered here is what hyper would have read and answered.

use std::{collections::BTreeMap, pin::pin, rc::Rc};

use futures_util::FutureExt as _;
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::{server::conn, service::service_fn};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::timeout,
};

use super::super::{Config, Door, connection};
use super::*;
use crate::mcp::body::Body as Pieces;

/// Longer than anything that is waited for.
const LONG: Duration = Duration::from_secs(1_000);

/// Says what it was asked, so that whoever understood it otherwise answers otherwise.
async fn echo(request: Request<Incoming>) -> Result<Response<Pieces>, Infallible> {
    let (parts, body) = request.into_parts();
    // Of fields of other names the order says nothing (RFC 9110 section 5.3).
    let fields: BTreeMap<_, Vec<_>> =
        parts.headers.keys().map(|name| (name.as_str(), parts.headers.get_all(name).iter().collect())).collect();
    let asked = format!("{} {} {fields:?}", parts.method, parts.uri);
    let Ok(body) = body.collect().await else { return Ok(Response::new(Bytes::from("broken off").into())) };
    let [asked, body] = [asked.into(), body.to_bytes()];
    let mut response = Response::new(Pieces::escaping(body, [asked, "\r\n".into(), Bytes::new(), Bytes::new()]));
    match parts.uri.path() {
        "/last" => drop(response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"))),
        "/none" => {
            *response.status_mut() = StatusCode::NO_CONTENT;
            *response.body_mut() = Pieces::default();
        }
        "/empty" => *response.body_mut() = Pieces::default(),
        _ => {}
    }
    Ok(response)
}

async fn ours(io: DuplexStream) {
    let road = connection::Heard::new(tower::service_fn(echo));
    let _ = Door::new(&Config::default()).converse(io, road, Note::default(), Word::default()).await;
}

async fn hypers(io: DuplexStream) {
    let road = connection::Heard::new(tower::service_fn(echo));
    let _ = conn::http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(super::super::LARGEST_HEAD)
        .serve_connection(TokioIo::new(io), road)
        .await;
}

/// What comes back for these pieces with a pause between them, the end after them if the client `ends`; and whether the
/// connection was ended.
async fn answers<F: Future<Output = ()> + 'static>(
    serve: impl FnOnce(DuplexStream) -> F,
    pieces: &[Vec<u8>],
    pause: Duration,
    ends: bool,
) -> (Vec<u8>, bool) {
    let (client, io) = duplex(1 << 20);
    let (mut read, mut write) = tokio::io::split(client);
    let task = tokio::task::spawn_local(serve(io));
    for piece in pieces {
        // Who has ended the connection reads no more.
        let _ = write.write_all(piece).await;
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    if ends {
        let _ = write.shutdown().await;
    }
    let mut all = Vec::new();
    let mut ended = true;
    loop {
        match timeout(LONG, read.read_buf(&mut all)).await {
            Ok(Ok(1..)) => {}
            Ok(_) => break,
            Err(_) => {
                ended = false;
                break;
            }
        }
    }
    task.abort();
    (all, ended)
}

type Told = (u16, BTreeMap<String, Vec<u8>>, Vec<u8>);

/// The answers one by one, without their dates.
fn told(mut all: &[u8]) -> Vec<Told> {
    let mut answers = Vec::new();
    while !all.is_empty() {
        let mut room = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut room);
        let head = response.parse(all).unwrap().unwrap();
        let fields: BTreeMap<_, _> =
            response.headers.iter().map(|field| (field.name.to_lowercase(), field.value.to_vec())).collect();
        let status = response.code.unwrap();
        let length = fields.get("content-length").map_or(0, |text| str::from_utf8(text).unwrap().parse().unwrap());
        // The answer to HEAD says how long it would be; the tests ask for one in the end alone.
        let length = if all.len() == head { 0 } else { length };
        // hyper says 100 in between and 400 in the end without a date.
        assert!(fields.contains_key("date") || status <= 100, "{status}");
        answers.push((status, fields, all[head..head + length].to_vec()));
        answers.last_mut().unwrap().1.remove("date");
        all = &all[head + length..];
    }
    // Whether hyper says so before it ends a connection hangs on the pieces in which the bad head came.
    answers.pop_if(|(status, ..)| *status == 400);
    answers
}

fn compare(pieces: &[Vec<u8>]) -> Result<usize, TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let local = tokio::task::LocalSet::new();
    let asked = || pieces.iter().map(|piece| piece.escape_ascii().to_string()).collect::<Vec<_>>();
    let mut count = 0;
    for ends in [true, false] {
        let hypers = local.block_on(&runtime, answers(hypers, pieces, Duration::ZERO, ends));
        count = told(&hypers.0).len();
        for pause in [Duration::ZERO, SOON * 2] {
            let ours = local.block_on(&runtime, answers(ours, pieces, pause, ends));
            prop_assert_eq!(told(&ours.0), told(&hypers.0), "{:?} {} {:?}", pause, ends, asked());
            prop_assert_eq!(ours.1, hypers.1, "{:?} {} {:?}", pause, ends, asked());
        }
    }
    Ok(count)
}

/// Requests as they come and as they should not.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let fields = prop::sample::subsequence(
        vec![
            "Host: chaperone",
            "Content-Type: application/json",
            "MCP-Protocol-Version: 2026-07-28",
            "mcp-name: a",
            "Mcp-Name: b",
            "X-Other:\t\"\u{e9}\" ",
            "Connection: keep-alive",
            "Connection: Close",
            "Connection: keep-alive , TE",
            "Expect: 100-continue",
            "Upgrade: websocket",
            "Empty:",
            "Bad Name: x",
            "Folded: x\r\n y",
        ],
        0..6,
    );
    let line = prop_oneof![
        8 => Just("POST /mcp/a?b=c HTTP/1.1"),
        2 => Just("GET /empty HTTP/1.1"),
        1 => prop::sample::select(vec![
            "POST /mcp HTTP/1.0", "DELETE /none HTTP/1.1", "POST /last HTTP/1.1", "PUT / HTTP/1.1",
            "OPTIONS * HTTP/1.1", "POST http://a/b HTTP/1.1", "POST mcp HTTP/1.1", "CONNECT a:1 HTTP/1.1", "\r\nGET /a HTTP/1.1",
            "GET /a  HTTP/1.1", "post /a HTTP/1.1", "GET /\u{e9} HTTP/1.1", "GET /a#b HTTP/1.1",
            "GET /a#b c HTTP/1.1",
            "GET /a HTTP/1.0 HTTP/1.1",
        ]),
    ];
    let end = prop_oneof![30 => Just("\r\n"), 1 => Just("\n")];
    let length = |body: usize| {
        prop_oneof![
            20 => Just(format!("Content-Length: {body}\r\n")),
            1 => Just(format!("Content-Length: {body}\r\ncontent-length: {body}\r\n")),
            1 => Just(format!("Content-Length: {body}, {body}\r\n")),
            1 => Just(format!("Content-Length: +{body}\r\n")),
            1 => Just(format!("Content-Length: 0{body}\r\n")),
            1 => Just("Content-Length: 18446744073709551616\r\n".to_owned()),
            1 => Just(String::new()),
            1 => Just("Transfer-Encoding: chunked\r\n".to_owned()),
            1 => Just("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n".to_owned()),
        ]
    };
    let body = prop_oneof![10 => 0..200_usize, 1 => 65_000..66_000_usize];
    let body = body.prop_flat_map(move |body| (Just(body), length(body)));
    (line, fields, end, body).prop_map(|(line, fields, end, (body, length))| {
        let mut request = format!("{line}{end}").into_bytes();
        for field in fields {
            request.extend_from_slice(format!("{field}{end}").as_bytes());
        }
        request.extend_from_slice(length.as_bytes());
        request.extend_from_slice(end.as_bytes());
        if length.contains("chunked") {
            request.extend_from_slice(format!("{body:x}\r\n{}\r\n0\r\n\r\n", "a".repeat(body)).as_bytes());
        } else if !length.is_empty() {
            request.extend_from_slice("\"".repeat(body).as_bytes());
        }
        request
    })
}

/// The same bytes in pieces that end anywhere.
fn pieces(whole: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).chain([0, whole.len()]).collect();
    ends.sort_unstable();
    ends.windows(2).map(|ends| whole[ends[0]..ends[1]].to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn whatever_comes_in_whatever_pieces_is_answered_as_by_hyper(
        requests in prop::collection::vec(request(), 1..5),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        compare(&pieces(&requests.concat(), &cuts))?;
    }

    #[test]
    fn so_is_what_was_damaged(
        requests in prop::collection::vec(request(), 1..3),
        damages in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\r\n :;,/\0\x7f\xffaZ09".to_vec()), 0..3), 1..4),
    ) {
        let mut whole = requests.concat();
        for (at, byte, how) in damages {
            let at = at.index(whole.len().min(400));
            match how {
                0 => whole[at] = byte,
                1 => whole.insert(at, byte),
                _ => drop(whole.remove(at)),
            }
        }
        // In one piece: of a head that came in several hyper looks for the end before it looks for faults.
        compare(&[whole])?;
    }
}

#[test]
fn many_fields_and_long_ones_are_understood_or_refused_as_by_hyper() {
    for (fields, length) in [(63, 10), (64, 10), (65, 10), (99, 10), (101, 10), (20, 1_000), (60, 1_500), (60, 5_000)] {
        // Those that are left out count too.
        for name in ["x-", "accept"] {
            let number = |n: usize| if name == "x-" { n.to_string() } else { String::new() };
            let fields: Vec<_> = (0..fields).map(|n| format!("{name}{}: {:x<length$}\r\n", number(n), "")).collect();
            let fields = fields.concat();
            let request = format!("POST /a HTTP/1.1\r\n{fields}content-length: 2\r\n\r\n{{}}");
            assert_eq!(compare(&[request.clone().into_bytes()]).unwrap(), 1);
            assert!(compare(&[request.repeat(2).into_bytes()]).unwrap() > 0);
        }
    }
}

#[test]
fn what_has_no_body_has_none() {
    for method in ["HEAD /a", "GET /none", "GET /empty", "POST /a"] {
        let requests = format!("POST /a HTTP/1.1\r\ncontent-length: 2\r\n\r\n{{}}{method} HTTP/1.1\r\nhost: a\r\n\r\n");
        assert_eq!(compare(&[requests.into_bytes()]).unwrap(), 2, "{method}");
    }
}

const ASKS: &[u8] = b"POST /a HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}";

/// A connection whose calls go on until they are dropped, and something that each of them holds.
fn endless() -> (DuplexStream, impl Future<Output = ()>, Rc<()>) {
    let held = Rc::new(());
    let road = held.clone();
    let road = service_fn(move |_: Request<Incoming>| {
        let held = road.clone();
        async move {
            std::future::pending::<()>().await;
            drop(held);
            Ok(Response::new(Pieces::default()))
        }
    });
    let (client, io) = duplex(64);
    let connection = Connection::new(io, road, Ear::default(), (Note::default(), LONG), Word::default());
    (client, connection.map(|ended| assert!(matches!(ended, Ended::Over))), held)
}

#[tokio::test]
async fn a_call_ends_with_its_client() {
    let (mut client, connection, held) = endless();
    let mut connection = pin!(connection);
    client.write_all(ASKS).await.unwrap();
    let idle = Rc::strong_count(&held);
    assert!(futures_util::poll!(connection.as_mut()).is_pending());
    assert_eq!(Rc::strong_count(&held), idle + 1);
    drop(client);
    connection.await;
    assert_eq!(Rc::strong_count(&held), 1);
}

#[tokio::test]
async fn what_is_read_ahead_of_an_answer_is_bounded() {
    let (mut client, connection, _held) = endless();
    let mut connection = pin!(connection);
    client.write_all(ASKS).await.unwrap();
    let mut sent = 0;
    loop {
        assert!(futures_util::poll!(connection.as_mut()).is_pending());
        tokio::task::yield_now().await;
        match client.write(&[b'a'; 64]).now_or_never() {
            Some(written) => sent += written.unwrap(),
            None => break,
        }
    }
    assert!((AHEAD..AHEAD + 1_024).contains(&sent), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn who_gets_the_word_ends_at_once_or_with_the_answer_that_is_due() {
    for asks in [false, true] {
        let word = Word::default();
        let (mut client, io) = duplex(1 << 10);
        let mut connection =
            Box::pin(Connection::new(io, service_fn(echo), Ear::default(), (Note::default(), LONG), word.clone()));
        assert!(futures_util::poll!(connection.as_mut()).is_pending());
        if asks {
            client.write_all(ASKS).await.unwrap();
        }
        word.give();
        assert!(matches!(connection.as_mut().await, Ended::Over));
        drop(connection);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.contains("\r\nconnection: close\r\n"), asks, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_head_was_heard_is_waited_for_in_the_end() {
    let word = Word::default();
    let (mut client, io) = duplex(1 << 10);
    let ear = Ear::default();
    let connection = Connection::new(io, service_fn(echo), ear.clone(), (Note::default(), LONG), word.clone());
    let mut connection = Box::pin(connection);
    let (head, body) = ASKS.split_at(ASKS.len() - 1);
    client.write_all(head).await.unwrap();
    assert!(futures_util::poll!(connection.as_mut()).is_pending());
    assert!(!ear.is_silent());
    word.give();
    assert!(futures_util::poll!(connection.as_mut()).is_pending());
    client.write_all(body).await.unwrap();
    assert!(matches!(connection.as_mut().await, Ended::Over));
    drop(connection);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_over_is_not_held_to_have_waited() {
    for begins in [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], b"BREW /pot HTTP/1.1\r\n\r\n", b"POST /half HT"] {
        let note = Note::default();
        let (mut client, io) = duplex(64);
        let waits = (note.clone(), SOON * 75);
        let connection = Connection::new(io, service_fn(echo), Ear::default(), waits, Word::default());
        client.write_all(begins).await.unwrap();
        let Ended::Handed(_, read, _) = connection.await else { panic!("over") };
        assert_eq!(read, begins);
        assert!(timeout(LONG, note.due(SOON * 75)).await.is_err(), "{}", begins.escape_ascii());
    }
}

#[tokio::test]
async fn to_look_at_an_idle_connection_changes_nothing() {
    let (mut client, io) = duplex(1 << 10);
    let connection = Connection::new(io, service_fn(echo), Ear::default(), (Note::default(), LONG), Word::default());
    let mut connection = pin!(connection);
    for _ in 0..3 * PARTS {
        assert!(futures_util::poll!(connection.as_mut()).is_pending());
    }
    client.write_all(ASKS).await.unwrap();
    assert!(futures_util::poll!(connection.as_mut()).is_pending());
    assert!(client.read(&mut [0; 512]).await.unwrap() > 0);
}

#[tokio::test(start_paused = true)]
async fn who_dribbles_is_handed_over_before_it_costs_much() {
    let (mut client, io) = duplex(64);
    let connection = Connection::new(io, service_fn(echo), Ear::default(), (Note::default(), LONG), Word::default());
    let mut connection = pin!(connection);
    let mut sent = 0;
    let read = loop {
        client.write_all(&ASKS[sent..=sent]).await.unwrap();
        sent += 1;
        if let Poll::Ready(Ended::Handed(_, read, _)) = futures_util::poll!(connection.as_mut()) {
            break read;
        }
    };
    assert_eq!(read, ASKS[..sent]);
    assert_eq!(sent, usize::from(PARTS) + 1);
}

/// Takes everything, and counts in how many writes.
struct Counted(Vec<usize>);

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.push(bytes.len());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let whole: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        self.poll_write(cx, &whole)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_answer_is_one_write_unless_it_is_large_and_then_it_is_few() {
    for (size, most) in [(0, 1), (200, 1), (5_000, 1), (40_000, 1), (150_000, 3), (5_000_000, 80)] {
        let list = || Bytes::from(vec![b'"'; size]);
        let body = Pieces::escaping(list(), ["{".into(), ",".into(), list(), "}".into()]);
        let whole = body.size_hint().exact().unwrap();
        let mut written = Counted(Vec::new());
        let mut body = Some(body);
        std::future::poll_fn(|cx| {
            Answer::new(Response::new(body.take().unwrap()), false, cx).poll_write(&mut written, cx)
        })
        .await
        .unwrap();
        assert!(written.0.len() <= most, "{size}: {:?}", written.0);
        assert!(written.0.iter().sum::<usize>() as u64 > whole, "{size}");
    }
}
