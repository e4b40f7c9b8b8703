//! The configuration file, the environment and flags, and all that can be wrong with them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "support/fixtures.rs"]
mod fixtures;

use std::{fs, path::Path, time::Duration};

use chaperone::config::{Config, Input, Reading, effective, read, variable};

fn load(path: &Path, flags: &[(&str, &str)], variables: &[(&str, &str)]) -> Reading {
    let flags: Vec<(String, String)> = flags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let environment =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    read(Input { path: Some(path), flags: &flags, environment: &environment })
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(name)
}

fn fine(reading: Reading) -> Config {
    assert!(reading.faults.0.is_empty(), "{}", reading.faults);
    reading.config
}

#[test]
fn every_valid_file_is_accepted_and_what_is_printed_of_it_says_the_same() {
    for path in fixtures::files("config/valid") {
        let config = fine(load(&path, &[], &[]));
        let folder = tempfile::tempdir().unwrap();
        let printed = folder.path().join("printed.yaml");
        fs::write(&printed, effective(&config)).unwrap();
        let again = fine(load(&printed, &[], &[]));
        assert_eq!(effective(&again), effective(&config), "{}", path.display());
        assert_eq!(config.fixed_until_restart(&again), Vec::<&str>::new(), "{}", path.display());
        assert_eq!(again.policies.value, config.policies.value);
        assert_eq!(again.accounts.len(), config.accounts.len());
    }
}

#[test]
fn every_invalid_file_is_refused_with_all_its_faults_and_no_secret_in_them() {
    for path in fixtures::files("config/invalid") {
        let text = fs::read_to_string(&path).unwrap();
        let faults = load(&path, &[], &[]).faults.to_string();
        let expected = fixtures::expectations(&text);
        for part in &expected {
            assert!(faults.contains(part), "{}: expected `{part}` in\n{faults}", path.display());
        }
        assert!(!faults.contains("sesame"), "{faults}");
    }
}

#[test]
fn every_key_of_the_file_is_read() {
    let config = fine(load(&fixture("valid/all-keys.yaml"), &[], &[]));
    assert_eq!(config.serve.listen.to_string(), "[::1]:8081");
    assert_eq!(config.public_url.as_deref(), Some("https://mcp.example.com/chaperone"));
    assert_eq!(config.edge.allowed_origins, ["https://app.example.com", "http://intranet:8000"]);
    assert_eq!(config.admin.listen.port(), 9091);
    assert_eq!(config.policies.value, fixture("valid/elsewhere"));
    assert_eq!(config.catalog.unwrap().value, fixture("valid/catalog"));
    assert_eq!(config.upstream.connect_timeout, Duration::from_millis(500));
    assert_eq!(config.upstream.call_timeout, Duration::from_mins(1));
    assert_eq!(config.upstream.max_response, 1536 << 10);
    assert_eq!((config.upstream.max_concurrent, config.upstream.max_waiting), (4, 0));
    let breaker = config.upstream.breaker;
    assert_eq!((breaker.failures, breaker.open_for), (3, Duration::from_millis(1500)));
    assert_eq!(config.upstream.retries, 2);
    assert_eq!(config.upstream.ca_file, Some(fixture("valid/ca.pem")));
    assert!(config.upstream.propagate_trace);
    assert_eq!((config.edge.max_body, config.serve.max_connections, config.edge.max_in_flight), (1000, 10, 5));
    assert_eq!((config.serve.header_timeout, config.serve.drain), (Duration::from_millis(2500), Duration::ZERO));
    assert_eq!(config.telemetry.service_name, "crm");
    assert_eq!(config.telemetry.level, "info,chaperone=debug");
    assert_eq!(config.accounts[2].integration.value, "shop");
    assert!(config.accounts[2].plaintext);
}

#[test]
fn a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default() {
    let (minimal, full) = (fixture("valid/minimal.yaml"), fixture("valid/all-keys.yaml"));
    let (flag, variable) = ([("limits.max_body", "3KiB")], [("CHAPERONE_LIMITS_MAX_BODY", "2KiB")]);
    for (path, flags, variables, expected) in [
        (&minimal, &[][..], &[][..], 4 << 20),
        (&full, &[], &[], 1000),
        (&full, &[], &variable, 2 << 10),
        (&full, &flag, &variable, 3 << 10),
        (&minimal, &flag, &[], 3 << 10),
    ] {
        assert_eq!(fine(load(path, flags, variables)).edge.max_body, expected);
    }
}

#[test]
fn every_scalar_key_has_its_variable_and_a_bad_value_is_a_fault_that_names_it() {
    for (key, bad) in [
        ("listen", "8080"),
        ("public_url", "mcp.example.com"),
        ("store", "sqlite:./x"),
        ("shared", "memcached://x"),
        ("admin.listen", "nowhere"),
        ("upstream.connect_timeout", "2"),
        ("upstream.call_timeout", "0s"),
        ("upstream.max_response", "32"),
        ("upstream.max_concurrent", "0"),
        ("upstream.max_waiting", "-1"),
        ("upstream.breaker.failures", "-1"),
        ("upstream.breaker.open_for", "0s"),
        ("upstream.retries", "6"),
        ("upstream.propagate_trace", "perhaps"),
        ("limits.max_body", "big"),
        ("limits.max_connections", "many"),
        ("limits.max_in_flight", "0"),
        ("limits.header_timeout", "10"),
        ("limits.drain", "x"),
        ("limits.fail_fast", "maybe"),
        ("telemetry.log.format", "xml"),
        ("telemetry.log.level", "chaperone=loud"),
    ] {
        let name = variable(key);
        let faults = load(&fixture("valid/all-keys.yaml"), &[], &[(&name, bad)]).faults;
        assert_eq!(faults.0.len(), 1, "{key}: {faults}");
        assert!(faults.to_string().starts_with(&format!("{name}: ")), "{faults}");
    }
    let texts = [("CHAPERONE_POLICIES", "/p"), ("CHAPERONE_CATALOG", "/c"), ("CHAPERONE_TELEMETRY_SERVICE_NAME", "7")];
    let config = fine(load(&fixture("valid/minimal.yaml"), &[], &texts));
    assert_eq!((config.policies.value, config.catalog.unwrap().value), ("/p".into(), "/c".into()));
    assert_eq!(config.telemetry.service_name, "7");
}

#[test]
fn an_unknown_flag_key_is_refused_with_the_nearest() {
    let faults = load(&fixture("valid/minimal.yaml"), &[("limits.max_bdy", "1B")], &[]).faults.to_string();
    assert!(faults.contains("--set limits.max_bdy") && faults.contains("did you mean `limits.max_body`?"), "{faults}");
}

#[test]
fn a_file_that_is_not_there_is_one_fault_with_its_name() {
    let faults = load(Path::new("no/such/file.yaml"), &[], &[]).faults;
    assert_eq!(faults.to_string(), "no/such/file.yaml: cannot be read: entity not found");
}

#[test]
fn what_waits_for_a_restart_is_named() {
    let path = fixture("valid/all-keys.yaml");
    let before = fine(load(&path, &[], &[]));
    let flags = [("listen", "127.0.0.1:1"), ("limits.drain", "1s"), ("policies", "/elsewhere")];
    assert_eq!(before.fixed_until_restart(&fine(load(&path, &flags, &[]))), ["listen", "limits"]);
}
