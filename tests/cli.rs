//! The program from outside: what goes to stdout, what to stderr, and with which exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn chaperone(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chaperone"))
        .args(args)
        .env_remove("CHAPERONE_CONFIG")
        .env("SHOP_KEY", "open-sesame")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn config() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    let policy = "name: reader\naccount: acme\ntoken: none\nconfig: {methods: [read], tags: [sales]}\n";
    std::fs::write(policies.join("reader.yaml"), policy).unwrap();
    let path = folder.path().join("chaperone.yaml");
    let text = format!(
        "catalog: {ROOT}/tests/policies/catalog\n\
         accounts: [{{id: acme, integration: shop, credentials: {{api_key: {{env: SHOP_KEY}}}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

#[test]
fn exit_codes_tell_bad_usage_and_bad_configuration_from_success() {
    let (_folder, good) = config();
    let bad = format!("{ROOT}/tests/config/invalid/units.yaml");
    for (args, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["token", "new"], 0),
        (&["check", "--config", &good], 0),
        (&[], 64),
        (&["chek"], 64),
        (&["check"], 64),
        (&["check", "--config", &bad], 64),
        (&["check", "--config", "no/such/file"], 64),
        (&["serve", "--config", &bad], 64),
        (&["tools", "--config", &good, "--server", "raeder"], 64),
    ] {
        assert_eq!(chaperone(args).status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn faults_go_to_stderr_and_stdout_stays_empty() {
    let output = chaperone(&["check", "--config", &format!("{ROOT}/tests/config/invalid/units.yaml")]);
    let faults = text(&output.stderr);
    assert_eq!(text(&output.stdout), "");
    assert!(faults.contains("error: ") && faults.contains("units.yaml:7:29: upstream.connect_timeout: "), "{faults}");
    assert!(faults.trim_end().ends_with("faults") && !faults.contains('\u{1b}'), "{faults}");
}

#[test]
fn a_script_reads_faults_as_json() {
    let output = chaperone(&["check", "--json", "--config", &format!("{ROOT}/tests/config/invalid/units.yaml")]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(64), ""));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["ok"], false);
    assert!(
        found["faults"].as_array().unwrap().iter().any(|fault| fault["key"] == "limits.drain" && fault["line"] == 8)
    );
}

#[test]
fn check_sums_up_what_would_be_served_and_prints_no_secret() {
    let (_folder, config) = config();
    let output = chaperone(&["check", "--config", &config]);
    assert_eq!(text(&output.stdout), "reader: 2 of 9 tools, account acme\nfine: 1 MCP server\n");
    let output = chaperone(&["check", "--print", "--config", &config, "--set", "limits.drain=3s"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("drain: 3s") && printed.contains("{env: \"SHOP_KEY\"}"), "{printed}");
    assert!(!printed.contains("sesame"), "{printed}");
}

#[test]
fn tools_names_the_rule_for_every_tool_and_the_bytes_of_those_shown() {
    let (_folder, config) = config();
    let output = chaperone(&["tools", "--config", &config, "--server", "reader"]);
    let listed = text(&output.stdout);
    assert_eq!(listed.lines().filter(|line| line.starts_with("+ ")).count(), 2, "{listed}");
    assert!(listed.contains("+ list_all_shop_orders  methods: read + tags: sales\n"), "{listed}");
    assert!(listed.contains("- list_all_shop_notes  hidden by tags\n"), "{listed}");
    let output = chaperone(&["tools", "--config", &config, "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let server = &found["servers"][0];
    assert_eq!((server["tools"].as_array().unwrap().len(), server["hidden"].as_array().unwrap().len()), (2, 7));
    let bytes = server["bytes"].as_u64().unwrap();
    let output = chaperone(&["tools", "--config", &config, "--size"]);
    assert_eq!(text(&output.stdout), format!("reader: 2 of 9 tools, {bytes} bytes in tools/list, account acme\n"));
}

#[test]
fn tools_without_configuration_are_the_whole_built_in_catalog() {
    let output = chaperone(&["tools", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["integrations"][0]["tools"].as_array().unwrap().len(), 53);
}

#[test]
fn an_unknown_server_is_answered_with_the_nearest() {
    let (_folder, config) = config();
    let output = chaperone(&["tools", "--config", &config, "--server", "raeder"]);
    assert!(text(&output.stderr).contains("did you mean `reader`?"), "{}", text(&output.stderr));
}
