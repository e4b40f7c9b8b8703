//! Limits shared by two processes over a real Redis, which is killed and restored. Needs `redis-server` (or
//! `valkey-server`) on the path.

#![expect(clippy::unwrap_used, reason = "what cannot be set up has failed as a test should")]

mod store;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use store::{Authority, Redis, free};
use support::{Agent, Chaperone, Scripted, Setup, Upstream, exchange};

const TOOL: &str = "get_single_affinity_person_by_id";

/// Far longer than anything takes, so that only what hangs meets it.
const HANGS: Duration = Duration::from_secs(30);

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

fn setup(upstream: &Upstream, shared: &str) -> Setup {
    ["a", "b", "c", "d"].into_iter().fold(Setup::new(upstream.address()).with(shared), |setup, name| {
        setup.policy(name, "token: none\nconfig: {limits: {calls: 10/d, writes: 5/d}}")
    })
}

/// Shared through the store at this address. A loaded machine may take its time; that a late answer is no answer is not
/// what most tests are about.
fn shared(redis: SocketAddr) -> String {
    format!("shared: {{url: 'redis://{redis}', replicas: 2, timeout: 5s}}")
}

/// Two processes that share their limits.
fn pair(setup: &Setup) -> [Chaperone; 2] {
    let both = [Chaperone::serve(setup), Chaperone::serve(setup)];
    until_shared(&both, 1);
    both
}

/// They have said so many times that limits are shared.
fn until_shared(both: &[Chaperone; 2], times: usize) {
    until("limits are shared", || both.iter().all(|one| said(one, "limits are shared") == times));
}

/// What an operator sees of the store.
fn shown(admin: SocketAddr) -> (String, String) {
    let ask = |path: &str| exchange(admin, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes());
    let line = |path: &str, start: &str| {
        let answer = ask(path).unwrap();
        assert_eq!(answer.status, 200, "readiness does not hang on the store");
        let text = String::from_utf8(answer.body).unwrap();
        text.lines()
            .find(|line| line.starts_with(start) || line.get(4..).is_some_and(|line| line.starts_with(start)))
            .unwrap_or_default()
            .to_owned()
    };
    (line("/readyz?verbose", "shared limits"), line("/metrics", "chaperone_limits_shared"))
}

#[test]
fn two_processes_share_a_limit_divide_it_while_redis_is_gone_and_share_again_when_it_is_back() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let both = pair(&setup(&upstream, &shared(redis.address)));

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
    until_shared(&both, 2);
    assert_eq!(passed(&both, "d", 20).iter().sum::<usize>(), 10);
    for server in ["a", "b", "c"] {
        assert_eq!(passed(&both, server, 5), [0, 0], "{server}: nothing is to be had again from a store that forgot");
    }
}

#[test]
fn what_went_by_while_redis_was_out_of_reach_is_not_to_be_had_again_and_nothing_counts_twice() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let url = format!("shared: {{url: 'redis://{}', replicas: 2, timeout: 2s}}", redis.address);
    let both = pair(&setup(&upstream, &url));
    assert_eq!([0, 1].map(|n| (0..2).filter(|_| passes(&both[n].agent("a"))).count()), [2, 2]);
    assert_eq!([0, 1].map(|n| (0..2).filter(|_| passes(&both[n].agent("b"))).count()), [2, 2]);

    redis.stop();
    // The first to notice is the first call of each, which the store hears of when it goes on.
    assert_eq!(passed(&both, "c", 1), [1, 1]);
    until("both have noticed", || both.iter().all(|one| said(one, "out of reach") == 1));
    assert_eq!(passed(&both, "a", 20), [3, 3], "half of the limit each, less what was spent together");

    redis.go_on();
    until_shared(&both, 2);
    assert_eq!(passed(&both, "a", 5), [0, 0]);
    assert_eq!(passed(&both, "b", 20).iter().sum::<usize>(), 6);
    assert_eq!(passed(&both, "d", 20).iter().sum::<usize>(), 10);
}

#[test]
fn whether_limits_are_shared_is_shown_and_measured_and_readiness_does_not_hang_on_it() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let admin = free();
    let setup = setup(&upstream, &shared(redis.address)).admin(admin);
    let process = Chaperone::serve(&setup);
    let reached = ("[+] shared limits: shared by all replicas".to_owned(), "chaperone_limits_shared 1".to_owned());
    until("it is reached", || shown(admin) == reached);
    let address = redis.kill();
    passes(&process.agent("a"));
    let gone =
        ("[-] shared limits: out of reach, divided among replicas".to_owned(), "chaperone_limits_shared 0".to_owned());
    until("it is gone", || shown(admin) == gone);
    let _redis = Redis::start_at(address);
    until("it is reached again", || shown(admin) == reached);
}

#[test]
fn over_tls_a_store_is_trusted_by_the_authority_of_the_ca_file_alone() {
    let (upstream, authority) = (Upstream::start(), Authority::new());
    let redis = Redis::start_tls(&authority);
    let shared =
        |ca_file: &str| format!("shared: {{url: 'rediss://{}', replicas: 2, timeout: 5s{ca_file}}}", redis.address);
    let ca_file = format!(", ca_file: {:?}", authority.ca_file().display().to_string());
    let both = pair(&setup(&upstream, &shared(&ca_file)));
    assert_eq!(passed(&both, "a", 20).iter().sum::<usize>(), 10);

    let stranger = Chaperone::serve(&setup(&upstream, &shared("")));
    until("it does not trust it", || said(&stranger, "out of reach") == 1);
    assert!(stranger.log().contains("UnknownIssuer"), "{}", stranger.log());
    let agent = stranger.agent("b");
    assert_eq!((0..20).filter(|_| passes(&agent)).count(), 5);
    assert_eq!(said(&stranger, "limits are shared"), 0);
}

#[test]
fn what_the_vendor_said_to_one_process_is_known_to_the_other() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let both = pair(&setup(&upstream, &shared(redis.address)));
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
    let process = Chaperone::serve(&setup(&upstream, &shared(free())));
    let agent = process.agent("a");
    assert_eq!((0..20).filter(|_| passes(&agent)).count(), 5);
}
