//! The conversation of `tests/clients`, held by rmcp: the MCP client of Rust, which nobody here wrote.
#![cfg(feature = "sandbox")]

mod support;

use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _, RoleClient};
use serde_json::{Value, json};
use support::Demo;

type Client = RunningService<RoleClient, ()>;

async fn connect(url: &str, lifecycle: ClientLifecycleMode) -> Client {
    let transport = StreamableHttpClientTransport::from_uri(url);
    ().serve_with_lifecycle(transport, lifecycle).await.expect("rmcp connects")
}

fn request(tool: &'static str, arguments: &Value) -> CallToolRequestParams {
    CallToolRequestParams::new(tool).with_arguments(arguments.as_object().cloned().unwrap_or_default())
}

/// The structured content of a call that must succeed, and whose text must say the same.
async fn answer(client: &Client, tool: &'static str, arguments: Value) -> Value {
    let result = client.call_tool(request(tool, &arguments)).await.expect("the call is answered");
    assert_ne!(result.is_error, Some(true), "{tool}: {result:?}");
    let structured = result.structured_content.expect("the result is structured");
    let text = result.content[0].as_text().expect("the first block is text");
    let text: Value = serde_json::from_str(&text.text).expect("the text is JSON");
    assert_eq!(text, structured, "{tool}");
    structured
}

/// The message of the protocol error that a call must end in.
async fn refusal(client: &Client, tool: &'static str) -> String {
    match client.call_tool(request(tool, &json!({}))).await {
        Err(ServiceError::McpError(error)) if error.code.0 == -32602 => error.message.into_owned(),
        other => panic!("{tool}: expected -32602, found {other:?}"),
    }
}

async fn converse(lifecycle: ClientLifecycleMode) {
    let demo = Demo::start();
    let client = connect(&demo.full_access, lifecycle.clone()).await;
    assert_eq!(client.list_all_tools().await.expect("tools are listed").len(), 53);

    let found = answer(&client, "list_all_affinity_organizations", json!({"query": "Acme Corp"})).await;
    let named = found["result"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "Acme Corp"));
    let id = named.expect("Acme Corp is found")["id"].clone();
    let organization = answer(&client, "get_single_affinity_organization_by_id", json!({"id": id})).await;
    let mut external_id = Value::Null;
    for id in organization["person_ids"].as_array().into_iter().flatten() {
        let person = answer(&client, "get_single_affinity_person_by_id", json!({"id": id})).await;
        if person["type"] == 0 {
            external_id = id.clone();
            break;
        }
    }
    let strengths =
        answer(&client, "list_all_affinity_relationship_strength", json!({"external_id": external_id})).await;
    assert!(strengths["result"].as_array().is_some_and(|all| !all.is_empty()), "{strengths}");
    let last = answer(&client, "list_all_affinity_interactions", json!({"organization_id": id, "limit": 3})).await;
    assert!(last["result"].as_array().is_some_and(|all| (1..=3).contains(&all.len())), "{last}");
    let me = answer(&client, "list_all_affinity_whoami", json!({})).await;
    let reminder = json!({"owner_id": me["user"]["id"], "type": 0, "due_date": "2026-10-23"});
    assert!(answer(&client, "create_a_affinity_reminder", reminder).await["id"].is_i64());

    let wrong = request("list_all_affinity_relationship_strength", &json!({"externl_id": 1}));
    let wrong = client.call_tool(wrong).await.expect("a wrong argument is a result, not an error");
    assert_eq!(wrong.is_error, Some(true));
    assert!(wrong.content[0].as_text().is_some_and(|text| text.text.contains("externl_id")), "{wrong:?}");
    assert!(refusal(&client, "no_such_tool").await.starts_with("Unknown tool: no_such_tool"));

    let read_only = connect(&demo.read_only, lifecycle).await;
    let hidden = refusal(&read_only, "create_a_affinity_reminder").await;
    assert!(hidden.starts_with("Unknown tool: create_a_affinity_reminder"), "{hidden}");
    answer(&read_only, "list_all_affinity_whoami", json!({})).await;
    answer(&client, "list_all_affinity_whoami", json!({})).await;
}

#[tokio::test]
async fn a_client_with_a_handshake_does_its_work() {
    converse(ClientLifecycleMode::Initialize).await;
}

#[tokio::test]
async fn a_client_of_2026_07_28_does_its_work() {
    converse(ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }).await;
}
