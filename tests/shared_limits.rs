//! Limits shared by two processes over a real Redis, which is killed and restored. Needs `redis-server` (or
//! `valkey-server`) on the path.

#![expect(clippy::unwrap_used, reason = "what cannot be set up has failed as a test should")]

#[path = "support/mod.rs"]
mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use support::{Agent, Chaperone, Scripted, Setup, Upstream};

const TOOL: &str = "get_single_affinity_person_by_id";

/// Far longer than anything takes, so that only what hangs meets it.
const HANGS: Duration = Duration::from_secs(30);

/// Redis without a memory on disk, killed when dropped.
struct Redis {
    address: SocketAddr,
    child: Child,
}

impl Redis {
    fn start() -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        Self::start_at(free)
    }

    fn start_at(address: SocketAddr) -> Self {
        let program = ["redis-server", "valkey-server"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", ""]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        });
        let child = program.expect("redis-server is installed: apt-get install redis-server");
        until("Redis listens", || TcpStream::connect(address).is_ok());
        Self { address, child }
    }

    fn kill(mut self) -> SocketAddr {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.address
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Look until it is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < HANGS, "waited in vain until {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

fn said(process: &Chaperone, text: &str) -> usize {
    process.log().matches(text).count()
}

fn passes(agent: &Agent) -> bool {
    !agent.call(TOOL, &json!({"id": 1})).is_tool_error()
}

/// How many of 2 × `each` calls pass that both processes are asked for at once.
fn passed(processes: &[Chaperone; 2], server: &str, each: usize) -> [usize; 2] {
    let agents = [0, 1].map(|n| processes[n].agent(server));
    thread::scope(|scope| {
        let askers = agents.map(|agent| scope.spawn(move || (0..each).filter(|_| passes(&agent)).count()));
        askers.map(|asker| asker.join().unwrap())
    })
}

fn setup(upstream: &Upstream, redis: SocketAddr) -> Setup {
    // A loaded machine may take its time; that a late answer is no answer is not what is tested here.
    let shared = format!("shared: {{url: 'redis://{redis}', replicas: 2, timeout: 5s}}");
    ["a", "b", "c", "d"].into_iter().fold(Setup::new(upstream.address()).with(&shared), |setup, name| {
        setup.policy(name, "token: none\nconfig: {limits: {calls: 10/d, writes: 5/d}}")
    })
}

#[test]
fn two_processes_share_a_limit_divide_it_while_redis_is_gone_and_share_again_when_it_is_back() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let setup = setup(&upstream, redis.address);
    let both = [Chaperone::serve(&setup), Chaperone::serve(&setup)];
    until("limits are shared", || both.iter().all(|one| said(one, "limits are shared") == 1));

    assert_eq!(passed(&both, "a", 20).iter().sum::<usize>(), 10, "no call too many and none too few");
    assert_eq!(upstream.take().len(), 10, "what was refused was not sent");
    // What each process has spent together with the other counts when it is alone.
    let spent = [0, 1].map(|n| (0..4 + n).filter(|_| passes(&both[n].agent("b"))).count());
    assert_eq!(spent, [4, 5]);

    let address = redis.kill();
    assert_eq!(passed(&both, "b", 20), [1, 0]);
    assert_eq!(passed(&both, "c", 20), [5, 5], "half of the limit each");
    assert!(both.iter().all(|one| said(one, "out of reach") == 1), "said once: {}", both[0].log());

    let _redis = Redis::start_at(address);
    until("limits are shared again", || both.iter().all(|one| said(one, "limits are shared") == 2));
    assert_eq!(passed(&both, "d", 20).iter().sum::<usize>(), 10);
}

#[test]
fn what_the_vendor_said_to_one_process_is_known_to_the_other() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let setup = setup(&upstream, redis.address);
    let both = [Chaperone::serve(&setup), Chaperone::serve(&setup)];
    until("limits are shared", || both.iter().all(|one| said(one, "limits are shared") == 1));
    upstream.answer(|_| {
        let mut answer = Scripted::json(200, &json!({}));
        for (name, value) in [("", "900"), ("-Remaining", "0"), ("-Reset", "3000")] {
            answer.headers.push((format!("X-Ratelimit-Limit-User{name}"), value.into()));
        }
        answer
    });
    assert!(passes(&both[0].agent("a")));
    // Words travel behind the answer.
    until("the other process knows", || {
        let reply = both[1].agent("b").call(TOOL, &json!({"id": 1}));
        let error = reply.structured();
        error["ratelimit"]["scope"] == "user" && error["is_remote_error"] == false
    });
}

#[test]
fn without_redis_from_the_start_calls_go_by_a_share_of_each_limit() {
    let upstream = Upstream::start();
    let nobody = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let process = Chaperone::serve(&setup(&upstream, nobody));
    let agent = process.agent("a");
    assert_eq!((0..20).filter(|_| passes(&agent)).count(), 5);
}
