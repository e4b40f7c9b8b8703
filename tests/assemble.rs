//! Everything read together: one run names every fault of every part, and what is odd is said without refusing it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{fs, os::unix::fs::symlink, path::Path, sync::Arc};

use chaperone::{
    app::assemble::{Assembled, Sources, assemble},
    document::Faults,
};
use tempfile::TempDir;

const OPEN: &str = "account: acme\ntoken: none\n";

/// A folder with these files, made where their folders are missing.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn config(more: &str) -> String {
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/policies/catalog");
    format!("catalog: {catalog}\naccounts: [{{id: acme, integration: shop}}]\n{more}")
}

fn load(folder: &Path) -> Result<Assembled, Faults> {
    let environment = Arc::new(|name: &str| (name == "SHORT").then(|| "short".to_owned()));
    let config_path = Some(folder.join("chaperone.yaml"));
    assemble(&Sources { config_path, flags: Vec::new(), environment, listening: None }, 7)
}

#[test]
fn one_run_names_the_faults_of_every_part_and_none_twice() {
    let folder = folder(&[
        (
            "chaperone.yaml",
            "listn: 1\ncatalog: ./catalog\napi_tokens: {file: ./api-tokens}\naccounts: [{id: acme, credentials: {api_key: {env: NOT_SET}}}]\n",
        ),
        ("catalog/shop/integration.yaml", "integration: shop\ntitel: Shop\n"),
        ("policies/a.yaml", "name: a\naccount: acme\ntoken: maybe\n"),
        ("policies/b.yaml", "name: b\naccount: acne\ntoken: none\n"),
        ("policies/c.yaml", "[unclosed\n"),
        ("api-tokens", "alice\n"),
    ]);
    let faults = load(folder.path()).unwrap_err();
    let text = faults.to_string();
    for part in [
        "chaperone.yaml:1:1: listn: unknown key",
        "api_key: the environment variable NOT_SET is not set",
        "titel: unknown key",
        "a.yaml:3:8: token: expected",
        "b.yaml:2:10: account: no account has the id `acne`",
        "c.yaml:",
        "api-tokens:1:1: expected `name:sha256:",
    ] {
        assert_eq!(text.lines().filter(|line| line.contains(part)).count(), 1, "{part} in\n{text}");
    }
    assert!(!text.contains("a.yaml:2"), "an account at fault is not also the fault of its policies: {text}");
}

#[test]
fn documents_are_the_visible_yaml_and_json_files_and_links_to_such() {
    let document = |name: &str| format!("name: {name}\n{OPEN}");
    let folder = folder(&[
        ("chaperone.yaml", &config("")),
        ("policies/a.yaml", &document("a")),
        ("policies/b.yml", &document("b")),
        ("policies/c.json", "{\"name\": \"c\", \"account\": \"acme\", \"token\": \"none\"}"),
        ("policies/.hidden.yaml", "not: a policy"),
        ("policies/..data/x.yaml", "not: a policy"),
        ("policies/README.md", "not a policy"),
        ("policies/folder.yaml/x.yaml", "not: a policy"),
        ("elsewhere/d", &document("d")),
    ]);
    symlink("../elsewhere/d", folder.path().join("policies/d.yaml")).unwrap();
    let assembled = load(folder.path()).unwrap();
    let names: Vec<&str> = assembled.registry.servers().iter().map(|server| &*server.name).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    assert_eq!((assembled.registry.generation(), assembled.registry.servers()[0].generation), (7, 7));

    symlink("nowhere", folder.path().join("policies/e.yaml")).unwrap();
    let faults = load(folder.path()).unwrap_err().to_string();
    assert!(faults.contains("e.yaml cannot be read: entity not found"), "{faults}");
}

#[test]
fn what_is_odd_is_a_warning_with_its_place() {
    let expired = format!("name: expired\n{OPEN}expires_at: 2020-01-01T00:00:00Z\n");
    let misspelt = format!("name: misspelt\n{OPEN}config: {{tools: {{deny: ['*_ordr*']}}}}\n");
    let locked = format!("name: locked\n{OPEN}config: {{require_api_token_auth: true}}\n");
    for (text, expected) in [
        (expired.as_str(), "p.yaml:4:13: expires_at: is in the past: every call is answered as expired"),
        (&misspelt, "p.yaml:4:25: config.tools.deny[0]: `*_ordr*` matches no tool of shop"),
        (&locked, "p.yaml:1:7: name: `require_api_token_auth` is set and no API token is known"),
        ("name: s\naccount: acme\ntoken: {env: SHORT}\n", "p.yaml:3:8: token: the token has 5 characters"),
    ] {
        let folder = folder(&[("chaperone.yaml", &config("")), ("policies/p.yaml", text)]);
        let warnings = load(folder.path()).unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(expected), "{expected} in {warnings:?}");
    }
    let folder = folder(&[("chaperone.yaml", &config(""))]);
    assert!(load(folder.path()).unwrap().warnings[0].contains("holds no policy"));
}

#[test]
fn an_account_needs_a_known_integration_and_its_credential() {
    for (accounts, expected) in [
        (
            "[{id: acme, integration: shoop}]",
            "the catalog has no integration `shoop`, expected one of shop; did you mean `shop`?",
        ),
        ("[{id: acme}]", "the catalog has no integration `affinity`"),
        (
            "[{id: acme, integration: shop, credentials: {api_key: {file: ./none}}}]",
            "none cannot be read: entity not found",
        ),
    ] {
        let text = config("").replace("[{id: acme, integration: shop}]", accounts);
        let folder = folder(&[("chaperone.yaml", &text)]);
        let faults = load(folder.path()).unwrap_err().to_string();
        assert!(faults.contains("chaperone.yaml:2:") && faults.contains(expected), "{faults}");
    }
    let folder = folder(&[("chaperone.yaml", "accounts: [{id: acme}]")]);
    let faults = load(folder.path()).unwrap_err().to_string();
    assert!(faults.contains("accounts[0]: the key `credentials` is missing"), "{faults}");
}

#[test]
fn every_missing_folder_and_file_is_named() {
    let text = config("policies: ./nowhere\napi_tokens: {file: ./no-tokens}\n");
    let folder = folder(&[("chaperone.yaml", &text)]);
    let faults = load(folder.path()).unwrap_err().to_string();
    assert!(faults.contains("policies: ") && faults.contains("nowhere cannot be read: entity not found"), "{faults}");
    assert!(faults.contains("api_tokens: ") && faults.contains("no-tokens cannot be read"), "{faults}");
}
