//! Policies: methods x tags x allow and deny x expiry, and every way in which a document can be wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "support/fixtures.rs"]
mod fixtures;

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, LazyLock},
};

use chaperone::{
    account::Account,
    app::assemble::from_documents,
    catalog::Catalog,
    document::Faults,
    secret::Secret,
    server::{Decision, Server, api_tokens::ApiTokens, registry::Registry, token},
};
use jiff::Timestamp;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// The tools of the shop: name, method, tags.
const TOOLS: [(&str, &str, &[&str]); 9] = [
    ("list_all_shop_notes", "list", &["notes"]),
    ("create_a_shop_note", "create", &["notes", "sales"]),
    ("delete_a_shop_note_by_id", "delete", &["notes", "destructive"]),
    ("list_all_shop_orders", "list", &["sales"]),
    ("get_single_shop_order_by_id", "get", &["sales"]),
    ("create_a_shop_order", "create", &["sales"]),
    ("update_a_shop_order_by_id", "update", &["sales"]),
    ("delete_a_shop_order_by_id", "delete", &["sales", "destructive"]),
    ("shop_orders_refund", "refund", &["sales", "destructive"]),
];

fn account() -> Arc<Account> {
    static ACCOUNT: LazyLock<Arc<Account>> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/catalog");
        let catalog = Catalog::load(&folder).unwrap_or_else(|faults| panic!("{faults}"));
        let shop = catalog.integration("shop").unwrap().clone();
        assert_eq!(shop.tools.len(), TOOLS.len());
        let base_url = "https://shop.example".parse().unwrap();
        Arc::new(Account::new("acme".into(), shop, base_url, false, Secret::new("")).unwrap())
    });
    ACCOUNT.clone()
}

fn registry(documents: &[(&str, &str)]) -> Result<Registry, Faults> {
    from_documents(documents, vec![account()], ApiTokens::new(), LOOPBACK)
}

fn server(config: &str) -> Result<Arc<Server>, Faults> {
    let text = format!("{{name: s, account: acme, token: none, config: {config}}}");
    Ok(registry(&[("s.yaml", &text)])?.servers()[0].clone())
}

/// A list of words as YAML, or nothing for `None`.
fn key(name: &str, words: Option<&[&str]>) -> String {
    words.map(|words| format!("{name}: {words:?}, ")).unwrap_or_default()
}

/// What the contract says of a method word.
fn covers(word: &str, method: &str) -> bool {
    match word {
        "read" => ["list", "get"].contains(&method),
        "write" => ["create", "update", "delete"].contains(&method),
        "custom" => method == "refund",
        own => own == method,
    }
}

#[test]
fn a_tool_is_shown_if_methods_and_tags_and_allow_let_it_pass_and_deny_does_not_take_it() {
    let methods: [Option<&[&str]>; 7] = [
        None,
        Some(&["read"]),
        Some(&["write"]),
        Some(&["custom"]),
        Some(&["read", "write", "custom"]),
        Some(&["list", "delete"]),
        Some(&["refund"]),
    ];
    let tags: [Option<&[&str]>; 4] = [None, Some(&["sales"]), Some(&["notes"]), Some(&["notes", "destructive"])];
    let allow: [Option<&[&str]>; 3] = [None, Some(&["*order*"]), Some(&["list_*", "*refund"])];
    let deny: [Option<&[&str]>; 3] = [None, Some(&["delete_*"]), Some(&["*note*", "*_refund"])];
    let (mut served, mut refused) = (0, 0);
    for methods in methods {
        for tags in tags {
            for allow in allow {
                for deny in deny {
                    let accepted = judged(methods, tags, allow, deny);
                    *(if accepted { &mut served } else { &mut refused }) += 1;
                }
            }
        }
    }
    assert!(served > 100 && refused > 10, "{served} served, {refused} refused");
}

type Words = Option<&'static [&'static str]>;

/// Compare one policy with the contract, tool by tool; say whether it was accepted.
fn judged(methods: Words, tags: Words, allow: Words, deny: Words) -> bool {
    let tools = format!("{}{}", key("allow", allow), key("deny", deny));
    let config = format!("{{{}{}tools: {{{tools}}}}}", key("methods", methods), key("tags", tags));
    let fits = |pattern: &&str, name: &str| {
        let core = pattern.trim_matches('*');
        match (pattern.starts_with('*'), pattern.ends_with('*')) {
            (true, true) => name.contains(core),
            (true, false) => name.ends_with(core),
            _ => name.starts_with(core),
        }
    };
    // Which rule hides a tool, in the order of the contract; `None` if it is shown.
    let hider = |(name, method, own): &(&str, &str, &[&str])| {
        let passes = |words: Words, test: &dyn Fn(&&str) -> bool| words.is_none_or(|words| words.iter().any(test));
        if !passes(methods, &|word| covers(word, method)) {
            Some("methods")
        } else if !passes(tags, &|tag| own.contains(tag)) {
            Some("tags")
        } else if !passes(allow, &|glob| fits(glob, name)) {
            Some("tools.allow")
        } else if deny.is_some_and(|globs| globs.iter().any(|glob| fits(glob, name))) {
            Some("tools.deny: ")
        } else {
            None
        }
    };
    let shown: Vec<&str> = TOOLS.iter().filter(|tool| hider(tool).is_none()).map(|tool| tool.0).collect();
    let server = match server(&config) {
        Ok(server) => server,
        Err(faults) => {
            assert!(shown.is_empty() && faults.to_string().contains("matches no tool"), "{config}: {faults}");
            return false;
        }
    };
    assert_eq!(server.visible().map(|tool| &*tool.name).collect::<Vec<_>>(), shown, "{config}");
    for tool in TOOLS {
        match (server.decide(tool.0), hider(&tool)) {
            (Decision::Allowed { offer, rule }, None) => {
                assert_eq!(&*offer.tool().name, tool.0);
                assert!(!rule.is_empty());
            }
            (Decision::Hidden { rule }, Some(expected)) => assert!(rule.starts_with(expected), "{rule} for {config}"),
            (decision, expected) => panic!("{} under {config}: {decision:?}, expected {expected:?}", tool.0),
        }
    }
    assert!(matches!(server.decide("list_all_shop_ordres"), Decision::Unknown));
    true
}

#[test]
fn the_rule_that_decides_is_named_word_by_word() {
    let server = server("{methods: [write, READ], tags: [Sales], tools: {deny: ['*_BY_ID']}}").unwrap();
    let rule = |name| match server.decide(name) {
        Decision::Allowed { rule, .. } => format!("+ {rule}"),
        Decision::Hidden { rule } => format!("- {rule}"),
        Decision::Unknown => "?".into(),
    };
    assert_eq!(rule("list_all_shop_orders"), "+ methods: read + tags: sales");
    assert_eq!(rule("create_a_shop_order"), "+ methods: write + tags: sales");
    assert_eq!(rule("get_single_shop_order_by_id"), "- tools.deny: *_by_id");
    assert_eq!(rule("shop_orders_refund"), "- methods");
    assert_eq!(rule("list_all_shop_notes"), "- tags");
}

#[test]
fn expiry_is_judged_by_the_time_of_the_request_whatever_the_policy() {
    let at: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    for config in ["{}", "{methods: [read]}", "{tags: [notes], tools: {deny: ['delete_*']}}"] {
        let text =
            format!("{{name: s, account: acme, token: none, config: {config}, expires_at: 2030-01-01T01:00:00+01:00}}");
        let registry = registry(&[("s.yaml", &text)]).unwrap();
        let server = &registry.servers()[0];
        for (now, expired) in
            [("2029-12-31T23:59:59Z", None), ("2030-01-01T00:00:00Z", Some(at)), ("2031-01-01T00:00:00Z", Some(at))]
        {
            assert_eq!(server.expired(now.parse().unwrap()), expired, "{now} {config}");
        }
        assert!(server.instructions.ends_with("Access ends at 2030-01-01T00:00:00Z."), "{}", server.instructions);
    }
}

#[test]
fn instructions_say_what_may_be_done_and_nothing_of_what_is_hidden() {
    let text = &server("{methods: [read], tags: [sales], tools: {deny: ['*secret*']}}").unwrap().instructions;
    for part in ["Shop", "`acme`", "2 tools", "read (list, get)", "sales", "Nothing can be created"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("secret") && text.len() < 300, "{text}");
}

#[test]
fn every_valid_document_loads() {
    let texts: Vec<(String, String)> = fixtures::files("policies/valid")
        .iter()
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    let documents: Vec<(&str, &str)> = texts.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let registry = registry(&documents).unwrap_or_else(|faults| panic!("{faults}"));
    let names: Vec<&str> = registry.servers().iter().map(|server| &*server.name).collect();
    assert_eq!(names, ["All.keys_1-2", "everything", "expired", "json"]);
    let full = &registry.servers()[0];
    assert!(full.requires_api_token && full.rate_limit_status && &*full.id == "file:All.keys_1-2");
}

#[test]
fn every_invalid_document_is_refused_with_all_its_faults_and_no_token_in_them() {
    for path in fixtures::files("policies/invalid") {
        let text = fs::read_to_string(&path).unwrap();
        let file = path.file_name().unwrap().to_str().unwrap();
        let faults = registry(&[(file, &text)]).expect_err(file).to_string();
        for part in fixtures::expectations(&text) {
            assert!(faults.contains(part), "{file}: expected `{part}` in\n{faults}");
        }
        assert!(faults.lines().all(|line| line.starts_with(file)), "{faults}");
        assert!(!faults.contains("sesame"), "{faults}");
    }
}

#[test]
fn a_server_without_token_is_accepted_on_loopback_only() {
    let document = [("s.yaml", "{name: s, account: acme, token: none}")];
    for (listen, fits) in
        [("127.0.0.1:8080", true), ("[::1]:8080", true), ("0.0.0.0:8080", false), ("10.0.0.1:8080", false)]
    {
        let found = from_documents(&document, vec![account()], ApiTokens::new(), listen.parse().unwrap());
        assert_eq!(found.is_ok(), fits, "{listen}");
    }
}

#[test]
fn a_name_or_a_token_in_two_documents_is_refused_naming_both() {
    let hash = token::to_hex(&token::hash("t"));
    let with = |name: &str| format!("{{name: {name}, account: acme, token: {{sha256: '{hash}'}}}}");
    let faults = registry(&[("one.yaml", &with("a")), ("two.yaml", &with("b"))]).unwrap_err().to_string();
    assert!(faults.starts_with("two.yaml:1:") && faults.contains("the same token is in one.yaml"), "{faults}");
    let open = "{name: a, account: acme, token: none}";
    let faults = registry(&[("one.yaml", &with("a")), ("two.yaml", open)]).unwrap_err().to_string();
    assert!(faults.starts_with("two.yaml:1:") && faults.contains("the same name is in one.yaml"), "{faults}");
}

#[test]
fn a_server_is_found_by_its_token_and_one_without_by_its_name() {
    let hash = token::to_hex(&token::hash("the token"));
    let locked = format!("{{name: locked, account: acme, token: {{sha256: '{hash}'}}}}");
    let open = |name: &str| format!("{{name: {name}, account: acme, token: none}}");
    let one = registry(&[("l", &locked), ("o", &open("open"))]).unwrap();
    assert_eq!(&*one.by_token("the token").unwrap().name, "locked");
    for wrong in ["", "the token ", "locked", "open", &hash] {
        assert!(one.by_token(wrong).is_none(), "{wrong}");
    }
    assert_eq!(&*one.open("open").unwrap().name, "open");
    assert!(one.open("locked").is_none());
    assert_eq!(&*one.sole_open().unwrap().name, "open");
    let two = registry(&[("a", &open("a")), ("b", &open("b"))]).unwrap();
    assert!(two.sole_open().is_none());
    let names = ["the token", "open", "locked", ""].map(|segment| Some(&one.at(segment)?.name));
    assert_eq!(names.map(|name| name.map(|name| &**name)), [Some("locked"), Some("open"), None, None]);
}

#[test]
fn what_is_the_token_of_one_server_and_the_name_of_another_is_taken_for_the_token() {
    let hash = token::to_hex(&token::hash("both"));
    let locked = format!("{{name: locked, account: acme, token: {{sha256: '{hash}'}}}}");
    let set = registry(&[("l", &locked), ("o", "{name: both, account: acme, token: none}")]).unwrap();
    assert_eq!(set.at("both").unwrap().name.as_ref(), "locked");
    assert_eq!(set.sole_open().unwrap().name.as_ref(), "both");
}

#[test]
fn servers_whose_policies_say_the_same_share_what_came_of_them() {
    let with = |name: &str, config: &str| format!("{{name: {name}, account: acme, token: none, config: {config}}}");
    let (read, all) = ("{methods: [read], limits: {calls: 1/s}}", "{}");
    let texts = [with("a", "{methods: [READ]}"), with("b", all), with("c", read), with("d", all)];
    let documents: Vec<(&str, &str)> = texts.iter().map(|text| ("s.yaml", text.as_str())).collect();
    let set = registry(&documents).unwrap();
    let shared = |a: usize, b: usize| Arc::ptr_eq(&set.servers()[a].tools, &set.servers()[b].tools);
    assert_eq!([shared(0, 2), shared(1, 3), shared(0, 1)], [true, true, false]);
    let ordinals: Vec<usize> = set.servers().iter().map(|server| server.ordinal).collect();
    assert_eq!(ordinals, [0, 1, 2, 3]);
}

#[test]
fn all_that_a_policy_allows_is_allowed_by_one_kind_of_rule() {
    // The decisions of a server are counted in one time series, see `telemetry/series`.
    for config in [
        "{}",
        "{methods: [read, refund]}",
        "{tags: [notes, sales]}",
        "{tools: {allow: ['*note*', '*order*'], deny: [delete_*]}}",
        "{methods: [read, write], tags: [sales], tools: {allow: ['*', list_*]}}",
    ] {
        let server = server(config).unwrap();
        let kind = |decision: Decision<'_>| match decision {
            Decision::Allowed { rule, .. } => Some(rule.split(':').next().unwrap().to_owned()),
            _ => None,
        };
        let mut kinds: Vec<String> = server.explain().filter_map(|(_, decision)| kind(decision)).collect();
        assert!(kinds.len() > 2, "{config}");
        kinds.dedup();
        assert_eq!(kinds.len(), 1, "{config}: {kinds:?}");
    }
}

#[test]
fn every_shipped_policy_loads_against_the_built_in_catalog_and_keeps_what_it_says() {
    let catalog = Catalog::builtin().unwrap_or_else(|faults| panic!("{faults}"));
    let affinity = catalog.integration("affinity").unwrap().clone();
    let base_url = "https://api.affinity.co".parse().unwrap();
    let account =
        Arc::new(Account::new("affinity".into(), affinity.clone(), base_url, false, Secret::new("k")).unwrap());
    let texts: Vec<(String, String)> = fixtures::files("../policies")
        .iter()
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    let documents: Vec<(&str, &str)> = texts.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let found = from_documents(&documents, vec![account], ApiTokens::new(), LOOPBACK);
    let registry = found.unwrap_or_else(|faults| panic!("{faults}"));
    let names: Vec<&str> = registry.servers().iter().map(|server| &*server.name).collect();
    assert_eq!(names, ["crm-assistant", "full-access", "meeting-prep", "read-only"]);
    let server = |name: &str| registry.open(name).unwrap();
    assert_eq!(server("full-access").tools.len(), affinity.tools.len());
    let readers = affinity.tools.iter().filter(|tool| tool.read_only).count();
    assert!(server("read-only").visible().all(|tool| tool.read_only) && server("read-only").tools.len() == readers);
    assert!(server("crm-assistant").visible().all(|tool| !tool.tags.iter().any(|tag| tag == "destructive")));
    let writes: Vec<&str> =
        server("meeting-prep").visible().filter(|tool| !tool.read_only).map(|tool| &*tool.name).collect();
    assert_eq!(writes, ["create_a_affinity_reminder"]);
}
