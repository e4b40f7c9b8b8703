//! Catalogs in `tests/catalogs`: every valid one loads, every invalid one is refused with all its faults, by place.
//! Hostile ones that no repository should hold are made here.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use chaperone::catalog::Catalog;

const INTEGRATION: &str =
    "integration: shop\nbase_url: https://shop.example\nauthentication: none\ntags: {a: Everything}\n";

fn folders(of: &str) -> Vec<PathBuf> {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogs").join(of);
    let mut folders: Vec<PathBuf> = fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no catalogs in {of}");
    folders
}

/// The faults of a folder, a line each, with paths relative to it.
fn faults(folder: &Path) -> Vec<String> {
    let Err(faults) = Catalog::load(folder) else { panic!("{} is accepted", folder.display()) };
    let prefix = format!("{}/", folder.display());
    faults.0.iter().map(|fault| fault.to_string().replace(&prefix, "")).collect()
}

/// The one fault of a catalog of `integration.yaml` and whatever `make` adds.
fn fault_of(make: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("integration.yaml"), INTEGRATION).unwrap();
    make(folder.path());
    let found = faults(folder.path());
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn resource(name: &str, methods: &str) -> String {
    format!("resource: {name}\ntags: [a]\nmethods:\n{methods}")
}

#[test]
fn every_valid_catalog_loads() {
    for folder in folders("valid") {
        match Catalog::load(&folder) {
            Ok(catalog) => assert_ne!(catalog.names().count(), 0, "{}", folder.display()),
            Err(faults) => panic!("{faults}"),
        }
    }
}

#[test]
fn every_invalid_catalog_is_refused_with_all_its_faults_by_place() {
    for folder in folders("invalid") {
        let expected = fs::read_to_string(folder.join("expected.txt")).unwrap();
        let found = faults(&folder);
        let expected: Vec<&str> = expected.lines().collect();
        let fits = found.len() == expected.len() && found.iter().zip(&expected).all(|(f, e)| f.contains(e));
        assert!(fits, "{}\nfound:\n{}\nexpected:\n{}", folder.display(), found.join("\n"), expected.join("\n"));
    }
}

#[test]
fn the_folder_of_one_integration_is_a_catalog() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogs/valid/tracker/tracker");
    assert_eq!(Catalog::load(&folder).unwrap().names().collect::<Vec<_>>(), ["tracker"]);
}

#[test]
fn a_folder_without_a_catalog_and_no_folder_at_all_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(faults(folder.path())[0].contains("no catalog here, expected integration.yaml"));
    assert!(faults(&folder.path().join("nowhere"))[0].contains("nowhere: cannot be read"));
}

#[cfg(unix)]
#[test]
fn a_symlink_loop_is_refused_and_a_mounted_config_map_is_read() {
    use std::os::unix::fs::symlink;
    let fault = fault_of(|folder| symlink("loop.yaml", folder.join("loop.yaml")).unwrap());
    assert!(fault.starts_with("loop.yaml: cannot be read"), "{fault}");

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("..2026_11_22");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("integration.yaml"), INTEGRATION).unwrap();
    symlink("..2026_11_22", folder.path().join("..data")).unwrap();
    symlink("..data/integration.yaml", folder.path().join("integration.yaml")).unwrap();
    assert!(Catalog::load(folder.path()).is_ok());
}

#[test]
fn a_thousand_resources_are_refused() {
    let fault = fault_of(|folder| {
        for n in 0..1000 {
            fs::write(folder.join(format!("r{n}.yaml")), resource(&format!("r{n}"), "  list: {}\n")).unwrap();
        }
    });
    assert!(fault.contains("expected at most 512 resources, found 1001 files"), "{fault}");
    let texts: Vec<(String, String)> = (0..1000).map(|n| (format!("x/r{n}.yaml"), String::new())).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert!(Catalog::from_texts(&texts).unwrap_err().to_string().contains("expected at most 512 resources"));
}

#[test]
fn a_hundred_methods_are_refused() {
    let mut methods = String::new();
    for n in 0..100 {
        writeln!(methods, "  m{n}: {{}}").unwrap();
    }
    let fault = fault_of(|folder| fs::write(folder.join("r.yaml"), resource("r", &methods)).unwrap());
    assert_eq!(fault, "r.yaml:1:1: expected at most 64 methods, found 100");
}

#[test]
fn a_file_of_more_than_a_mebibyte_is_refused() {
    let fault = fault_of(|folder| fs::write(folder.join("r.yaml"), "#".repeat((1 << 20) + 1)).unwrap());
    assert_eq!(fault, "r.yaml: the file is larger than 1 MiB");
}

#[test]
fn deep_nesting_is_refused_by_place() {
    let schema = "{items: ".repeat(200) + "1" + &"}".repeat(200);
    let method =
        format!("  list:\n    description: x\n    http: GET /r\n    arguments:\n      a: {{schema: {schema}}}\n");
    let fault = fault_of(|folder| fs::write(folder.join("r.yaml"), resource("r", &method)).unwrap());
    assert!(fault.starts_with("r.yaml:8:") && fault.contains("nested deeper than 48 levels"), "{fault}");
}

#[test]
fn references_that_multiply_or_nest_without_end_are_refused_by_place() {
    let chain = |links: usize, copies: usize| {
        let mut schema = "{description: x, $ref: '#/$defs/d0', $defs: {".to_owned();
        for n in 0..links {
            let next = format!("{{$ref: '#/$defs/d{}'}}", n + 1);
            write!(schema, "d{n}: {{allOf: [{}]}}, ", vec![next; copies].join(", ")).unwrap();
        }
        write!(schema, "d{links}: {{type: string}}}}}}").unwrap();
        format!("  list:\n    description: x\n    http: GET /r\n    arguments:\n      a: {{schema: {schema}}}\n")
    };
    let table = [
        (20, 4, "r.yaml:5:5: methods.list: the schema, with its references written out"),
        (200, 1, "r.yaml:5:5: methods.list: the schema, with its references written out"),
        (300, 1, "r.yaml:8:"),
    ];
    for (links, copies, expected) in table {
        let text = resource("r", &chain(links, copies));
        let fault = fault_of(|folder| fs::write(folder.join("r.yaml"), text).unwrap());
        assert!(fault.starts_with(expected), "{fault}");
    }
}

#[test]
fn a_faulty_operation_yields_no_tool_and_takes_the_whole_catalog_with_it() {
    let good = "  list: {description: x, http: GET /r}\n  get: {description: x, http: GET /r/1}\n";
    let texts = |methods: &str| {
        let text = resource("r", methods);
        Catalog::from_texts(&[("shop/integration.yaml", INTEGRATION), ("shop/r.yaml", &text)])
    };
    assert_eq!(texts(good).unwrap().integration("shop").unwrap().tools.len(), 2);
    assert_eq!(texts(&good.replace("GET /r/1", "GOT /r/1")).unwrap_err().0.len(), 1);
}
