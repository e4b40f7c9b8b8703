//! An upstream with moods.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::thread;
use std::time::Duration;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It is answered.
    Well,
    /// Nobody listens.
    Dead,
    /// It is accepted and never answered.
    Silent,
    /// A byte of the answer comes every second.
    Dripping,
    /// The connection ends in the middle of the body.
    CutOff,
    /// The status is 503.
    Failing,
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 60\r\nconnection: close\r\n\r\n";
const FAILURE: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";

#[derive(Debug)]
struct State {
    address: SocketAddr,
    mood: Mutex<Mood>,
    asked: AtomicUsize,
}

/// The upstream; its threads end with the test.
#[derive(Debug)]
pub(crate) struct Difficult(Arc<State>);

impl Difficult {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { address, mood: Mutex::new(Mood::Well), asked: AtomicUsize::new(0) });
        accept(listener, &state);
        Self(state)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Requests that arrived.
    pub(crate) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// From now on it is like this.
    pub(crate) fn turn(&self, mood: Mood) {
        let before = std::mem::replace(&mut *self.0.mood.lock().unwrap(), mood);
        if mood == Mood::Dead {
            // The listener notices with the next connection, which is this one, and is gone when it ends.
            let mut last = TcpStream::connect(self.0.address).unwrap();
            assert_eq!(last.read(&mut [0]).unwrap_or(0), 0);
        } else if before == Mood::Dead {
            accept(TcpListener::bind(self.0.address).unwrap(), &self.0);
        }
    }
}

fn accept(listener: TcpListener, state: &Arc<State>) {
    let state = state.clone();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mood = *state.mood.lock().unwrap();
            if mood == Mood::Dead {
                drop(listener);
                return;
            }
            let state = state.clone();
            thread::spawn(move || answer(stream, mood, &state));
        }
    });
}

fn answer(mut stream: TcpStream, mood: Mood, state: &State) {
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    while !whole(&request) {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(n) => request.extend_from_slice(&chunk[..n]),
        }
    }
    state.asked.fetch_add(1, Ordering::SeqCst);
    let body = format!("{:<60}", "{}");
    // Whoever asked may be gone: then nobody minds what is said.
    let mut say = |text: &str| stream.write_all(text.as_bytes()).is_ok();
    match mood {
        Mood::Well => drop(say(&format!("{HEAD}{body}"))),
        Mood::Failing => drop(say(FAILURE)),
        Mood::CutOff => drop(say(&format!("{HEAD}{{"))),
        Mood::Dripping => {
            say(HEAD);
            while say(" ") {
                thread::sleep(Duration::from_secs(1));
            }
        }
        // Until the other side hangs up.
        Mood::Silent => while stream.read(&mut chunk).is_ok_and(|n| n > 0) {},
        Mood::Dead => {}
    }
}

/// Is the request there with its body?
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}
