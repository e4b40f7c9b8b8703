//! The process as an orchestrator treats it: ended under load, reloaded under load; no call is lost.

#[allow(dead_code, clippy::unwrap_used, reason = "the tests of telemetry ask it more, and are written so")]
#[path = "telemetry/receiver.rs"]
mod receiver;
mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use receiver::Receiver;
use serde_json::json;
use support::{Agent, Chaperone, Scripted, Setup, Upstream};

/// Calls that hang at the upstream when the signal comes.
const IN_FLIGHT: usize = 200;
/// Calls that are begun between the signal and the moment in which new ones are turned away, at most.
const NEWCOMERS: usize = 100;
/// Agents that call without a pause while policies change.
const CALLERS: usize = 4;
/// Policy files put in place, good and broken in turn.
const RELOADS: usize = 50;

const TOOL: &str = "get_single_affinity_person_by_id";

/// What became of a call that was answered at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// 503 with `Retry-After`: not accepted, and said so.
    TurnedAway,
}

/// Call with a number that comes back in the answer.
fn call(agent: &Agent, number: usize) -> Fate {
    let reply = agent.call(TOOL, &json!({"id": number}));
    if reply.answer.status == 503 && reply.answer.header("retry-after").is_some() {
        return Fate::TurnedAway;
    }
    assert_eq!(reply.answer.status, 200, "call {number}: {}", reply.message);
    assert_eq!(reply.structured()["id"], number, "call {number}: {}", reply.message);
    Fate::Answered
}

/// An upstream that answers with the number it was asked for.
fn echo() -> Upstream {
    let upstream = Upstream::start();
    upstream.answer(|received| {
        let id: Option<usize> = received.path.rsplit('/').next().and_then(|id| id.parse().ok());
        Scripted::json(200, &json!({"id": id}))
    });
    upstream
}

/// How many lines of the log hold this.
fn lines(log: &str, what: &str) -> usize {
    log.lines().filter(|line| line.contains(what)).count()
}

#[test]
fn sigterm_with_200_calls_in_flight_and_new_ones_arriving_loses_neither_a_call_nor_its_spans() {
    let (upstream, receiver) = (echo(), Receiver::start());
    upstream.hold();
    let traced = format!("telemetry: {{otlp: {{endpoint: 'http://{}'}}, traces: {{sample: 1.0}}}}", receiver.address);
    // Every call is to be at work at once, none in the queue of its account.
    let room = "upstream: {max_concurrent: 256}";
    let setup = Setup::new(upstream.address()).policy("open", "token: none").with(room).with(&traced);
    let chaperone = Chaperone::serve(&setup);
    let agent = &chaperone.agent("open");
    let fates: Vec<Fate> = thread::scope(|scope| {
        let begin = |number| scope.spawn(move || call(agent, number));
        let mut calls: Vec<_> = (1..=IN_FLIGHT).map(begin).collect();
        upstream.wait_for(IN_FLIGHT);
        chaperone.signal("TERM");
        // A list needs no upstream: it tells when new requests begin to be turned away.
        while agent.request("tools/list", &json!({})).answer.status == 200 {
            let number = calls.len() + 1;
            if number <= IN_FLIGHT + NEWCOMERS {
                calls.push(begin(number));
            }
        }
        assert!(calls.len() > IN_FLIGHT, "nobody was let in while balancers had yet to hear of the end");
        assert_eq!(call(agent, 0), Fate::TurnedAway);
        upstream.release();
        calls.into_iter().map(|call| call.join().expect("every call is answered")).collect()
    });
    let (status, log) = chaperone.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(fates[..IN_FLIGHT].iter().all(|fate| *fate == Fate::Answered), "{fates:?}");
    let answered = fates.iter().filter(|fate| **fate == Fate::Answered).count();
    // What the upstream saw was answered, and every answer has its line, its span and that of its request upstream.
    assert_eq!(upstream.take().len(), answered);
    assert_eq!(lines(&log, r#""message":"call""#), answered);
    let spans = receiver.spans();
    let of = |kind| spans.iter().filter(|span| span.kind() == kind).count();
    let calls = spans.iter().filter(|span| span.name == format!("tools/call {TOOL}")).count();
    assert_eq!((calls, of(SpanKind::Client)), (answered, answered));
}

/// A policy that shows the tools of all calls here and hides one of two others, so that it can be told which one holds.
fn policy(hidden: &str) -> String {
    format!("name: open\naccount: test\nconfig: {{tools: {{deny: [{hidden}]}}}}\ntoken: none\n")
}

/// Put another file in place of the policy, by a rename.
fn publish(folder: &Path, text: &str) {
    let new = folder.join("new.yaml");
    fs::write(&new, text).expect("a file can be written");
    fs::rename(new, folder.join("policies/open.yaml")).expect("a file can be renamed");
}

#[test]
fn fifty_reloads_under_load_good_and_broken_in_turn_cost_no_call_and_leave_no_moment_without_a_policy() {
    const HIDDEN: [&str; 2] = ["list_all_affinity_notes", "list_all_affinity_lists"];
    let upstream = echo();
    let rest = "config: {tools: {deny: [list_all_affinity_lists]}}\ntoken: none";
    // Without the line of each call: the log is read over and over.
    let log = "telemetry: {log: {level: 'chaperone::app=info,warn'}}";
    let chaperone = Chaperone::serve(&Setup::new(upstream.address()).policy("open", rest).with(log));
    let agent = &chaperone.agent("open");
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let number = answered.fetch_add(1, Ordering::Relaxed);
                        assert_eq!(call(agent, number), Fate::Answered);
                    }
                })
            })
            .collect();
        // The scope waits for the callers: let them end whatever happens here.
        let _end = End(&over);
        for reload in 0..RELOADS / 2 {
            let hidden = HIDDEN[reload % 2];
            publish(chaperone.folder(), &policy(hidden));
            // Every list on the way is a whole one, of the set before or of the new one.
            while shows(agent, hidden) {
                assert!(callers.iter().all(|caller| !caller.is_finished()), "a call failed");
            }
            publish(chaperone.folder(), "name: open\naccount: nobody\ntoken: none\n");
            while lines(&chaperone.log(), "the old set keeps serving") <= reload {
                assert!(!shows(agent, hidden), "a broken set was taken over");
                assert!(callers.iter().all(|caller| !caller.is_finished()), "a call failed");
            }
        }
    });
    assert!(answered.into_inner() > RELOADS);
    chaperone.signal("TERM");
    let (status, log) = chaperone.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(lines(&log, r#""message":"reloaded""#), RELOADS / 2, "{log}");
}

/// Is this tool in a list that has all but one?
fn shows(agent: &Agent, tool: &str) -> bool {
    let tools = agent.tools();
    assert_eq!(tools.len(), 52, "not a whole set: {tools:?}");
    tools.iter().any(|name| name == tool)
}

/// Says that it is over when it goes out of scope.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
