//! Hot reload: a change of what is served is compiled whole beside the running set, then swapped in one step.
//!
//! A bad change is refused whole and the old set keeps serving. Requests take one snapshot of the set when they come in,
//! so one that began under the old set ends under it.

mod status;
mod watch;
mod worker;

use std::{io, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::{sync::Notify, sync::watch as channel, time};

use super::assemble::{self, Assembled, Attempt, Seen, Sources};
use crate::config::Config;
use crate::document::Faults;
use crate::server::registry::Registry;

pub use status::Status;
use watch::Watch;
use worker::Worker;

/// How long files must lie still before they are read: an editor or a volume writes several in a row.
const QUIET: Duration = Duration::from_millis(200);

/// How long a folder that never lies still is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the rest of the program holds on to.
#[derive(Clone, Debug)]
pub struct Handle {
    registry: Arc<ArcSwap<Registry>>,
    status: channel::Receiver<Status>,
    asked: Arc<Notify>,
}

impl Handle {
    /// The set that is served; requests take a snapshot of it.
    #[must_use]
    pub fn registry(&self) -> &Arc<ArcSwap<Registry>> {
        &self.registry
    }

    /// How reloading fares.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// A channel that tells of every attempt.
    #[must_use]
    pub fn watch(&self) -> channel::Receiver<Status> {
        self.status.clone()
    }

    /// Reload now, changed or not: what SIGHUP asks for.
    pub fn reload(&self) {
        self.asked.notify_one();
    }
}

/// The task that keeps the served set up to date. Nothing happens until [`Reloader::run`] is polled.
#[derive(Debug)]
pub struct Reloader {
    sources: Sources,
    config: Config,
    registry: Arc<ArcSwap<Registry>>,
    status: channel::Sender<Status>,
    asked: Arc<Notify>,
    touched: Arc<Notify>,
    watch: Watch,
    seen: [u8; 32],
    worker: Worker,
}

impl Reloader {
    /// Begin with a set that was assembled from `sources`, and with what was seen on that occasion. Every change since
    /// then is taken over.
    ///
    /// # Errors
    /// The system gives no thread to compile on.
    pub fn new(mut sources: Sources, assembled: Assembled, seen: Seen) -> io::Result<(Self, Handle)> {
        let Assembled { config, registry, .. } = assembled;
        sources.listening.get_or_insert(config.serve.listen);
        let (status, receiver) = channel::channel(Status::new(registry.generation(), Timestamp::now()));
        let registry = Arc::new(ArcSwap::from_pointee(registry));
        let (asked, touched) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handle = Handle { registry: registry.clone(), status: receiver, asked: asked.clone() };
        let watch = Watch::new(seen.inputs, touched.clone());
        // Whatever changed between reading and watching shows as a difference at the first look.
        touched.notify_one();
        let (seen, worker) = (seen.fingerprint, Worker::start()?);
        Ok((Self { sources, config, registry, status, asked, touched, watch, seen, worker }, handle))
    }

    /// Watch and reload until the task is dropped.
    pub async fn run(mut self) {
        loop {
            let forced = tokio::select! {
                () = self.asked.notified() => true,
                () = self.touched.notified() => false,
            };
            if !forced {
                self.settle().await;
            }
            self.look(forced).await;
        }
    }

    /// Wait until nothing has been touched for a while.
    async fn settle(&self) {
        let patience = time::sleep(PATIENCE);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                () = self.touched.notified() => {}
                () = time::sleep(QUIET) => return,
                () = &mut patience => return,
            }
        }
    }

    /// Reload if the contents are others than at the last attempt, or if it is asked for.
    async fn look(&mut self, forced: bool) {
        // Watching comes before reading: what changes after this line is told again.
        self.watch.renew();
        if self.fingerprint().await == self.seen && !forced {
            return;
        }
        let (sources, generation) = (self.sources.clone(), self.registry.load().generation() + 1);
        let attempt = self.worker.run(move || assemble::attempt(&sources, generation)).await;
        let Some(Attempt { result, seen }) = attempt else {
            return self.refused(&Faults::whole_file("reload", "the compiler of the set broke off; this is a bug"));
        };
        self.seen = seen.fingerprint;
        if self.watch.replace(seen.inputs) {
            // Files that count only now may have changed before they were watched.
            self.touched.notify_one();
        }
        match result {
            Ok(assembled) => self.accepted(assembled),
            Err(faults) => self.refused(&faults),
        }
    }

    async fn fingerprint(&self) -> [u8; 32] {
        let inputs = self.watch.inputs().clone();
        self.worker.run(move || inputs.fingerprint()).await.unwrap_or_default()
    }

    fn accepted(&mut self, assembled: Assembled) {
        let Assembled { config, registry, warnings } = assembled;
        let (generation, servers) = (registry.generation(), registry.servers().len());
        for key in self.config.fixed_until_restart(&config) {
            tracing::warn!(config.key = key, "`{key}` has changed and takes effect at the next start");
        }
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        self.registry.store(Arc::new(registry));
        self.status.send_modify(|status| status.accept(generation, Timestamp::now()));
        tracing::info!(registry.generation = generation, registry.servers = servers, "reloaded");
    }

    fn refused(&self, faults: &Faults) {
        for fault in &faults.0 {
            tracing::error!("reload refused, the old set keeps serving: {fault}");
        }
        self.status.send_modify(|status| status.refuse(faults));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_again_unchanged_bumps_nothing_and_asking_reloads_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/policies/catalog");
        let config = format!("policies: .\ncatalog: {catalog}\naccounts: [{{id: acme, integration: shop}}]\n");
        let file = folder.path().join("config");
        std::fs::write(&file, &config).unwrap();
        let environment = Arc::new(|_: &str| None);
        let sources = Sources { config_path: Some(file.clone()), flags: Vec::new(), environment, listening: None };
        let Attempt { result, seen } = assemble::attempt(&sources, 1);
        let (mut reloader, handle) = Reloader::new(sources, result.unwrap(), seen).unwrap();

        std::fs::write(&file, &config).unwrap();
        std::fs::write(folder.path().join("a.yaml~"), "the leavings of an editor").unwrap();
        reloader.look(false).await;
        assert_eq!((handle.status().reloads, handle.status().generation), (0, 1));
        reloader.look(true).await;
        assert_eq!((handle.status().reloads, handle.status().generation), (1, 2));
        std::fs::write(&file, format!("{config}# another byte\n")).unwrap();
        reloader.look(false).await;
        assert_eq!((handle.status().reloads, handle.status().generation), (2, 3));
    }
}
