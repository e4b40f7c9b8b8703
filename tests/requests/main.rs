//! Every tool and every argument: what reaches the upstream and what the agent gets, as `tests/requests.yaml` says.

mod compare;
mod multipart;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use chaperone::document::{At, Sink, parse};
use serde_json::Value;

use compare::{Expected, fits};
use support::{Agent, CREDENTIAL, Chaperone, Received, Scripted, Setup, Upstream};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/requests.yaml");

fn table() -> Vec<Value> {
    let text = std::fs::read_to_string(TABLE).expect("the table can be read");
    let node = parse(TABLE, &text).expect("the table is YAML");
    let Value::Array(cases) = At::root(&Sink::new(TABLE), &node).json() else { panic!("the table is a list") };
    assert!(!cases.is_empty(), "the table has cases");
    cases
}

/// The API, the place where its downloads redirect to, and chaperone in front of them.
struct Stand {
    upstream: Upstream,
    storage: Upstream,
    agent: Agent,
    _chaperone: Chaperone,
}

impl Stand {
    fn start() -> Self {
        let (upstream, storage) = (Upstream::start(), Upstream::start());
        let chaperone = Chaperone::serve(&Setup::new(upstream.address()).policy("requests", "token: none"));
        let agent = chaperone.agent("requests");
        Self { upstream, storage, agent, _chaperone: chaperone }
    }

    /// Where a redirect leads.
    fn location(&self) -> String {
        format!("http://{}/signed?token=storage", self.storage.address())
    }

    /// One round of a case: a call, the exchanges behind it and what comes of it. The answer is the next cursor.
    fn round(&self, tool: &str, arguments: &Value, round: &Value) -> Result<Option<String>, String> {
        let exchanges = match round.get("exchanges") {
            Some(Value::Array(several)) => several.clone(),
            _ => vec![round.clone()],
        };
        self.upstream.answer(script(&exchanges, &self.location()));
        if let Some(redirect) = round.get("redirect") {
            let redirect = scripted(&redirect["upstream"], "");
            self.storage.answer(move |_| redirect.clone());
        }
        let reply = self.agent.call(tool, arguments);
        reached(&exchanges, &self.upstream.take())?;
        let redirect: Vec<Value> = round.get("redirect").into_iter().cloned().collect();
        reached(&redirect, &self.storage.take())?;
        let result = &reply.message["result"];
        let found = if round.get("content").is_some() { &result["content"] } else { reply.structured() };
        let expected = round.get("content").unwrap_or(&round["result"]);
        if !fits(expected, found) {
            return Err(format!("expected the result {expected}, found {}", reply.message));
        }
        if round.get("content").is_none() {
            let text: Option<Value> =
                result["content"][0]["text"].as_str().and_then(|text| serde_json::from_str(text).ok());
            if text.as_ref() != Some(found) {
                return Err("the text block is not the structured content".into());
            }
        }
        Ok(found["next_cursor"].as_str().map(str::to_owned))
    }

    fn case(&self, case: &Value) -> Result<(), String> {
        let tool = case["tool"].as_str().ok_or("the case names no tool")?;
        let cursor = self.round(tool, &case["arguments"], case)?;
        let Some(next) = case.get("next") else { return Ok(()) };
        let mut arguments = case["arguments"].clone();
        arguments["next_cursor"] = cursor.ok_or("there is no cursor to go on with")?.into();
        self.round(tool, &arguments, next).map(drop).map_err(|trouble| format!("next page: {trouble}"))
    }
}

/// Answers each request as the exchange that it belongs to says.
fn script(exchanges: &[Value], location: &str) -> impl Fn(&Received) -> Scripted + Send + use<> {
    let exchanges: Vec<(Value, Scripted)> = exchanges
        .iter()
        .map(|exchange| (exchange["request"].clone(), scripted(&exchange["upstream"], location)))
        .collect();
    move |received| {
        let belongs =
            exchanges.iter().find(|(request, _)| Expected::new(request, CREDENTIAL).is_met_by(received).is_ok());
        belongs.map_or_else(|| Scripted::json(500, &"unexpected".into()), |(_, answer)| answer.clone())
    }
}

fn scripted(upstream: &Value, location: &str) -> Scripted {
    let status = upstream["status"].as_u64().and_then(|status| status.try_into().ok()).unwrap_or(200);
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in upstream["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().replace("<storage>", location);
        headers.insert(name.clone(), value);
    }
    let body = match upstream.get("body") {
        None => String::new(),
        Some(Value::String(text)) if headers.contains_key("content-type") => text.clone(),
        Some(json) => {
            headers.insert("content-type".into(), "application/json".into());
            json.to_string()
        }
    };
    Scripted { status, headers: headers.into_iter().collect(), body: body.into() }
}

/// Each exchange has its request, and there is no other.
fn reached(exchanges: &[Value], received: &[Received]) -> Result<(), String> {
    if exchanges.len() != received.len() {
        return Err(format!("expected {} requests, found {received:?}", exchanges.len()));
    }
    exchanges.iter().try_for_each(|exchange| {
        let expected = Expected::new(&exchange["request"], CREDENTIAL);
        let mut faults = received.iter().map(|received| expected.is_met_by(received).err());
        if received.len() > 1 && faults.any(|fault| fault.is_none()) {
            return Ok(());
        }
        expected.is_met_by(&received[0])
    })
}

#[test]
fn every_call_becomes_the_request_and_the_result_of_the_table() {
    let stand = Stand::start();
    let wrong: Vec<String> = table()
        .iter()
        .filter_map(|case| {
            stand.case(case).err().map(|trouble| format!("{} {}: {trouble}", case["tool"], case["arguments"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_uses_every_argument_of_every_tool() {
    let stand = Stand::start();
    let listed = stand.agent.request("tools/list", &serde_json::json!({}));
    let tools = listed.message["result"]["tools"].as_array().cloned().unwrap_or_default();
    assert_eq!(tools.len(), 53);
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for case in table() {
        let used = used.entry(case["tool"].as_str().unwrap_or_default().to_owned()).or_default();
        used.extend(case["arguments"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
        used.extend(case.get("next").map(|_| "next_cursor".to_owned()));
    }
    let mut missing = Vec::new();
    for tool in &tools {
        let name = tool["name"].as_str().unwrap_or_default();
        let Some(used) = used.get(name) else {
            missing.push(name.to_owned());
            continue;
        };
        let arguments = tool["inputSchema"]["properties"].as_object().into_iter().flatten();
        missing.extend(arguments.filter(|(argument, _)| !used.contains(*argument)).map(|(a, _)| format!("{name} {a}")));
    }
    assert!(missing.is_empty(), "not in the table: {missing:?}");
}
