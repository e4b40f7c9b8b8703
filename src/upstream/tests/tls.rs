//! TLS: who is trusted, and which protocol is spoken.

use std::{
    net::Ipv4Addr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Response;
use http_body_util::Full;
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::PrivateKeyDer;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;

use super::support::{Server, account, order};
use crate::outcome::{Content, Outcome};
use crate::refusal::{Applied, Refusal, UpstreamFaultKind};
use crate::upstream::{Config, Upstream};

/// An authority of one test.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its certificate, as operators give it.
    ca_file: NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let mut params = named("chaperone test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let ca_file = NamedTempFile::new().unwrap();
        std::fs::write(&ca_file, issuer.pem()).unwrap();
        Self { issuer, ca_file }
    }

    /// A configuration that trusts it.
    fn trusted(&self) -> Config {
        Config { ca_file: Some(self.ca_file.path().to_owned()), ..Config::default() }
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// A TLS server on 127.0.0.1 that offers these protocols and answers with the one that was spoken.
async fn server(authority: &Authority, protocols: &[&str]) -> Server {
    server_that_waits(authority, protocols, None).await
}

/// What a server waits for.
struct Meeting {
    connections: AtomicUsize,
    /// Before it shakes hands, but for the first connection.
    later_ones: Barrier,
    /// Before it answers.
    requests: Barrier,
}

/// What takes TLS connections for 127.0.0.1 and offers these protocols.
fn acceptor(authority: &Authority, protocols: &[&str]) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let mut params = named("127.0.0.1");
    params.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate.into()], PrivateKeyDer::from(key)).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn server_that_waits(authority: &Authority, protocols: &[&str], meeting: Option<Arc<Meeting>>) -> Server {
    let acceptor = acceptor(authority, protocols);
    Server::raw(move |stream| {
        let (acceptor, meeting) = (acceptor.clone(), meeting.clone());
        async move {
            if let Some(meeting) = &meeting
                && meeting.connections.fetch_add(1, Ordering::SeqCst) > 0
            {
                meeting.later_ones.wait().await;
            }
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
                let meeting = meeting.clone();
                async move {
                    if let Some(meeting) = &meeting {
                        meeting.requests.wait().await;
                    }
                    let body = json!({"spoken": format!("{:?}", request.version())}).to_string();
                    Ok::<_, std::convert::Infallible>(Response::new(Full::new(bytes::Bytes::from(body))))
                }
            });
            drop(auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await);
        }
    })
    .await
}

/// A server of HTTP/2 that says on every connection, while two requests wait there, that it takes no more (GOAWAY, RFC 9113
/// section 6.8), and answers them with the number of their connection.
async fn server_that_leaves(authority: &Authority) -> Server {
    let (acceptor, connections) = (acceptor(authority, &["h2"]), Arc::new(AtomicUsize::new(0)));
    Server::raw(move |stream| {
        let (acceptor, connection) = (acceptor.clone(), connections.fetch_add(1, Ordering::SeqCst));
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let (leaving, told) = (Arc::new(Barrier::new(3)), Arc::new(Barrier::new(3)));
            let (waits, hears) = (leaving.clone(), told.clone());
            let service = service_fn(move |_| {
                let (waits, hears) = (waits.clone(), hears.clone());
                async move {
                    waits.wait().await;
                    hears.wait().await;
                    let body = json!({"connection": connection}).to_string();
                    Ok::<_, std::convert::Infallible>(Response::new(Full::new(bytes::Bytes::from(body))))
                }
            });
            let mut served =
                pin!(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service));
            tokio::select! {
                _ = &mut served => return,
                _ = leaving.wait() => served.as_mut().graceful_shutdown(),
            }
            // In this order: what it says goes out before the answers.
            let _ = tokio::join!(served, told.wait());
        }
    })
    .await
}

async fn call(server: &Server, host: &str, config: Config) -> Result<Outcome, Refusal> {
    let account = account(&format!("https://{host}:{}", server.address.port()));
    let call = order(&account, "create_a_crm_thing", &json!({"name": "x"}), Duration::from_secs(20));
    Upstream::new(&config).unwrap().carry_out(call).await
}

#[tokio::test]
async fn an_authority_of_the_ca_file_is_trusted_and_the_best_protocol_is_spoken() {
    let authority = Authority::new();
    for (protocols, expected) in [
        (&["h2", "http/1.1"][..], r#"{"spoken":"HTTP/2.0"}"#),
        (&["http/1.1"], r#"{"spoken":"HTTP/1.1"}"#),
        (&[], r#"{"spoken":"HTTP/1.1"}"#),
    ] {
        let outcome = call(&server(&authority, protocols).await, "127.0.0.1", authority.trusted()).await.unwrap();
        assert_eq!(outcome.content, Content::Json(expected.into()));
    }
}

#[tokio::test]
async fn calls_that_waited_for_the_first_connection_make_their_own_at_the_same_time() {
    let authority = Authority::new();
    let meeting = Meeting { connections: AtomicUsize::new(0), later_ones: Barrier::new(3), requests: Barrier::new(4) };
    let server = server_that_waits(&authority, &["http/1.1"], Some(Arc::new(meeting))).await;
    let account = account(&format!("https://127.0.0.1:{}", server.address.port()));
    let upstream = Upstream::new(&authority.trusted()).unwrap();
    let call =
        || upstream.carry_out(order(&account, "create_a_crm_thing", &json!({"name": "x"}), Duration::from_secs(20)));
    let (a, b, c, d) = tokio::join!(call(), call(), call(), call());
    for outcome in [a, b, c, d] {
        assert_eq!(outcome.unwrap().content, Content::Json(r#"{"spoken":"HTTP/1.1"}"#.into()));
    }
}

#[tokio::test]
async fn calls_of_a_connection_that_takes_no_more_are_answered_there_and_the_next_ones_go_elsewhere() {
    let authority = Authority::new();
    let server = server_that_leaves(&authority).await;
    let account = account(&format!("https://127.0.0.1:{}", server.address.port()));
    let upstream = Upstream::new(&authority.trusted()).unwrap();
    let call =
        || upstream.carry_out(order(&account, "create_a_crm_thing", &json!({"name": "x"}), Duration::from_secs(20)));
    for connection in 0..3 {
        let expected = Content::Json(json!({"connection": connection}).to_string().into());
        let (a, b) = tokio::join!(call(), call());
        assert_eq!([a.unwrap().content, b.unwrap().content], [expected.clone(), expected]);
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_gets_no_request() {
    let authority = Authority::new();
    let server = server(&authority, &["h2"]).await;
    for (host, config) in [("127.0.0.1", Config::default()), ("localhost", authority.trusted())] {
        match call(&server, host, config).await {
            Err(Refusal::Upstream(fault)) => {
                assert_eq!((fault.kind, fault.applied), (UpstreamFaultKind::Unreachable, Applied::No));
                assert!(fault.detail.contains("certificate"), "{}", fault.detail);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up_after_the_connect_timeout() {
    let silent = Server::raw(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let config = Config { connect_timeout: Duration::from_millis(50), ..Config::default() };
    match call(&silent, "127.0.0.1", config).await {
        Err(Refusal::Upstream(fault)) => {
            assert_eq!((fault.kind, fault.applied), (UpstreamFaultKind::Unreachable, Applied::No));
        }
        other => panic!("{other:?}"),
    }
}
