//! The audit trail: every call, and what happens when it cannot be written.

use std::fs;

use serde_json::{Value, json};

use crate::sidecar::Sidecar;
use crate::support::{CREDENTIAL, Setup, Upstream};

const GET: &str = "get_single_affinity_person_by_id";
const CREATE: &str = "create_a_affinity_person";

fn setup(upstream: &Upstream, file: &str, on_failure: &str) -> Setup {
    Setup::new(upstream.address())
        .policy("read", "token: none\nconfig: {methods: [read]}")
        .with(&format!("telemetry: {{audit: {{file: {file}, on_failure: {on_failure}}}}}"))
}

#[test]
fn every_call_has_its_line_denied_ones_too_and_nothing_of_its_content() {
    let upstream = Upstream::start();
    let mut sidecar = Sidecar::start(&setup(&upstream, "./audit.log", "deny"));
    sidecar.call("read", GET, &json!({"id": 7}));
    sidecar.call("read", CREATE, &json!({"first_name": "value-of-an-argument"}));
    sidecar.end();
    let text = fs::read_to_string(sidecar.folder.path().join("audit.log")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |key: &str| lines.iter().map(|line| line[key].clone()).collect::<Vec<_>>();
    assert_eq!(told("tool"), [GET, CREATE]);
    assert_eq!(told("decision"), ["allow", "deny"]);
    assert_eq!(told("error"), [Value::Null, "unknown_tool".into()]);
    assert_eq!(told("upstream.status"), [json!(200), Value::Null]);
    assert!(lines.iter().all(|line| line["trace_id"].as_str().is_some_and(|id| id.len() == 32)));
    assert!(!text.contains("value-of-an-argument") && !text.contains(CREDENTIAL));
}

#[test]
fn while_it_cannot_be_written_calls_are_refused_or_go_on_as_configured_and_all_is_well_afterwards() {
    for (on_failure, refused) in [("deny", true), ("allow", false)] {
        let upstream = Upstream::start();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logs/audit.log");
        fs::create_dir(folder.path().join("logs")).unwrap();
        let mut sidecar = Sidecar::start(&setup(&upstream, &file.display().to_string(), on_failure));
        // Its folder goes, and with it the place to write to.
        fs::remove_dir_all(folder.path().join("logs")).unwrap();
        sidecar.call("read", GET, &json!({"id": 1}));
        sidecar.until("the fault", |observer| observer.audit().unwrap().failing);
        upstream.take();
        let answer = sidecar.call("read", GET, &json!({"id": 2}));
        assert_eq!(answer["result"]["structuredContent"]["error"] == "audit_unavailable", refused, "{answer}");
        assert_eq!(upstream.take().is_empty(), refused, "{on_failure}");

        fs::create_dir(folder.path().join("logs")).unwrap();
        sidecar.until("the recovery", |observer| !observer.audit().unwrap().failing);
        let answer = sidecar.call("read", GET, &json!({"id": 3}));
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        assert!(sidecar.metrics().contains("chaperone_audit_total"));
        sidecar.end();
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        // One that was refused for want of the file too, for there was room.
        assert_eq!(lines, 3, "{on_failure}");
        assert!(sidecar.observer.audit().unwrap().faults > 0);
    }
}
