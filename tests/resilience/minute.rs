//! A minute of every kind of trouble, all at the same time and each before a chaperone of its own. Run by hand:
//!
//! ```sh
//! cargo test --release --test resilience -- --ignored --nocapture
//! ```

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::difficult::Mood;
use crate::stand::{CALL_TIMEOUT, Stand};
use crate::support::Agent;
use crate::{AT_ONCE, GET};

/// How long each is in trouble.
const MINUTE: Duration = Duration::from_mins(1);

/// Agents that call one after the other, each as fast as it gets answers but for a breath.
const AGENTS: usize = 4;
const BREATH: Duration = Duration::from_millis(20);

/// `upstream.breaker.open_for` here: the default, so that it opens about six times in the minute.
const OPEN_FOR: Duration = Duration::from_secs(10);

/// A process that has served for a while may keep so much more than before.
const SLACK_KIB: u64 = 4096;

/// What one agent met.
#[derive(Debug, Default)]
struct Met {
    refused: usize,
    failed: usize,
    longest: Duration,
}

#[test]
#[ignore = "takes more than a minute"]
fn a_minute_of_each_kind_of_trouble_has_its_answers_in_time_and_ends_with_nothing_left() {
    let kinds = [
        (Mood::Dead, "upstream_unreachable"),
        (Mood::Silent, "upstream_timeout"),
        (Mood::Dripping, "upstream_timeout"),
        (Mood::CutOff, "upstream_incomplete"),
        (Mood::Failing, "upstream_error"),
    ];
    thread::scope(|scope| {
        for (mood, word) in kinds {
            scope.spawn(move || minute(mood, word));
        }
    });
}

#[expect(clippy::print_stdout, reason = "whoever runs it wants the figures")]
fn minute(mood: Mood, word: &str) {
    let stand = Stand::start("upstream: {call_timeout: 1s}");
    // What is made once is made by then.
    call_until(&stand, Instant::now() + Duration::from_secs(5), None);
    let before = stand.memory_kib();
    let asked_before = stand.upstream.asked();
    stand.upstream.turn(mood);
    let begun = Instant::now();
    let met = call_until(&stand, begun + MINUTE, Some(word));
    stand.wait_until_idle();
    let after = stand.memory_kib();
    let (opened, tried) = (said(&stand, "open"), said(&stand, "half-open"));
    let asked = stand.upstream.asked() - asked_before;
    println!(
        "{mood:?}: {} calls refused at once, {} failed as {word}, the longest {:?}; opened {opened} times, tried {tried}; \
         upstream asked {asked} times; {before} KiB before, {after} after",
        met.refused, met.failed, met.longest
    );
    assert!(met.longest < CALL_TIMEOUT + AT_ONCE, "{mood:?}: {met:?}");
    assert!(after < before + SLACK_KIB, "{mood:?}: from {before} to {after} KiB");
    // It opens, is tried by one call each time that its time is over, and opens again.
    let rounds = usize::try_from(MINUTE.as_secs() / OPEN_FOR.as_secs()).unwrap();
    assert!((rounds - 2..=rounds + 1).contains(&opened), "{mood:?}: opened {opened} times");
    assert!((opened - 1..=opened).contains(&tried), "{mood:?}: tried {tried} times, opened {opened} times");
    // Five in a row open it, and of those that are under way then each may fail; after that it is one a try.
    assert!(met.failed <= 5 + AGENTS + tried, "{mood:?}: {met:?}");
    assert!(met.refused > 20 * met.failed, "{mood:?}: {met:?}");

    stand.upstream.turn(Mood::Well);
    stand.until(|| !stand.agent().call(GET, &json!({"id": 1})).is_tool_error());
    assert!(begun.elapsed() < MINUTE + OPEN_FOR + Duration::from_secs(5), "{mood:?}: it comes back by itself");
    assert_eq!(said(&stand, "closed"), 1, "{mood:?}");
    stand.wait_until_idle();
}

/// All agents call until then; without a word for it, no call may fail.
fn call_until(stand: &Stand, end: Instant, word: Option<&str>) -> Met {
    let call = |agent: Agent| {
        let mut met = Met::default();
        while Instant::now() < end {
            let begun = Instant::now();
            let reply = agent.call(GET, &json!({"id": 1}));
            let elapsed = begun.elapsed();
            let error = reply.structured()["error"].as_str().filter(|_| reply.is_tool_error());
            match (error, word) {
                (None, None) => {}
                (Some("upstream_unavailable"), Some(_)) => {
                    met.refused += 1;
                    assert!(elapsed < AT_ONCE, "refused after {elapsed:?}");
                    assert!(reply.structured()["retry_after"].as_u64().is_some_and(|seconds| seconds >= 1));
                }
                (error, word) => {
                    assert_eq!(error, word, "{:?}", reply.message);
                    met.failed += 1;
                }
            }
            met.longest = met.longest.max(elapsed);
            thread::sleep(BREATH);
        }
        met
    };
    let all = thread::scope(|scope| {
        let agents: Vec<_> = (0..AGENTS).map(|_| stand.agent()).map(|agent| scope.spawn(move || call(agent))).collect();
        agents.into_iter().map(|agent| agent.join().unwrap()).collect::<Vec<_>>()
    });
    all.into_iter().fold(Met::default(), |sum, met| Met {
        refused: sum.refused + met.refused,
        failed: sum.failed + met.failed,
        longest: sum.longest.max(met.longest),
    })
}

/// How often the breaker changed to this.
fn said(stand: &Stand, state: &str) -> usize {
    stand.chaperone.log().matches(&format!(r#""breaker.state":"{state}""#)).count()
}
