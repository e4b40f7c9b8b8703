//! The connection against a peer that says what it likes, and against hyper's client on the same bytes.

use std::time::Duration;

use http::{HeaderValue, Uri, header::HOST};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::runtime::Builder;

use super::*;

/// An answer, or how it failed: status and body, and whether the connection may be used again.
type Heard = Result<(u16, Vec<u8>, bool), String>;

fn request(method: &str, body: &'static [u8]) -> Outgoing {
    let uri = Uri::from_static("http://api.example/a/b?c=d");
    let mut request = Outgoing::new(method.parse().unwrap(), uri, Bytes::from_static(body));
    request.set(HOST, HeaderValue::from_static("api.example"));
    request
}

async fn whole(connection: &mut Connection<DuplexStream>) -> Result<Vec<u8>, Error> {
    while let Some(came) = poll_fn(|cx| connection.poll_body(cx)).await {
        assert!(came? > 0);
    }
    Ok(connection.take().to_vec())
}

async fn head(connection: &mut Connection<DuplexStream>, request: &Outgoing) -> Result<(StatusCode, Fields), Broken> {
    connection.send(request).await?;
    connection.answer().await.map_err(|error| Broken { was_sent: true, error })
}

async fn exchange(connection: &mut Connection<DuplexStream>, request: &Outgoing) -> Heard {
    let (status, _) = head(connection, request).await.map_err(|broken| broken.error.to_string())?;
    let body = whole(connection).await.map_err(|error| error.to_string())?;
    Ok((status.as_u16(), body, connection.is_idle() && connection.is_quiet()))
}

/// What a client hears of a peer that says these pieces, one after the other, and then ends the connection if `ends`.
async fn hears(method: &str, pieces: Vec<Vec<u8>>, ends: bool) -> Heard {
    let (near, far) = duplex(64 << 10);
    let peer = tokio::spawn(says(far, pieces, ends));
    let heard = exchange(&mut Connection::new(near, false), &request(method, b"")).await;
    peer.abort();
    heard
}

async fn says(mut far: DuplexStream, pieces: Vec<Vec<u8>>, ends: bool) {
    let mut asked = [0; 1024];
    assert!(far.read(&mut asked).await.unwrap() > 0);
    for piece in pieces {
        if far.write_all(&piece).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    if !ends {
        std::future::pending::<()>().await;
    }
}

/// The same of hyper's client.
async fn hyper_hears(method: &str, pieces: Vec<Vec<u8>>) -> Result<(u16, Vec<u8>), String> {
    let (near, far) = duplex(64 << 10);
    let peer = tokio::spawn(says(far, pieces, true));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    let driver = tokio::spawn(connection);
    let mut asked: http::Request<Full<Bytes>> = request(method, b"").into();
    *asked.uri_mut() = Uri::from_static("/a/b?c=d");
    let heard = async {
        let response = sender.send_request(asked).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes().to_vec()))
    };
    let heard = heard.await;
    driver.abort();
    peer.abort();
    heard
}

fn now<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// Cut at these places, taken modulo the length.
fn cut(text: &[u8], places: &[usize]) -> Vec<Vec<u8>> {
    let mut places: Vec<_> = places.iter().map(|place| place % (text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).filter(|two| two[0] < two[1]).map(|two| text[two[0]..two[1]].to_vec()).collect()
}

fn chunked(body: &[u8], sizes: &[usize], extension: &str, trailers: &str) -> Vec<u8> {
    let (mut out, mut rest, mut sizes) = (Vec::new(), body, sizes.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
        out.extend(format!("{:X}{extension}\r\n", piece.len()).bytes().chain(piece.iter().copied()).chain(*b"\r\n"));
        rest = after;
    }
    out.extend(format!("0\r\n{trailers}\r\n").bytes());
    out
}

prop_compose! {
    /// An answer that is right in every way, and its body.
    fn answers()(
        body in prop::collection::vec(any::<u8>(), 0..5_000),
        sizes in prop::collection::vec(1..3_000_usize, 1..4),
        framing in 0..4,
        interim in prop::sample::select(vec!["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"]),
        extension in prop::sample::select(vec!["", ";a=b", " ; a"]),
        trailers in prop::sample::select(vec!["", "x-sum: 1\r\n", "a: 1\r\nb: 2\r\n"]),
        status in prop::sample::select(vec!["200 OK", "201 Created", "404 Not Found", "503 ", "204 No Content"]),
        fields in prop::collection::vec("(X-[a-zA-Z-]{1,12}|Content-Type): [ -~]{0,30}\r\n", 0..12),
    ) -> (Vec<u8>, Vec<u8>) {
        let body = if status.starts_with("204") { Vec::new() } else { body };
        let fields = fields.concat();
        let (framing, sent) = match framing {
            _ if status.starts_with("204") => (String::new(), Vec::new()),
            0 => ("connection: close\r\n".into(), body.clone()),
            1 => ("Transfer-Encoding: Chunked\r\n".into(), chunked(&body, &sizes, extension, trailers)),
            _ => (format!("Content-Length: {}\r\n", body.len()), body.clone()),
        };
        (format!("{interim}HTTP/1.1 {status}\r\n{fields}{framing}\r\n").into_bytes().into_iter().chain(sent).collect(), body)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_answer_is_the_same_however_it_arrives_and_the_same_as_hypers(
        (text, body) in answers(),
        places in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let ours = now(hears("GET", cut(&text, &places), true));
        let (status, heard, _) = ours.clone().unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
        prop_assert_eq!(&heard, &body);
        prop_assert_eq!(Ok((status, heard)), now(hyper_hears("GET", cut(&text, &places))));
        prop_assert_eq!(now(hears("GET", vec![text], true)), ours);
    }

    #[test]
    fn an_answer_that_is_broken_is_never_taken_for_another_one(
        (text, _) in answers(),
        places in prop::collection::vec(any::<usize>(), 0..4),
        damage in prop::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        end in any::<usize>(),
    ) {
        let mut text = text;
        for (place, byte) in damage {
            let place = place % text.len();
            text[place] = byte;
        }
        text.truncate(1 + end % text.len());
        let ours = now(hears("GET", cut(&text, &places), true));
        let hypers = now(hyper_hears("GET", cut(&text, &places)));
        // It may be stricter than hyper, and is where an answer has two lengths or odd codings; never the other way round.
        if let Ok((status, body, _)) = ours {
            prop_assert_eq!(Ok((status, body)), hypers, "{}", String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn a_connection_is_used_again_only_after_a_whole_exchange_that_says_so() {
    for (method, text, expected) in [
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", Ok(true)),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", Ok(true)),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", Ok(true)),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", Ok(true)),
        ("GET", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nab", Ok(true)),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\ncontent-length: 2\r\n\r\nab", Ok(true)),
        // The peer wants it so.
        ("GET", "HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 2\r\n\r\nab", Ok(false)),
        ("GET", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab", Ok(false)),
        // It said more than was asked.
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n", Ok(false)),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\nx", Ok(false)),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n", Ok(false)),
        // Two ways to tell the end of the body.
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Ok(false)),
        ("GET", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Ok(false)),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc", Err("two lengths")),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab", Err("no number")),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nab", Err("no number")),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Err("transfer coding")),
        ("GET", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", Err("another protocol")),
        (
            "GET",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
            Err("longer than its size"),
        ),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-2\r\n", Err("size of a chunk")),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n\r\n\r\n", Err("size of a chunk")),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n;x\r\n\r\n", Err("size of a chunk")),
        ("GET", "SSH-2.0-OpenSSH_9.2\r\n\r\n", Err("not of HTTP/1")),
    ] {
        let heard = now(hears(method, vec![text.into()], false));
        match expected {
            Ok(again) => assert_eq!(heard.map(|(_, _, is_usable)| is_usable), Ok(again), "{text:?}"),
            Err(why) => assert!(heard.as_ref().is_err_and(|error| error.contains(why)), "{heard:?}: {text:?}"),
        }
    }
}

#[test]
fn what_never_ends_is_given_up() {
    let endless = |head: &str, unit: &str, times: usize| [head.as_bytes(), &unit.repeat(times).into_bytes()].concat();
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (text, why) in [
        (endless("HTTP/1.1 200 OK\r\na: ", "b", 500 << 10), "larger than 400 KiB"),
        (endless("HTTP/1.1 200 OK\r\n", "a: b\r\n", 101), "not of HTTP/1"),
        (endless(&format!("{chunks}1;"), "a", 5 << 10), "size of a chunk"),
        (endless(&format!("{chunks}0\r\n"), "a: b\r\n", 4 << 10), "trailers are too long"),
        (endless(&format!("{chunks}0\r\n"), "a", 17 << 10), "trailers are too long"),
    ] {
        let heard = now(hears("GET", cut(&text, &[]), false));
        assert!(heard.as_ref().is_err_and(|error| error.contains(why)), "{why}: {heard:?}");
    }
}

#[tokio::test]
async fn a_request_is_written_as_it_is_meant_and_its_body_after_it() {
    for (method, body, expected) in [
        ("GET", &b""[..], "GET /a/b?c=d HTTP/1.1\r\nhost: api.example\r\n\r\n"),
        ("POST", b"", "POST /a/b?c=d HTTP/1.1\r\nhost: api.example\r\ncontent-length: 0\r\n\r\n"),
        ("PUT", b"{}", "PUT /a/b?c=d HTTP/1.1\r\nhost: api.example\r\ncontent-length: 2\r\n\r\n{}"),
        ("DELETE", b"", "DELETE /a/b?c=d HTTP/1.1\r\nhost: api.example\r\n\r\n"),
    ] {
        // Three bytes at a time, so that no write is whole.
        let (near, mut far) = duplex(3);
        let mut connection = Connection::new(near, false);
        let answered = async {
            let mut asked = vec![0; expected.len()];
            far.read_exact(&mut asked).await.unwrap();
            far.write_all(b"HTTP/1.1 204 \r\n\r\n").await.unwrap();
            String::from_utf8(asked).unwrap()
        };
        let request = request(method, body);
        let (answer, asked) = tokio::join!(head(&mut connection, &request), answered);
        assert_eq!((answer.unwrap().0.as_u16(), asked.as_str()), (204, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_before_the_request_was_read_counts_and_ends_the_connection() {
    let (near, mut far) = duplex(64);
    let mut connection = Connection::new(near, false);
    far.write_all(b"HTTP/1.1 413 \r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let request = request("POST", &[b'x'; 4096]);
    let heard = tokio::time::timeout(Duration::from_secs(1), exchange(&mut connection, &request)).await;
    assert_eq!(heard.unwrap(), Ok((413, Vec::new(), false)));
}

/// What a client hears whose peer says `first` before it reads a large request, and then `last`.
async fn hears_early(first: &[u8], last: &[u8]) -> Heard {
    let (near, mut far) = duplex(128);
    let mut connection = Connection::new(near, false);
    let request = request("POST", &[b'x'; 4096]);
    let peer = async {
        far.write_all(first).await.unwrap();
        let head = "POST /a/b?c=d HTTP/1.1\r\nhost: api.example\r\ncontent-length: 4096\r\n\r\n";
        far.read_exact(&mut vec![0; head.len() + 4096]).await.unwrap();
        far.write_all(last).await.unwrap();
    };
    let both = async { tokio::join!(exchange(&mut connection, &request), peer) };
    tokio::time::timeout(Duration::from_secs(1), both).await.unwrap().0
}

#[tokio::test(start_paused = true)]
async fn an_interim_answer_and_a_good_one_that_was_begun_early_end_no_request() {
    let interim = hears_early(b"HTTP/1.1 103 \r\nlink: </a>\r\n\r\n", b"HTTP/1.1 204 \r\n\r\n").await;
    assert_eq!(interim, Ok((204, Vec::new(), true)));
    let begun = hears_early(b"HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n", b"2\r\nab\r\n0\r\n\r\n").await;
    assert_eq!(begun, Ok((200, b"ab".to_vec(), true)));
}

#[tokio::test]
async fn what_was_encrypted_and_could_not_be_written_may_have_been_sent() {
    for is_encrypted in [false, true] {
        let (near, far) = duplex(64);
        drop(far);
        let broken = Connection::new(near, is_encrypted).send(&request("POST", b"{}")).await.unwrap_err();
        assert_eq!(broken.was_sent, is_encrypted);
    }
}

#[tokio::test]
async fn a_peer_that_has_gone_is_told_from_one_that_goes_in_the_middle() {
    let (near, far) = duplex(64 << 10);
    drop(far);
    let broken = head(&mut Connection::new(near, false), &request("POST", b"{}")).await.err().unwrap();
    assert!(!broken.was_sent, "{broken:?}");
    let (near, mut far) = duplex(64 << 10);
    let peer = tokio::spawn(async move { far.read(&mut [0; 1024]).await });
    let broken = head(&mut Connection::new(near, false), &request("POST", b"{}")).await.err().unwrap();
    assert!(broken.was_sent && matches!(broken.error, Error::Closed), "{broken:?}");
    peer.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_connection_whose_peer_speaks_or_goes_is_not_quiet() {
    for says in [&b"HTTP/1.1 408 \r\n\r\n"[..], b""] {
        let (near, mut far) = duplex(64);
        let mut connection = Connection::new(near, false);
        assert!(connection.is_idle() && connection.is_quiet());
        far.write_all(says).await.unwrap();
        drop(far);
        assert!(!connection.is_quiet());
    }
}

#[tokio::test]
async fn an_idle_connection_holds_no_room() {
    const SIZES: [usize; 3] = [1 << 20, 100, 100];
    let (near, mut far) = duplex(64 << 10);
    let mut connection = Connection::new(near, false);
    let peer = tokio::spawn(async move {
        let mut asked = [0; 1024];
        for size in SIZES {
            assert!(far.read(&mut asked).await.unwrap() > 0);
            far.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n").as_bytes()).await.unwrap();
            far.write_all(&vec![b'a'; size]).await.unwrap();
        }
        far
    });
    for size in SIZES {
        assert_eq!(exchange(&mut connection, &request("GET", b"")).await.unwrap().1.len(), size);
        assert_eq!(connection.read.capacity(), 0, "after {size}");
    }
    drop(peer.await.unwrap());
}
