//! A real Redis (or Valkey) of one test.

use std::iter::repeat_with;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use tempfile::TempDir;

use crate::until;

/// Redis without a memory on disk, killed when dropped.
pub(crate) struct Redis {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_at(free())
    }

    pub(crate) fn start_at(address: SocketAddr) -> Self {
        Self::with(address, &["--port", &address.port().to_string()])
    }

    /// One that speaks TLS and nothing else.
    pub(crate) fn start_tls(authority: &Authority) -> Self {
        let (address, path) = (free(), |name| authority.path(name).display().to_string());
        let port = address.port().to_string();
        let files = [path("redis.pem"), path("redis.key"), path("ca.pem")];
        let [certificate, key, ca] = files.each_ref().map(String::as_str);
        let tls = ["--tls-port", &port, "--tls-cert-file", certificate, "--tls-key-file", key];
        let clients = ["--tls-ca-cert-file", ca, "--tls-auth-clients", "no", "--port", "0"];
        Self::with(address, &[tls, clients].concat())
    }

    fn with(address: SocketAddr, arguments: &[&str]) -> Self {
        let program = ["redis-server", "valkey-server"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.args(["--bind", "127.0.0.1", "--save", ""]).args(arguments);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        });
        let child = program.expect("redis-server is installed: apt-get install redis-server");
        until("Redis listens", || TcpStream::connect(address).is_ok());
        Self { address, child }
    }

    pub(crate) fn kill(mut self) -> SocketAddr {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.address
    }

    /// It answers nobody and forgets nothing, as if the network were cut.
    pub(crate) fn stop(&self) {
        self.signal("STOP");
    }

    /// It goes on where it was stopped.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(kill.unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where nobody listens, and nobody who asks for any port will: below those that the kernel hands out by default. None is
/// told twice.
pub(crate) fn free() -> SocketAddr {
    const FIRST: u16 = 20_000;
    const MANY: u16 = 12_000;
    static TOLD: AtomicU16 = AtomicU16::new(0);
    // Another run may go on beside: each begins elsewhere.
    let begin = std::process::id().wrapping_mul(97) % u32::from(MANY);
    let begin = u16::try_from(begin).expect("a remainder is less");
    let ports = repeat_with(|| FIRST + (begin + TOLD.fetch_add(1, Relaxed) % MANY) % MANY);
    ports
        .take(MANY.into())
        .find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
        .and_then(|listener| listener.local_addr().ok())
        .expect("of thousands of ports one is free")
}

/// An authority of one test, and the certificate that it gave to 127.0.0.1.
pub(crate) struct Authority(TempDir);

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let files = [("ca.pem", issuer.pem()), ("redis.pem", certificate.pem()), ("redis.key", key.serialize_pem())];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    /// The file that clients are to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.0.path()).join(name)
    }
}
