//! The Affinity sandbox over plain HTTP: what the published client does not call, and what holds for every operation.
//! `tests/sdk/run.py` has the rest.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "what a test cannot go on without fails it")]

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use chaperone::sandbox::{Config, Quota, RateLimit, Sandbox};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

const ACME: u64 = 5001;
const DANA: u64 = 2001;
const ME: u64 = 1001;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

/// A running sandbox and a client of it.
struct Api {
    address: SocketAddr,
    client: Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Api {
    async fn start() -> Self {
        Self::with(Config::default()).await
    }

    async fn with(config: Config) -> Self {
        let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config };
        let sandbox = Sandbox::bind(config).await.unwrap();
        let address = sandbox.local_addr();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(sandbox.run(async { drop(stopped.await) }));
        Self { address, client: Client::builder(TokioExecutor::new()).build_http(), stop, server }
    }

    async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
        let response = self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body =
            serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into()));
        Answer { status: head.status, headers: head.headers, body }
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let uri = format!("http://{}{path}", self.address);
        Request::builder().method(method).uri(uri).header("authorization", "Bearer key")
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.request(method, path).header("content-type", "application/json");
        self.send(request, if body.is_null() { String::new() } else { body.to_string() }).await
    }

    /// The body of a GET that must be answered 200.
    async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.body
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.body
    }

    async fn refused(&self, method: Method, path: &str, body: Value) -> (StatusCode, String) {
        let answer = self.call(method, path, body).await;
        let text = answer.body.as_array().filter(|texts| texts.len() == 1).and_then(|texts| texts[0].as_str());
        (answer.status, text.unwrap_or_else(|| panic!("{path}: {}", answer.body)).to_owned())
    }

    async fn end(self) {
        drop(self.client);
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
    }
}

fn ids(items: &Value) -> Vec<u64> {
    items.as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn whoami_names_the_user_in_camel_case() {
    let api = Api::start().await;
    let whoami = api.get("/auth/whoami").await;
    assert_eq!(whoami["user"]["id"], ME);
    assert_eq!(whoami["user"]["firstName"], "Maya");
    assert_eq!(whoami["tenant"]["subdomain"], "northwind");
    api.end().await;
}

#[tokio::test]
async fn plain_arrays_stay_plain() {
    let api = Api::start().await;
    for path in ["/lists", "/fields", "/persons/fields", "/organizations/fields", "/webhook"] {
        assert!(api.get(path).await.is_array(), "{path}");
    }
    assert_eq!(ids(&api.get("/persons/fields").await), [411, 412, 413]);
    assert_eq!(ids(&api.get("/organizations/fields").await), [406, 407, 408, 409, 410]);
    let list = api.get("/lists/302").await;
    assert_eq!((&list["list_size"], ids(&list["fields"])), (&json!(12), vec![401, 402, 403, 404]));
    api.end().await;
}

#[tokio::test]
async fn fields_are_filtered_and_shown_as_asked() {
    let api = Api::start().await;
    assert_eq!(ids(&api.get("/fields?value_type=7").await), [401, 405]);
    assert_eq!(ids(&api.get("/fields?entity_type=0").await), [411, 412, 413]);
    let fields = api.get("/fields?list_id=302&with_modified_names=true&exclude_dropdown_options=true").await;
    assert_eq!(fields[0]["name"], "[Deals] Status");
    assert!(fields[0].get("dropdown_options").is_none());
    let made = json!({"name": "Sector", "entity_type": 1, "value_type": 2});
    assert_eq!(api.post("/fields", made).await["value_type"], 17, "a dropdown is made as a managed dropdown");
    api.end().await;
}

#[tokio::test]
async fn list_entries_are_an_array_until_paging_is_asked_for() {
    let api = Api::start().await;
    let all = api.get("/lists/301/list-entries").await;
    let page = api.get("/lists/301/list-entries?page_size=5").await;
    let token = page["next_page_token"].as_str().unwrap();
    let rest = api.get(&format!("/lists/301/list-entries?page_size=5&page_token={token}")).await;
    let paged = [ids(&page["list_entries"]), ids(&rest["list_entries"])].concat();
    assert_eq!(paged, ids(&all));
    assert!(rest["next_page_token"].is_null());
    let first = paged[0];
    let entry = api.get(&format!("/lists/301/list-entries/{first}")).await;
    assert_eq!((&entry["entity_id"], &entry["entity"]["name"]), (&json!(ACME), &json!("Acme Corp")));
    let (status, text) = api.refused(Method::GET, &format!("/lists/302/list-entries/{first}"), Value::Null).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        text,
        format!("Field list_entry_id: expected {first} to be a valid id for model Affinity::Models::ListEntry")
    );
    api.end().await;
}

#[tokio::test]
async fn a_full_page_bears_a_token_even_if_the_next_one_is_empty() {
    let api = Api::start().await;
    let page = api.get("/opportunities?page_size=12").await;
    let token = page["next_page_token"].as_str().unwrap();
    let empty = api.get(&format!("/opportunities?page_size=12&page_token={token}")).await;
    assert_eq!(empty, json!({"opportunities": [], "next_page_token": null}));
    let other = format!("/opportunities?page_size=11&page_token={token}");
    let refused = api.refused(Method::GET, &other, Value::Null).await;
    assert_eq!(refused, (StatusCode::UNPROCESSABLE_ENTITY, "Invalid page_token variable".to_owned()));
    api.end().await;
}

#[tokio::test]
async fn notes_live_and_die_with_their_creator_and_parent() {
    let api = Api::start().await;
    let note =
        api.post("/notes", json!({"content": "A <strong>bold</strong> plan", "type": 2, "person_ids": [DANA]})).await;
    assert_eq!((&note["content"], &note["creator_id"]), (&json!("A **bold** plan"), &json!(ME)));
    let id = note["id"].as_u64().unwrap();
    let reply = api.post("/notes", json!({"content": "Yes", "parent_id": id, "person_ids": [DANA]})).await;
    assert_eq!((&reply["parent_id"], &reply["person_ids"]), (&json!(id), &json!([])));
    let changed = api.call(Method::PUT, &format!("/notes/{id}"), json!({"content": "<p>x</p>"})).await.body;
    assert_eq!((&changed["content"], &changed["type"]), (&json!("<p>x</p>"), &json!(0)));
    assert_eq!(api.get(&format!("/notes/{id}")).await, changed);
    let deleted = api.call(Method::DELETE, &format!("/notes/{id}"), Value::Null).await;
    assert_eq!(deleted.body, json!({"success": true}));
    let (status, _) = api.refused(Method::GET, &format!("/notes/{}", reply["id"]), Value::Null).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _) = api.refused(Method::DELETE, "/notes/90002", Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, text) = api.refused(Method::POST, "/notes", json!({"content": "x"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text.contains("must be specified"), "{text}");
    api.end().await;
}

#[tokio::test]
async fn reminders_follow_their_types_rules() {
    let api = Api::start().await;
    let made = api.post("/reminders", json!({"owner_id": ME, "type": 0, "due_date": "2026-10-23"})).await;
    assert_eq!(made["due_date"], "2026-10-23T00:00:00.000-08:00");
    let path = format!("/reminders/{}", made["id"]);
    assert_eq!(api.get(&path).await["id"], made["id"]);
    let done = api.call(Method::PUT, &path, json!({"is_completed": true})).await.body;
    assert_eq!((&done["status"], &done["completer"]["id"]), (&json!(0), &json!(ME)));
    assert_eq!(api.call(Method::DELETE, &path, Value::Null).await.body, json!({"success": true}));
    for (body, text) in [
        (json!({"owner_id": ME, "type": 0}), "Field due_date: is required"),
        (json!({"owner_id": ME, "type": 1, "reset_type": 0}), "Field reminder_days: is required"),
        (
            json!({"owner_id": ME, "type": 1, "reset_type": 0, "reminder_days": 0}),
            "Field reminder_days: expected 0 to be at least 1",
        ),
        (json!({"owner_id": DANA, "type": 0, "due_date": "2027-01-01"}), "Field owner_id: Person is not internal"),
        (
            json!({"owner_id": ME, "type": 0, "due_date": "2027-01-01", "person_id": ME}),
            "Field person_id: Person is not an external or collaborator",
        ),
        (
            json!({"owner_id": ME, "type": 0, "due_date": "2027-01-01", "person_id": DANA, "organization_id": ACME}),
            "At most one of person_id, organization_id, opportunity_id can be specified",
        ),
    ] {
        let refused = api.refused(Method::POST, "/reminders", body).await;
        assert_eq!(refused, (StatusCode::UNPROCESSABLE_ENTITY, text.to_owned()));
    }
    assert_eq!(api.refused(Method::DELETE, "/reminders/15006", Value::Null).await.0, StatusCode::FORBIDDEN);
    api.end().await;
}

#[tokio::test]
async fn each_reminder_filter_narrows_the_list() {
    let api = Api::start().await;
    for (filter, expected) in [
        ("", 10),
        ("person_id=2001", 1),
        ("organization_id=5001", 1),
        ("opportunity_id=7001", 1),
        ("creator_id=1001", 5),
        ("owner_id=1003", 2),
        ("completer_id=1001", 1),
        ("type=1", 3),
        ("type=1&reset_type=0", 3),
        ("status=0", 1),
        ("status=2", 2),
        ("due_before=2001-01-01", 0),
        ("due_after=2001-01-01", 10),
    ] {
        let found = api.get(&format!("/reminders?{filter}")).await;
        assert_eq!(found["reminders"].as_array().unwrap().len(), expected, "{filter}");
    }
    api.end().await;
}

#[tokio::test]
async fn three_webhooks_and_no_more() {
    let api = Api::start().await;
    let body = json!({"webhook_url": "https://hooks.example.com/a", "subscriptions": ["note.created"]});
    let made = api.post("/webhook/subscribe", body.clone()).await;
    assert_eq!((&made["disabled"], &made["created_by"]), (&json!(false), &json!(ME)));
    let path = format!("/webhook/{}", made["id"]);
    let form = api.request(Method::PUT, &path).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(api.send(form, "disabled=true").await.body["disabled"], true);
    assert_eq!(api.get(&path).await["disabled"], true);
    for _ in 0..2 {
        api.post("/webhook/subscribe", body.clone()).await;
    }
    let (status, text) = api.refused(Method::POST, "/webhook/subscribe", body).await;
    assert_eq!((status, text.contains("three") || text.contains('3')), (StatusCode::UNPROCESSABLE_ENTITY, true));
    assert_eq!(api.call(Method::DELETE, &path, Value::Null).await.body, json!({"success": true}));
    assert_eq!(ids(&api.get("/webhook").await).len(), 2);
    let unknown = json!({"webhook_url": "https://hooks.example.com", "subscriptions": ["note.eaten"]});
    assert_eq!(api.refused(Method::POST, "/webhook/subscribe", unknown).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    api.end().await;
}

#[tokio::test]
async fn interactions_need_one_type_one_entity_and_a_year_at_most() {
    let api = Api::start().await;
    let year = "start_time=2025-01-01T00:00:00Z&end_time=2026-01-01T00:00:00Z";
    for (query, text) in [
        (format!("{year}&organization_id=5001"), "Field type: is required"),
        ("type=0&organization_id=5001".to_owned(), "Field start_time: is required"),
        (format!("type=0&{year}"), "One of person_id, organization_id or opportunity_id must be specified"),
        (
            "type=0&organization_id=5001&start_time=2024-01-01T00:00:00Z&end_time=2025-01-01T00:00:00Z".to_owned(),
            "Field end_time: the date range must not exceed one year",
        ),
        (format!("type=0&{year}&person_id=1001"), "Field person_id: Person is not an external or collaborator"),
        (
            format!("type=0&{year}&organization_id=5001&page_size=101"),
            "Field page_size: expected 101 to be between 1 and 100",
        ),
    ] {
        let refused = api.refused(Method::GET, &format!("/interactions?{query}"), Value::Null).await;
        assert_eq!(refused, (StatusCode::UNPROCESSABLE_ENTITY, text.to_owned()), "{query}");
    }
    api.end().await;
}

#[tokio::test]
async fn lists_with_interaction_dates_leave_out_who_has_none() {
    let api = Api::start().await;
    let all = api.get("/organizations").await;
    let active = api.get("/organizations?with_interaction_dates=true").await;
    let active = active["organizations"].as_array().unwrap();
    assert!(active.len() < all["organizations"].as_array().unwrap().len());
    assert!(active.iter().all(|organization| organization["interaction_dates"].is_object()));
    let last = active[0]["interaction_dates"]["last_email_date"].as_str().unwrap().to_owned();
    let window = format!("min_last_email_date={last}&max_last_email_date={last}");
    assert_eq!(ids(&api.get(&format!("/organizations?{window}")).await["organizations"]), [ACME]);
    let person = api.get("/persons/2003?with_current_organizations=true&with_opportunities=true").await;
    assert_eq!(person["organization_ids"], json!([5001, 5002]));
    assert_eq!(person["current_organization_ids"], json!([5001]));
    assert_eq!(person["opportunity_ids"], json!([7012]));
    api.end().await;
}

#[tokio::test]
async fn a_deleted_person_takes_what_hung_on_them_along() {
    let api = Api::start().await;
    assert_eq!(api.call(Method::DELETE, "/persons/2001", Value::Null).await.status, StatusCode::OK);
    assert_eq!(api.get("/organizations/5001").await["person_ids"], json!([2002, 2003, 2004]));
    assert_eq!(api.get("/opportunities/7001").await["person_ids"], json!([2002]));
    assert_eq!(api.refused(Method::GET, "/reminders/15002", Value::Null).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(api.get("/lists/303").await["list_size"], 5);
    api.end().await;
}

#[tokio::test]
async fn several_files_go_up_in_one_request() {
    let api = Api::start().await;
    let part = |name: &str| {
        format!("--b\r\ncontent-disposition: form-data; name=\"files[]\"; filename=\"{name}\"\r\n\r\n{name}\r\n")
    };
    let target = "--b\r\ncontent-disposition: form-data; name=\"person_id\"\r\n\r\n2002\r\n--b--\r\n";
    let body = [part("one"), part("two"), target.to_owned()].concat();
    let upload =
        || api.request(Method::POST, "/entity-files").header("content-type", "multipart/form-data; boundary=b");
    assert_eq!(api.send(upload(), body).await.body["success"], true);
    let files = api.get("/entity-files?person_id=2002").await;
    let names: Vec<&Value> = files["entity_files"].as_array().unwrap().iter().map(|file| &file["name"]).collect();
    assert_eq!(names, ["two", "one"], "newest first");
    let answer = api.send(upload(), target).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "no file");
    let download = api.call(Method::GET, "/entity-files/download/43001", Value::Null).await;
    assert_eq!(download.status, StatusCode::FOUND);
    let location = download.headers["location"].to_str().unwrap().to_owned();
    assert!(!location.starts_with(&format!("http://{}", api.address)), "the storage is another origin");
    let plain = api.send(Request::get(&location), "").await;
    assert!(plain.body.as_str().unwrap().starts_with("Acme Corp"));
    let keyed = api.send(Request::get(&location).header("authorization", "Bearer key"), "").await;
    assert_eq!(keyed.status, StatusCode::BAD_REQUEST);
    api.end().await;
}

#[tokio::test]
async fn what_is_no_operation_is_an_unknown_endpoint() {
    let api = Api::start().await;
    for (method, path) in [
        (Method::GET, "/relationship-strengths"),
        (Method::GET, "/v2/companies"),
        (Method::PATCH, "/persons/2001"),
        (Method::GET, "/persons/abc"),
        (Method::GET, "/"),
    ] {
        let refused = api.refused(method, path, Value::Null).await;
        assert_eq!(refused, (StatusCode::NOT_FOUND, "Unknown API endpoint".to_owned()), "{path}");
    }
    let (status, _) = api.refused(Method::POST, "/persons", json!([1])).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    api.end().await;
}

#[tokio::test]
async fn ids_that_were_merged_away_say_where_to() {
    let api = Api::start().await;
    let refused = api.refused(Method::GET, "/organizations/5998", Value::Null).await;
    let text = "5998 no longer exists as it has been merged into 5001".to_owned();
    assert_eq!(refused, (StatusCode::UNPROCESSABLE_ENTITY, text));
    api.end().await;
}

#[tokio::test]
async fn both_buckets_count_down_and_refuse_at_zero() {
    let rate_limit = RateLimit { user_per_minute: 4, org_per_month: Quota::Limited(2) };
    let api = Api::with(Config { rate_limit, ..Config::default() }).await;
    let remaining = |answer: &Answer, bucket: &str| {
        let value = &answer.headers[format!("x-ratelimit-limit-{bucket}-remaining")];
        value.to_str().unwrap().parse::<u64>().unwrap()
    };
    for (path, status, user, org) in [
        ("/lists", StatusCode::OK, 3, 1),
        ("/auth/whoami", StatusCode::OK, 2, 1),
        ("/lists", StatusCode::OK, 1, 0),
        ("/lists", StatusCode::TOO_MANY_REQUESTS, 1, 0),
        ("/rate-limit", StatusCode::OK, 0, 0),
        ("/rate-limit", StatusCode::TOO_MANY_REQUESTS, 0, 0),
    ] {
        let answer = api.call(Method::GET, path, Value::Null).await;
        assert_eq!(
            (answer.status, remaining(&answer, "user"), remaining(&answer, "org")),
            (status, user, org),
            "{path}"
        );
        assert!(!answer.headers.contains_key("retry-after"));
        let reset: u64 = answer.headers["x-ratelimit-limit-user-reset"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&reset));
    }
    api.end().await;
}

#[tokio::test]
async fn every_answer_waits_for_the_latency() {
    let latency = Duration::from_millis(80);
    let api = Api::with(Config { latency, ..Config::default() }).await;
    let began = std::time::Instant::now();
    api.get("/lists").await;
    assert!(began.elapsed() >= latency);
    api.end().await;
}

#[tokio::test]
async fn a_seed_of_ones_own_replaces_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.yaml");
    let text =
        "tenant: { id: 1, name: T, subdomain: t }\nme: 7\ncolleagues: [{ id: 7, name: Ann Lee, email: a@t.io }]\n";
    std::fs::write(&seed, text).unwrap();
    let api = Api::with(Config { seed: Some(seed.clone()), ..Config::default() }).await;
    assert_eq!(ids(&api.get("/persons").await["persons"]), [7]);
    api.end().await;
    std::fs::write(&seed, "tenant: 5\n").unwrap();
    let config = Config { seed: Some(seed), listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Config::default() };
    let error = Sandbox::bind(config).await.unwrap_err().to_string();
    assert!(error.contains("seed.yaml:1:9: tenant: expected a mapping"), "{error}");
    assert!(error.contains("the key `me` is missing"), "{error}");
}
