//! The metrics: there, moving, and with no label of a caller's making.

use serde_json::json;

use crate::receiver::Receiver;
use crate::sidecar::{Sidecar, message};
use crate::support::{Scripted, Setup, Upstream};

const GET: &str = "get_single_affinity_person_by_id";

#[test]
fn a_scripted_run_moves_every_metric_of_the_road_here_and_at_the_collector() {
    let (upstream, receiver) = (Upstream::start(), Receiver::start());
    upstream.answer(|_| {
        let mut answer = Scripted::json(200, &json!({"id": 7}));
        for (name, value) in [("Limit-User", "900"), ("Limit-User-Remaining", "899"), ("Limit-User-Reset", "17")] {
            answer.headers.push((format!("X-Ratelimit-{name}"), value.into()));
        }
        answer
    });
    let setup = Setup::new(upstream.address()).policy("full", "token: none");
    let endpoint = format!("http://{}", receiver.address);
    let mut sidecar = Sidecar::with(&setup, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    sidecar.call("full", GET, &json!({"id": 7}));
    sidecar.call("full", GET, &json!({"id": 8}));
    sidecar.call("full", "made_up_tool", &json!({}));
    sidecar.ask("full", &[], &message("made/up", &json!({})));
    sidecar.ask("nobody", &[], &message("ping", &json!({})));
    for _ in 0..3 {
        sidecar.ask("full", &[], &message("tools/list", &json!({})));
    }
    let text = sidecar.metrics();
    for line in [
        format!(r#"mcp_server_operation_duration_seconds_count{{gen_ai_operation_name="execute_tool",gen_ai_tool_name="{GET}",mcp_method_name="tools/call",mcp_protocol_version="2025-11-25"}} 2"#),
        r#"mcp_server_operation_duration_seconds_count{error_type="-32601",mcp_method_name="_OTHER",mcp_protocol_version="2025-11-25",rpc_response_status_code="-32601"} 1"#.into(),
        "chaperone_added_duration_seconds_count 3".into(),
        r#"http_client_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",server_address="127.0.0.1"} 2"#.into(),
        r#"chaperone_decisions_total{chaperone_decision="deny",chaperone_rule="no such tool",chaperone_server_name="full"} 1"#.into(),
        r#"chaperone_refusals_total{chaperone_refusal="unknown_tool"} 1"#.into(),
        r#"chaperone_refusals_total{chaperone_refusal="unknown_server"} 1"#.into(),
        r#"chaperone_handbook_cache_total{chaperone_result="hit"} 2"#.into(),
        r#"chaperone_handbook_cache_total{chaperone_result="miss"} 1"#.into(),
        r#"chaperone_account_budget_remaining{chaperone_account="test",chaperone_ratelimit_scope="user"} 899"#.into(),
        r#"chaperone_account_budget_limit{chaperone_account="test",chaperone_ratelimit_scope="user"} 900"#.into(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("chaperone_account_budget_reset{"));
    assert!(!text.contains("made_up") && !text.contains("made/up"), "no label is of a caller's making");
    sidecar.end();
    let last = sidecar.metrics();
    assert!(
        last.contains("chaperone_added_duration_seconds_count 3"),
        "who reads after the end reads the last: {last}"
    );
    let exported = receiver.metrics();
    for name in ["mcp.server.operation.duration", "chaperone.added.duration", "chaperone.decisions", "chaperone.spans"]
    {
        assert!(exported.iter().any(|found| found == name), "{name} is not in {exported:?}");
    }
}
