//! The watcher over the folders that hold what is served.
//!
//! Folders are watched, never files: editors and Kubernetes volumes put another file, or another link, in the place of
//! the old one, and a watched file would be the one that is gone. Which folders: those of every file, of the file that
//! a link leads to, and for a folder itself also the one that it is in.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use crate::app::assemble::Inputs;

/// How many links are followed in all: a circle of links must end somewhere.
const MAX_HOPS: usize = 256;

/// A watcher that says "something was touched".
#[derive(Debug)]
pub(super) struct Watch {
    inputs: Inputs,
    touched: Arc<Notify>,
    /// Kept for its drop: a dropped watcher is silent.
    watcher: Option<RecommendedWatcher>,
}

impl Watch {
    pub(super) fn new(inputs: Inputs, touched: Arc<Notify>) -> Self {
        let mut watch = Self { inputs, touched, watcher: None };
        watch.renew();
        watch
    }

    pub(super) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Watch again from the start: folders that were replaced since are other folders now, under the same names.
    pub(super) fn renew(&mut self) {
        match start(&self.inputs, self.touched.clone()) {
            // The old watcher ends only when the new one is at work.
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => tracing::warn!("files cannot be watched, changes are taken over on SIGHUP only: {error}"),
        }
    }

    /// Watch other inputs, if they are others; say whether they are.
    pub(super) fn replace(&mut self, inputs: Inputs) -> bool {
        if self.inputs == inputs {
            return false;
        }
        self.inputs = inputs;
        self.renew();
        true
    }
}

fn start(inputs: &Inputs, touched: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // To read a file is an event too, and reading is what follows every event.
        let only_read = event.as_ref().is_ok_and(|event| matches!(event.kind, EventKind::Access(_)));
        if !only_read {
            touched.notify_one();
        }
    })?;
    for folder in &inputs.folders {
        // A folder that is not there is a fault of the set and is told as such; the one above it is watched.
        let _ = watcher.watch(folder, RecursiveMode::Recursive);
    }
    for folder in around(inputs) {
        let _ = watcher.watch(&folder, RecursiveMode::NonRecursive);
    }
    Ok(watcher)
}

/// The folders in which a name that counts can be put in the place of another: that of each path, and that of each link
/// on the way to it.
fn around(inputs: &Inputs) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    let mut waiting: Vec<PathBuf> = inputs.files.iter().chain(&inputs.folders).cloned().collect();
    let mut hops = 0;
    while let Some(path) = waiting.pop() {
        folders.extend(path.parent().map(Path::to_owned));
        let link = path.ancestors().find_map(|part| Some((part, fs::read_link(part).ok()?, part.parent()?)));
        let Some((link, target, folder)) = link.filter(|_| hops < MAX_HOPS) else { continue };
        hops += 1;
        folders.insert(folder.to_owned());
        // What follows the link in the path follows its target too.
        let rest = path.strip_prefix(link).unwrap_or(Path::new(""));
        waiting.push(if rest.as_os_str().is_empty() { folder.join(target) } else { folder.join(target).join(rest) });
    }
    folders
}
