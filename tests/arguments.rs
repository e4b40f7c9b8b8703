//! The checks of a tool's arguments, through catalogs as they are written.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use chaperone::catalog::{
    Catalog,
    arguments::Checked,
    tool::{Operation, Tool},
};
use jiff::Timestamp;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Map, Value, json};

static TRACKER: LazyLock<Catalog> = LazyLock::new(|| {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogs/valid/tracker");
    Catalog::load(&folder).unwrap_or_else(|faults| panic!("{faults}"))
});

static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| Catalog::builtin().unwrap_or_else(|faults| panic!("{faults}")));

fn tool(name: &str) -> &'static Tool {
    let tools = TRACKER.integration("tracker").unwrap().tools.iter();
    let builtin = BUILTIN.integration("affinity").unwrap().tools.iter();
    tools.chain(builtin).find(|tool| &*tool.name == name).unwrap_or_else(|| panic!("no tool {name}"))
}

fn now() -> Timestamp {
    "2025-11-22T10:00:00.5Z".parse().unwrap()
}

/// What comes of these arguments: the checked ones, or `argument: problem` of every misfit.
fn check(name: &str, arguments: &str) -> Result<Checked, Vec<String>> {
    tool(name).checker.check(Some(arguments), now()).map_err(|misfits| {
        misfits.into_iter().map(|misfit| format!("{}: {}", misfit.argument, misfit.problem)).collect()
    })
}

fn misfits(name: &str, arguments: &Value) -> Vec<String> {
    check(name, &arguments.to_string()).expect_err("the arguments fit")
}

fn values(name: &str, arguments: &Value) -> Value {
    check(name, &arguments.to_string()).unwrap_or_else(|misfits| panic!("{misfits:?}")).values.into()
}

#[test]
fn arguments_may_be_left_out_but_are_an_object() {
    assert_eq!(tool("fixed_text").checker.check(None, now()), Ok(Checked::default()));
    for text in ["null", "[]", "1", "\"{}\""] {
        assert!(check("fixed_text", text).unwrap_err()[0].contains("expected an object of arguments"), "{text}");
    }
}

#[test]
fn every_fault_comes_at_once_with_its_path() {
    let found = misfits(
        "create_a_tracker_issue",
        &json!({
            "project": "..",
            "titel": "x",
            "dry_run": "maybe",
            "due": "2025-02-30",
            "estimate": -1,
            "parts": [{"title": "a", "points": "many", "owner": {}}, {"colour": 1}],
        }),
    );
    let expected = [
        "project: expected an id that is not empty, `.` or `..`, found \"..\"",
        "titel: unknown argument; did you mean `title`?",
        "title: required, but missing",
        "dry_run: expected a boolean, found \"maybe\"",
        "due: expected a date such as 2025-11-22, found \"2025-02-30\"",
        "estimate: fits no allowed form, found -1: expected at least 0, found -1; or expected null, found -1",
        "parts[0].points: expected an integer of 64 bits, found \"many\"",
        "parts[0].owner.id: required, but missing",
        "parts[1].title: required, but missing",
        "parts[1].colour: unknown property",
        ": give at most one of due, estimate; found due, estimate",
    ];
    for line in expected {
        assert!(found.contains(&line.to_owned()), "{line} is not among {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn strings_are_converted_wherever_the_schema_wants_something_else() {
    let given = json!({
        "project": "ABC", "title": "5", "dry_run": "true", "estimate": "1.5",
        "parts": "[{\"title\": \"x\", \"points\": \"3\", \"owner\": \"{\\\"id\\\": \\\"7\\\"}\"}]",
    });
    let expected = json!({
        "project": "ABC", "title": "5", "dry_run": true, "estimate": 1.5,
        "parts": [{"title": "x", "points": 3, "owner": {"id": 7}}],
    });
    assert_eq!(values("create_a_tracker_issue", &given), expected);
}

#[test]
fn null_is_no_way_to_leave_an_argument_out_unless_the_schema_takes_it() {
    let found = misfits("create_a_tracker_issue", &json!({"project": "A", "title": "x", "due": null}));
    assert_eq!(found, ["due: expected a string, found null; leave it out instead"]);
    assert!(check("create_a_tracker_issue", r#"{"project":"A","title":"x","estimate":null}"#).is_ok());
}

#[test]
fn keys_that_stand_twice_and_bottomless_nesting_are_misfits() {
    assert_eq!(check("fixed_text", r#"{"a":1,"a":2}"#).unwrap_err(), [": the key `a` stands twice"]);
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(120), "]".repeat(120));
    assert_eq!(check("fixed_text", &deep).unwrap_err(), [": nested deeper than 100 levels"]);
}

#[test]
fn long_values_and_long_lists_of_faults_are_cut() {
    let long = "x".repeat(100_000);
    let found = misfits("get_single_tracker_issue_by_id", &json!({"project": "A", "id": long}));
    assert!(found[0].len() < 200, "{}", found[0]);
    let many: Map<String, Value> = (0..1000).map(|n| (format!("{n}{long:.9}"), json!(1))).collect();
    assert!(misfits("fixed_text", &many.into()).len() <= 32);
    let many: Vec<Value> = vec![json!("x"); 100_000];
    assert_eq!(misfits("create_a_affinity_note", &json!({"content": "x", "person_ids": many})).len(), 1);
}

#[test]
fn ids_in_a_path_are_integers_from_zero_or_text_that_stays_one_segment() {
    for id in [json!(0), json!("38706"), json!(38706.0), json!(u64::MAX)] {
        assert!(check("get_single_affinity_person_by_id", &json!({"id": id}).to_string()).is_ok(), "{id}");
    }
    let bad = [json!(-1), json!("1/../2"), json!("5 "), json!(1.5), json!(1e20), json!(""), json!([1]), json!(true)];
    for id in bad {
        assert_eq!(misfits("get_single_affinity_person_by_id", &json!({"id": id})).len(), 1, "{id}");
    }
    let huge = r#"{"id": 18446744073709551616}"#;
    assert!(check("get_single_affinity_person_by_id", huge).unwrap_err()[0].contains("integer of 64 bits"));
    for id in ["", ".", "..", "A-1/../B-2", "%2e%2e"] {
        assert_eq!(misfits("get_single_tracker_issue_by_id", &json!({"project": "A", "id": id})).len(), 1, "{id}");
    }
}

#[test]
fn a_file_that_is_not_allowed_is_refused_argument_by_argument() {
    let with = |name: &str, content: &str, media_type: &str| json!({"file_name": name, "content": content, "media_type": media_type, "person_id": 1});
    assert!(values("affinity_files_upload", &with("a.pdf", "YWJj", "application/pdf")).is_object());
    let found = misfits("affinity_files_upload", &with("a/b.exe", "YWJ", "text/html"));
    let arguments: Vec<&str> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(arguments, ["file_name", "content", "media_type"], "{found:#?}");
}

#[test]
fn defaults_are_filled_in_after_what_the_caller_gave() {
    let checked = check("list_all_tracker_issues", r#"{"project":"A"}"#).unwrap();
    let expected = json!({
        "project": "A", "open": true,
        "until": "2025-11-22T10:00:00Z", "since_time": "2025-10-23T10:00:00Z",
    });
    assert_eq!(Value::from(checked.values), expected);
    assert_eq!(checked.timed, ["until", "since_time"]);

    let checked = check("list_all_tracker_issues", r#"{"until":"2025-01-31","project":"A","open":"false"}"#).unwrap();
    let expected = json!({"until": "2025-01-31", "project": "A", "open": false, "since_time": "2025-01-01T00:00:00Z"});
    assert_eq!(Value::from(checked.values), expected);
    assert_eq!(checked.timed, ["since_time"]);
}

#[test]
fn times_need_an_offset_and_their_range_is_kept() {
    let with = |since: &str| json!({"project": "A", "since_time": since});
    assert!(misfits("list_all_tracker_issues", &with("2025-11-01T00:00:00"))[0].contains("date-time with offset"));
    let found = misfits("list_all_tracker_issues", &with("2025-01-01"));
    assert!(found[0].starts_with("since_time: expected at most 90 days before until, found 326"), "{found:?}");
    assert_eq!(misfits("list_all_tracker_issues", &with("2026-01-01")), ["since_time: expected a time before until"]);
    let early = json!({"project": "A", "until": "-9999-01-01"});
    assert_eq!(misfits("list_all_tracker_issues", &early).len(), 1);
    assert_eq!(misfits("list_all_tracker_issues", &json!({"project": "A", "until": "0000-01-01"})).len(), 1);
}

#[test]
fn the_listing_says_what_is_checked() {
    let listing: Value = serde_json::from_str(&tool("list_all_tracker_issues").listing).unwrap();
    let expected = json!({
        "name": "list_all_tracker_issues",
        "title": "List issues of a project",
        "description": "Issues of one project.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "project": {"type": "string", "description": "Key such as ABC"},
                "sort": {"type": "string", "enum": ["created", "updated"], "description": "Order"},
                "labels": {"type": "array", "items": {"type": "string"}, "description": "All of these"},
                "open": {"type": "boolean", "description": "Only open ones", "default": true},
                "until": {"type": "string", "format": "date-time", "description": "Latest change"},
                "since_time": {"type": "string", "format": "date-time", "description": "Earliest change"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50, "description": "Page size"},
                "next_cursor": {"type": "string", "description": "From the previous page, needs sort=created"},
            },
            "required": ["project"],
            "additionalProperties": false,
        },
        "annotations": {
            "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": true,
        },
    });
    assert_eq!(listing, expected);
    assert_eq!(tool("list_all_tracker_issues").listing, expected.to_string(), "compact, and in this order");
}

#[test]
fn references_of_an_argument_point_into_the_tools_schema() {
    let listing: Value = serde_json::from_str(&tool("create_a_tracker_issue").listing).unwrap();
    let items = listing.pointer("/inputSchema/properties/parts/items/$ref").unwrap();
    assert_eq!(items, "#/properties/parts/$defs/part");
    assert!(listing.pointer("/inputSchema/properties/parts/$defs/part").is_some());
}

#[test]
fn a_static_tool_has_its_schema_word_for_word_and_checks_it() {
    let listing = &tool("schema.word-for_word").listing;
    assert!(listing.contains(r#""$defs":{"address":{"$anchor":"addressDef","#), "{listing}");
    assert!(listing.contains(r#""openWorldHint":false"#), "{listing}");
    assert_eq!(values("schema.word-for_word", &json!({"phone": "2", "count": "3"})), json!({"phone": "2", "count": 3}));
    assert_eq!(misfits("schema.word-for_word", &json!({"phone": "1"})), ["address: required, but missing"]);
    assert!(matches!(&tool("tracker_fixtures_error").operation, Operation::Static { is_error: true, .. }));
}

#[test]
fn what_a_model_reads_of_the_built_in_catalog_stays_within_its_budget() {
    let tools = &BUILTIN.integration("affinity").unwrap().tools;
    assert_eq!(tools.len(), 53);
    let bytes: usize = tools.iter().map(|tool| tool.listing.len() + 1).sum();
    assert!(bytes < 48 * 1024, "{bytes} bytes");
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_i64..4).prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "5",
            "-1",
            "true",
            "[1,\"2\"]",
            "{\"a\":1}",
            "..",
            "2025-11-22",
            "2025-11-22T10:00:00Z"
        ])
        .prop_map(Value::from),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{0,6}", inner.clone(), 0..4)
                .prop_map(|members| Value::from(Map::from_iter(members))),
            // What models do: JSON in a string.
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

fn names() -> Vec<(&'static Tool, Vec<String>)> {
    let catalogs = [(&*BUILTIN, "affinity"), (&*TRACKER, "tracker")];
    let tools = catalogs.into_iter().flat_map(|(catalog, name)| &catalog.integration(name).unwrap().tools);
    let arguments = |tool: &'static Tool| {
        let listing: Value = serde_json::from_str(&tool.listing).unwrap();
        let properties = listing["inputSchema"]["properties"].as_object().unwrap();
        (tool, properties.keys().cloned().collect())
    };
    tools.map(arguments).collect()
}

/// A tool, and arguments that often bear its names.
fn call() -> impl Strategy<Value = (&'static Tool, Value)> {
    prop::sample::select(names()).prop_flat_map(|(tool, mut known)| {
        known.push("stranger".to_owned());
        let arguments = prop::collection::vec((prop::sample::select(known), json_value()), 0..6);
        (Just(tool), arguments.prop_map(|members| Value::from(Map::from_iter(members))))
    })
}

proptest! {
    #[test]
    fn whatever_is_thrown_at_a_tool_is_answered_and_what_passes_fits_its_schema((tool, arguments) in call()) {
        if let Ok(checked) = tool.checker.check(Some(&arguments.to_string()), now()) {
            let listing: Value = serde_json::from_str(&tool.listing).unwrap();
            let values = Value::from(checked.values);
            assert!(jsonschema::is_valid(&listing["inputSchema"], &values), "{values} of {arguments}");
        }
    }

    #[test]
    fn any_json_at_all_is_answered(value in json_value(), index in any::<prop::sample::Index>()) {
        let all = names();
        let checked = all[index.index(all.len())].0.checker.check(Some(&value.to_string()), now());
        assert!(value.is_object() || checked.is_err());
    }
}
