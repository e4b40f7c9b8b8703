use http_body_util::{BodyExt as _, Empty, Full};
use hyper::client::conn::{http1, http2};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::service_fn;

use super::*;
use crate::mcp::body::Body as Answer;

#[tokio::test]
async fn a_text_that_is_escaped_on_its_way_arrives_whole_whatever_became_of_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let text = r#"{"name":"Ångström \"Ltd\"","n":[1,2]},"#.repeat(50_000);
    let expected = serde_json::to_string(&text).unwrap();
    let road = service_fn(move |_| {
        let (text, quote) = (Bytes::from(text.clone()), || Bytes::from_static(b"\""));
        async move {
            Ok::<_, Infallible>(Response::new(Answer::escaping(text, [quote(), quote(), Bytes::new(), Bytes::new()])))
        }
    });
    let (_ending, drain) = drain::channel();
    tokio::spawn(async move { run(listener, road, &Config::default(), Gate::new(9), drain).await });

    let connect = async || TokioIo::new(TcpStream::connect(address).await.unwrap());
    let request = || Request::get("http://chaperone/").body(Empty::<Bytes>::new()).unwrap();
    for reads_it in [false, true] {
        let (mut one, connection) = http1::handshake(connect().await).await.unwrap();
        let one_ends = tokio::spawn(connection);
        let (mut two, connection) = http2::handshake(TokioExecutor::new(), connect().await).await.unwrap();
        let two_ends = tokio::spawn(connection);
        let answers = [one.send_request(request()).await.unwrap(), two.send_request(request()).await.unwrap()];
        for answer in answers.into_iter().filter(|_| reads_it) {
            assert_eq!(answer.headers()["content-length"], expected.len().to_string().as_str());
            assert!(answer.collect().await.unwrap().to_bytes() == expected, "another text");
        }
        one_ends.abort();
        two_ends.abort();
    }
}

#[tokio::test]
async fn a_connection_that_has_asked_may_be_idle_for_longer_than_a_first_request_may_take() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let road = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok")))) });
    let (_ending, drain) = drain::channel();
    let config = Config::default();
    let limit = config.header_timeout;
    tokio::spawn(async move { run(listener, road, &config, Gate::new(1), drain).await });

    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(client.read(&mut [0; 512]).await.unwrap() > 0);
    tokio::time::pause();
    let begun = Instant::now();
    assert_eq!(client.read(&mut [0; 512]).await.unwrap(), 0);
    assert!(begun.elapsed() > limit * 2, "closed after {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_head_that_was_only_begun_does_not_hold_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let road = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok")))) });
    let (ending, drain) = drain::channel();
    let config = Config::default();
    let limit = config.header_timeout;
    let served = tokio::spawn(async move { run(listener, road, &config, Gate::new(1), drain).await });

    let mut begun = TcpStream::connect(address).await.unwrap();
    begun.write_all(b"POST /mcp/some-server HTTP/1.1\r\nhost:").await.unwrap();
    // Who comes later has been heard: so has the first.
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(client.read(&mut [0; 512]).await.unwrap() > 0);
    tokio::time::pause();
    let told = Instant::now();
    ending.begin(Duration::ZERO);
    served.await.unwrap();
    assert!(told.elapsed() < limit / 2, "ended after {:?}", told.elapsed());
}

#[test]
fn a_connection_has_room_for_what_it_is_at_and_no_more() {
    let road = service_fn(|_: Request<Incoming>| async {
        let held = [0_u8; 512];
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::copy_from_slice(&held))))
    });
    let (io, _peer) = tokio::io::duplex(64);
    let connection = Door::new(&Config::default()).converse(io, Heard::new(road), Note::default(), Word::default());
    let size = size_of_val(&connection);
    assert!(size < 512 + 1_024, "{size}");
}
