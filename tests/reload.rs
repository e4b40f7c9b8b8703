//! Hot reload, with real files, real links and the real watcher.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chaperone::{
    app::{
        assemble::{Attempt, Sources, attempt},
        reload::{Handle, Reloader, Status},
    },
    server::token,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Longer than any reload takes, so that a test which waits for one in vain ends.
const LONG: Duration = Duration::from_secs(20);

const CONFIG: &str = "policies: ./policies\ncatalog: ./catalog\naccounts: [{id: acme, integration: shop}]\n";

fn policy(name: &str) -> String {
    format!("name: {name}\naccount: acme\ntoken: {{sha256: '{}'}}\n", token::to_hex(&token::hash(name)))
}

/// A folder with configuration, catalog and one policy, and a reloader at work on it.
struct Stage {
    folder: TempDir,
    handle: Handle,
    task: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("chaperone.yaml"), CONFIG).unwrap();
    fs::create_dir(folder.path().join("catalog")).unwrap();
    let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/catalog");
    for entry in fs::read_dir(catalog).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join("catalog").join(entry.file_name())).unwrap();
    }
    folder
}

impl Stage {
    fn begin(folder: TempDir) -> Self {
        let config_path = Some(folder.path().join("chaperone.yaml"));
        let sources = Sources { config_path, flags: Vec::new(), environment: Arc::new(|_| None), listening: None };
        let Attempt { result, seen } = attempt(&sources, 1);
        let assembled = result.unwrap_or_else(|faults| panic!("{faults}"));
        let (reloader, handle) = Reloader::new(sources, assembled, seen).unwrap();
        Self { folder, handle, task: tokio::spawn(reloader.run()) }
    }

    /// With one policy, `a`, in a plain folder.
    fn plain() -> Self {
        let folder = folder();
        fs::create_dir(folder.path().join("policies")).unwrap();
        fs::write(folder.path().join("policies/a.yaml"), policy("a")).unwrap();
        Self::begin(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn until(&self, what: impl FnMut(&Status) -> bool) -> Status {
        let mut channel = self.handle.watch();
        let found = tokio::time::timeout(LONG, channel.wait_for(what)).await;
        found.expect("it happens in time").unwrap().clone()
    }

    fn names(&self) -> Vec<String> {
        self.handle.registry().load().servers().iter().map(|server| server.name.to_string()).collect()
    }
}

#[tokio::test]
async fn a_new_a_changed_and_a_removed_policy_are_taken_over() {
    let stage = Stage::plain();
    fs::write(stage.path("policies/b.yaml"), policy("b")).unwrap();
    let status = stage.until(|status| status.reloads == 1).await;
    assert_eq!((stage.names(), status.generation), (vec!["a".into(), "b".into()], 2));

    fs::write(stage.path("policies/b.yaml"), policy("c")).unwrap();
    stage.until(|status| status.reloads == 2).await;
    assert_eq!(stage.names(), ["a", "c"]);
    let registry = stage.handle.registry().load_full();
    assert!(registry.by_token("b").is_none() && registry.by_token("c").is_some());

    fs::remove_file(stage.path("policies/b.yaml")).unwrap();
    let status = stage.until(|status| status.reloads == 3).await;
    assert_eq!((stage.names(), status.failed, status.last_fault), (vec!["a".into()], 0, None));
}

#[tokio::test]
async fn a_bad_change_is_refused_whole_and_mending_it_clears_the_fault() {
    let stage = Stage::plain();
    let before = stage.handle.registry().load_full();
    // The good half of a bad change is not taken over either.
    fs::write(stage.path("policies/good.yaml"), policy("good")).unwrap();
    fs::write(stage.path("policies/bad.yaml"), "name: bad\naccount: acne\n").unwrap();
    let status = stage.until(|status| status.last_fault.is_some()).await;
    let faults = status.last_fault.unwrap();
    assert!(faults.contains("bad.yaml") && faults.contains("did you mean `acme`?"), "{faults}");
    assert!(Arc::ptr_eq(&before, &stage.handle.registry().load_full()));
    assert_eq!((status.generation, status.reloads, status.failed), (1, 0, 1));

    fs::remove_file(stage.path("policies/bad.yaml")).unwrap();
    let status = stage.until(|status| status.reloads == 1).await;
    assert_eq!((stage.names(), status.last_fault), (vec!["a".into(), "good".into()], None));
}

#[tokio::test]
async fn the_catalog_is_watched_and_a_bad_one_is_refused() {
    let stage = Stage::plain();
    fs::remove_file(stage.path("catalog/notes.yaml")).unwrap();
    stage.until(|status| status.reloads == 1).await;
    assert_eq!(stage.handle.registry().load().servers()[0].tools.len(), 6);
    fs::write(stage.path("catalog/orders.yaml"), "resource: orders\nmethods: {list: {description: x}}\n").unwrap();
    stage.until(|status| status.failed == 1).await;
    assert_eq!(stage.handle.registry().load().servers()[0].tools.len(), 6);
}

#[tokio::test]
async fn a_secret_file_and_the_list_of_api_tokens_are_watched() {
    let folder = folder();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(folder.path().join("secrets/token"), "the-first-token-of-all\n").unwrap();
    fs::write(folder.path().join("secrets/api-tokens"), "# nobody yet\n").unwrap();
    let text = "name: a\naccount: acme\ntoken: {file: ../secrets/token}\n";
    fs::write(folder.path().join("policies/a.yaml"), text).unwrap();
    let config = format!("{CONFIG}api_tokens: {{file: ./secrets/api-tokens}}\n");
    fs::write(folder.path().join("chaperone.yaml"), config).unwrap();
    let stage = Stage::begin(folder);

    fs::write(stage.path("secrets/token"), "the-second-token-of-all\n").unwrap();
    stage.until(|status| status.reloads == 1).await;
    let registry = stage.handle.registry().load_full();
    assert!(registry.by_token("the-first-token-of-all").is_none());
    assert!(registry.by_token("the-second-token-of-all").is_some());

    let line = format!("alice:sha256:{}\n", token::to_hex(&token::hash("alice's")));
    fs::write(stage.path("secrets/api-tokens"), line).unwrap();
    stage.until(|status| status.reloads == 2).await;
    assert_eq!(stage.handle.registry().load().api_token("alice's").map(|name| &**name), Some("alice"));
}

/// As Kubernetes lays a `ConfigMap` out: `a.yaml -> ..data/a.yaml`, `..data -> ..2026_01`, swapped by renaming a new link
/// over `..data`, and the old folder removed.
fn swap(volume: &Path, stamp: &str, text: &str) {
    let data = volume.join(stamp);
    fs::create_dir(&data).unwrap();
    fs::write(data.join("a.yaml"), text).unwrap();
    let old = fs::read_link(volume.join("..data")).ok();
    symlink(stamp, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(volume.join(old)).unwrap();
    }
}

#[tokio::test]
async fn the_swap_of_a_config_map_is_seen_again_and_again() {
    let folder = folder();
    let volume = folder.path().join("policies");
    fs::create_dir(&volume).unwrap();
    swap(&volume, "..2026_01", &policy("a"));
    symlink("..data/a.yaml", volume.join("a.yaml")).unwrap();
    let stage = Stage::begin(folder);
    assert_eq!(stage.names(), ["a"]);
    for (reloads, (stamp, name)) in [("..2026_02", "b"), ("..2026_03", "c"), ("..2026_04", "d")].into_iter().enumerate()
    {
        swap(&volume, stamp, &policy(name));
        let reloads = u64::try_from(reloads).unwrap() + 1;
        stage.until(|status| status.reloads == reloads).await;
        assert_eq!(stage.names(), [name]);
    }
}

#[tokio::test]
async fn the_configuration_in_a_config_map_is_followed_to_another_folder_of_policies() {
    let folder = folder();
    let volume = folder.path().join("volume");
    fs::create_dir(&volume).unwrap();
    for (name, policy_name) in [("one", "a"), ("two", "b")] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("p.yaml"), policy(policy_name)).unwrap();
    }
    let config = |policies: &str| {
        let root = folder.path().display();
        CONFIG.replace("./policies", &format!("{root}/{policies}")).replace("./catalog", &format!("{root}/catalog"))
    };
    let (one, two) = (config("one"), config("two"));
    swap(&volume, "..1", &one);
    fs::remove_file(folder.path().join("chaperone.yaml")).unwrap();
    symlink("volume/..data/a.yaml", folder.path().join("chaperone.yaml")).unwrap();
    let stage = Stage::begin(folder);
    assert_eq!(stage.names(), ["a"]);
    swap(&volume, "..2", &two);
    stage.until(|status| status.reloads == 1).await;
    assert_eq!(stage.names(), ["b"]);
    // The folder that counts now is watched, although it did not at the start.
    fs::write(stage.path("two/p.yaml"), policy("c")).unwrap();
    stage.until(|status| status.reloads == 2).await;
    assert_eq!(stage.names(), ["c"]);
}

#[tokio::test]
async fn a_folder_that_is_removed_and_made_again_is_watched_again() {
    let stage = Stage::plain();
    fs::remove_dir_all(stage.path("policies")).unwrap();
    stage.until(|status| status.failed == 1).await;
    assert_eq!(stage.names(), ["a"]);
    fs::create_dir(stage.path("policies")).unwrap();
    fs::write(stage.path("policies/b.yaml"), policy("b")).unwrap();
    stage.until(|_| stage.names() == ["b"]).await;
    fs::write(stage.path("policies/c.yaml"), policy("c")).unwrap();
    stage.until(|_| stage.names() == ["b", "c"]).await;
}

#[tokio::test]
async fn an_open_server_is_not_taken_over_while_the_listener_is_reachable_from_elsewhere() {
    let folder = folder();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("policies/a.yaml"), policy("a")).unwrap();
    fs::write(folder.path().join("chaperone.yaml"), format!("{CONFIG}listen: 0.0.0.0:8080\n")).unwrap();
    let stage = Stage::begin(folder);
    // The new configuration alone would be sound; but the listener stays where it is until the next start.
    fs::write(stage.path("policies/open.yaml"), "{name: open, account: acme, token: none}").unwrap();
    fs::write(stage.path("chaperone.yaml"), format!("{CONFIG}listen: 127.0.0.1:8080\n")).unwrap();
    stage.handle.reload();
    let status = stage.until(|status| status.failed > 0).await;
    assert!(status.last_fault.unwrap().contains("loopback"));
    assert_eq!(stage.names(), ["a"]);
}
