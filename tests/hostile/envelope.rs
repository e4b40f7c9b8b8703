//! JSON and JSON-RPC that are not what they should be.

use crate::case::{Case, Want};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

pub(crate) fn broken_json() -> Vec<Case> {
    let deep = "[".repeat(100_000);
    let deep_object = r#"{"a":"#.repeat(50_000);
    let texts = [
        "",
        " ",
        "{",
        "}",
        "[",
        "\"",
        "nonsense",
        "undefined",
        "NaN",
        "{'jsonrpc':'2.0','id':1,'method':'ping'}",
        r#"{jsonrpc:"2.0",id:1,method:"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping""#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}"#,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}",
        r#"{"jsonrpc":"2.0","id":01,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":+1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":0x1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":.5,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":-,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":Infinity,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"pi\xng"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"pi\u12"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"/* note */}"#,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\nng\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\0ng\"}",
        "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
        "\0{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\0",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\u{b}",
        "data: {}\n\n",
        "<?xml version=\"1.0\"?><a/>",
        &deep,
        &deep_object,
    ];
    let bytes: [&[u8]; 9] = [
        b"\xff",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"\xfe\":1,\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":\"\xc0\xaf\",\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":\"\xed\xa0\x80\",\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":\"\xe2\x82\",\"method\":\"ping\"}",
        b"\xff\xfe{\0}\0",
        b"\0{\0}",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0",
    ];
    let all = texts.iter().map(|text| text.as_bytes()).chain(bytes);
    all.map(|body| Case::body(body, Want::Fault(400, -32700))).collect()
}

pub(crate) fn not_one_message() -> Vec<Case> {
    let nested = format!("{}{}", "[".repeat(60), "]".repeat(60));
    [
        "1",
        "null",
        "true",
        "\"ping\"",
        "{}",
        "[]",
        "[[]]",
        "[1,2,3]",
        &nested,
        &format!("[{PING}]"),
        &format!("[{PING},{PING}]"),
        r#"["2.0",1,"ping"]"#,
        r#"["2.0",1,"tools/call",{"name":"get_single_affinity_person_by_id","arguments":{"id":1}}]"#,
        r#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#,
        r#"{"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":null,"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":["2.0"],"id":1,"method":"ping"}"#,
        r#"{"JSONRPC":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":{"name":"ping"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#,
        r#"{"jsonrpc":"2.0","id":1,"Method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},"params":{"name":"x"}}"#,
    ]
    .map(|body| Case::body(body, Want::Fault(400, -32600)))
    .into()
}

pub(crate) fn ids() -> Vec<Case> {
    let with = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    let huge = "9".repeat(200);
    let echoed = [
        "0",
        "-1",
        "9007199254740993",
        "18446744073709551616",
        &huge,
        r#""""#,
        r#""\u0000\"\\""#,
        r#""../..""#,
        r#""\ud800""#,
    ];
    let too_long = [format!("\"{}\"", "a".repeat(10_000)), "9".repeat(10_000)];
    let refused = ["null", "true", "1.5", "1e3", "1.0", "[]", "[1]", "{}", r#"{"a":1}"#];
    let refused = refused.into_iter().map(str::to_owned).chain(too_long);
    let echoed = echoed.into_iter().map(|id| Case::body(with(id), Want::Echo(id.into())));
    echoed.chain(refused.map(|id| Case::body(with(&id), Want::Fault(400, -32600)))).collect()
}

pub(crate) fn unanswered() -> Vec<Case> {
    [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/of/nothing","params":{"a":[[[[]]]]}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"get_single_affinity_person_by_id","arguments":{"id":1}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#,
    ]
    .map(|body| Case::body(body, Want::Accepted))
    .into()
}

pub(crate) fn wrong_params() -> Vec<Case> {
    let calls = [
        "[]",
        "7",
        "null",
        "\"x\"",
        "{}",
        r#"{"arguments":{"id":1}}"#,
        r#"{"name":7}"#,
        r#"{"name":null}"#,
        r#"{"name":["get_single_affinity_person_by_id"]}"#,
        r#"{"name":{"$eq":"x"}}"#,
        r#"{"name":"\ud800"}"#,
        r#"{"name":"a","name":"get_single_affinity_person_by_id","arguments":{"id":1}}"#,
        r#"{"name":"a","n\u0061me":"get_single_affinity_person_by_id","arguments":{"id":1}}"#,
        r#"{"name":"get_single_affinity_person_by_id","arguments":{"id":1},"arguments":{"id":2}}"#,
        r#"{"name":"get_single_affinity_person_by_id","arguments":{"id":1},"_meta":7}"#,
        r#"{"name":"get_single_affinity_person_by_id","arguments":{"id":1},"_meta":["2025-11-25",{}]}"#,
        r#"{"name":"get_single_affinity_person_by_id","arguments":{"id":1},"_meta":{},"_meta":{}}"#,
    ];
    let lists = ["[]", r#"{"cursor":"next"}"#, r#"{"cursor":7}"#, r#"{"cursor":{}}"#];
    let calls = calls.into_iter().map(|params| Case::params("tools/call", params, Want::Fault(200, -32602)));
    let lists = lists.into_iter().map(|params| Case::params("tools/list", params, Want::Fault(200, -32602)));
    calls.chain(lists).collect()
}

pub(crate) fn unknown_names() -> Vec<Case> {
    let long = "a".repeat(10_000);
    let methods = [
        "",
        "tools",
        "tools/call ",
        "TOOLS/CALL",
        "tools\\u002fcall2",
        "tools/call\\u0000",
        "../tools/call",
        "__proto__",
        "server/discover",
        "rpc.discover",
        "resources/list",
        "prompts/get",
        "logging/setLevel",
        "completion/complete",
        &long,
    ];
    let tools = [
        "",
        " ",
        "*",
        "%2e%2e",
        "../../persons",
        "GET_SINGLE_AFFINITY_PERSON_BY_ID",
        " get_single_affinity_person_by_id",
        "get_single_affinity_person_by_id\\u0000",
        "get_single_affinity_person_by_id\\n",
        "get_single_affinity_pers\\u043en_by_id",
        "constructor",
        "{{7*7}}",
        "'; drop table persons; --",
        "\\ud83d\\ude00",
        &long,
    ];
    let methods = methods.into_iter().map(|method| Case::params(method, "{}", Want::Fault(200, -32601)));
    let tools = tools.into_iter().map(|tool| Case::call(tool, "{}", Want::Fault(200, -32602)));
    methods.chain(tools).collect()
}
