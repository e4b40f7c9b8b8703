//! Limits in Redis or Valkey, shared by every replica: one script, so one round trip and no race, for all limits of a
//! call and for what the vendor said of its account.
//!
//! While the store is out of reach nobody waits for it: calls go by this process's share of each limit, and a task of
//! its own knocks until the store is back, and tells it what went by in the meantime.

mod client;

use std::{fmt::Write, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use redis::{Client, ErrorKind, RedisError, RedisResult, Script, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};

use super::SharedConfig;
use super::charge::Charge;
use super::gcra::Standing;
use super::own::{Debt, Own};
use crate::budget::Bucket;

/// Pause between two attempts to reach the store: short enough that nobody notices, long enough to cost nothing.
const KNOCK: Duration = Duration::from_millis(500);

/// Time for a connection to be made, TLS included.
const CONNECT: Duration = Duration::from_secs(2);

/// One slot of a cluster: the script touches all keys of a call at once.
const PREFIX: &str = "chaperone:{limits}";

/// Words of vendors that wait to be shared; more than this are dropped, the next answer says it again.
const OUTBOX: usize = 1024;

/// Limits that are told of at once: the store answers nobody else while it writes them down.
const AT_ONCE: usize = 100;

/// What a vendor said of an account, by its identity.
pub(super) type Word = (String, Vec<Bucket>);

/// The shared store.
pub(super) struct Shared {
    client: Client,
    timeout: Duration,
    replicas: u32,
    connection: ArcSwapOption<MultiplexedConnection>,
    lost: Notify,
    take: Script,
    tell: Script,
    record: Script,
    own: Own,
    outbox: mpsc::Sender<Word>,
    inbox: tokio::sync::Mutex<mpsc::Receiver<Word>>,
}

/// What the store answered.
pub(super) struct Taken {
    /// How each limit stands, or which one has no room; `None` where the vendor's has none.
    pub(super) limits: Option<Result<Vec<Standing>, (usize, Standing)>>,
    /// What replicas heard of the vendor.
    pub(super) vendor: Vec<Bucket>,
}

impl Shared {
    /// A store at this URL; it is not reached for before [`Shared::keep_connected`] runs.
    pub(super) fn new(url: &str, config: &SharedConfig) -> Result<Self, String> {
        let client = client::of(url, config.ca_file.as_deref())?;
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        Ok(Self {
            client,
            timeout: config.timeout,
            replicas: config.replicas,
            connection: ArcSwapOption::empty(),
            lost: Notify::new(),
            take: Script::new(include_str!("take.lua")),
            tell: Script::new(include_str!("tell.lua")),
            record: Script::new(include_str!("record.lua")),
            own: Own::new(config.replicas),
            outbox,
            inbox: tokio::sync::Mutex::new(inbox),
        })
    }

    /// Is the store within reach?
    pub(super) fn is_reached(&self) -> bool {
        self.connection.load().is_some()
    }

    /// Among how many replicas limits are divided without the store.
    pub(super) fn replicas(&self) -> u32 {
        self.replicas
    }

    /// What this process has let pass.
    pub(super) fn own(&self) -> &Own {
        &self.own
    }

    /// Where words of vendors go.
    pub(super) fn outbox(&self) -> mpsc::Sender<Word> {
        self.outbox.clone()
    }

    /// Charge all limits or none. `None`: the store is out of reach.
    pub(super) async fn take(&self, account: &str, charges: &[Charge<'_>], fail_fast: bool) -> Option<Taken> {
        let connection = self.connection.load_full()?;
        let mut call = self.take.key(vendor_key(account));
        call.arg(u8::from(fail_fast));
        for charge in charges {
            call.key(cell_key(charge.scope.name(), charge.owner));
            call.arg(charge.rate.interval().div_ceil(1000)).arg(charge.rate.burst());
        }
        let mut connection = MultiplexedConnection::clone(&connection);
        let answer = timeout(self.timeout, call.invoke_async::<Answer>(&mut connection)).await;
        match answer {
            Ok(Ok(answer)) => Some(taken(answer)),
            Ok(Err(error)) => self.lose(&error.to_string()),
            Err(_) => self.lose(&format!("no answer within {} ms", self.timeout.as_millis())),
        }
    }

    /// Say it once, and have the connection made anew.
    fn lose<T>(&self, why: &str) -> Option<T> {
        if self.connection.swap(None).is_some() {
            tracing::warn!(
                why,
                replicas = self.replicas,
                "the shared store is out of reach: limits are divided among the replicas until it is back"
            );
            self.lost.notify_one();
        }
        None
    }

    /// Reach for the store for ever, and hand on what vendors say.
    pub(super) async fn keep_connected(self: Arc<Self>) {
        let mut inbox = self.inbox.lock().await;
        let (mut said, mut memory) = (false, None);
        loop {
            match self.reach(&mut memory).await {
                Ok(told) => {
                    tracing::info!(shared.told = told, "limits are shared");
                    said = true;
                    self.hand_on(&mut inbox).await;
                }
                Err(error) if !said => {
                    tracing::warn!(
                        why = error.to_string(),
                        replicas = self.replicas,
                        "the shared store is out of reach: limits are divided among the replicas until it is back"
                    );
                    said = true;
                }
                Err(_) => {}
            }
            sleep(KNOCK).await;
        }
    }

    /// Connect, and tell the store what it does not know. Comes back with the number of limits that it was told of.
    async fn reach(&self, memory: &mut Option<String>) -> RedisResult<usize> {
        let mut connection = self.connect().await?;
        let remembered = remembered(&mut connection).await?;
        let forgot = memory.as_ref().is_some_and(|known| *known != remembered);
        let told = self.tell_debts(&mut connection, forgot).await?;
        *memory = Some(remembered);
        self.connection.store(Some(Arc::new(connection.clone())));
        // Those who came too early to see the connection, and too late to be told of before.
        let late = self.tell_debts(&mut connection, false).await;
        if let Err(error) = late {
            self.lose::<()>(&error.to_string());
        }
        Ok(told)
    }

    /// Tell the store what this process let pass alone or, if it forgot, everything that is still spent.
    async fn tell_debts(&self, connection: &mut MultiplexedConnection, forgot: bool) -> RedisResult<usize> {
        let mut debts = self.own.debts(forgot);
        let told = debts.len();
        while !debts.is_empty() {
            let rest = debts.split_off(debts.len().min(AT_ONCE));
            let mut call = self.record.prepare_invoke();
            for Debt { scope, owner, rate, requests } in &debts {
                call.key(cell_key(scope.name(), owner));
                call.arg(rate.interval().div_ceil(1000)).arg(rate.burst()).arg(*requests);
            }
            in_time(call.invoke_async::<()>(connection)).await?;
            self.own.told(debts);
            debts = rest;
        }
        Ok(told)
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection = in_time(self.client.get_multiplexed_async_connection()).await?;
        let ping = redis::cmd("PING");
        in_time(ping.query_async::<()>(&mut connection)).await?;
        Ok(connection)
    }

    /// Until the connection is lost.
    async fn hand_on(&self, inbox: &mut mpsc::Receiver<Word>) {
        loop {
            let word = tokio::select! {
                () = self.lost.notified() => return,
                word = inbox.recv() => word,
            };
            let (Some((account, buckets)), Some(connection)) = (word, self.connection.load_full()) else { return };
            let mut call = self.tell.key(vendor_key(&account));
            for bucket in buckets {
                let left = bucket.reset.unwrap_or_default().saturating_mul(1000);
                call.arg(&*bucket.scope).arg(bucket.limit).arg(bucket.remaining).arg(left);
                call.arg(bucket.window.unwrap_or_default());
            }
            let mut connection = MultiplexedConnection::clone(&connection);
            if let Err(error) = in_time(call.invoke_async::<()>(&mut connection)).await {
                self.lose::<()>(&error.to_string());
            }
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client's own Debug shows the password.
        f.debug_struct("Shared").field("reached", &self.is_reached()).finish_non_exhaustive()
    }
}

/// An answer of the store, or why there is none.
async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let late = || RedisError::from((ErrorKind::Io, "no answer in time"));
    timeout(CONNECT, answer).await.unwrap_or_else(|_| Err(late()))
}

/// A word that the store has kept for as long as it remembers anything; made up by whoever asks first.
async fn remembered(connection: &mut MultiplexedConnection) -> RedisResult<String> {
    let mut word = String::new();
    // Writing to a String cannot fail; without randomness two stores may look like one, which says only less.
    let _ = write!(word, "{:016x}", getrandom::u64().unwrap_or_default());
    let key = format!("{PREFIX}:memory");
    let mut call = redis::pipe();
    call.cmd("SET").arg(&key).arg(word).arg("NX").ignore().cmd("GET").arg(&key);
    in_time(call.query_async::<(String,)>(connection)).await.map(|(word,)| word)
}

fn cell_key(scope: &str, owner: &str) -> String {
    format!("{PREFIX}:{scope}:{owner}")
}

fn vendor_key(account: &str) -> String {
    format!("{PREFIX}:vendor:{account}")
}

/// See `take.lua`.
type Answer = (i64, Vec<(u64, u64)>, Vec<Said>);

/// Scope, limit, remaining, milliseconds left, window.
type Said = (String, u64, u64, u64, u64);

fn taken((refusing, standings, vendor): Answer) -> Taken {
    let mut standings = standings.into_iter().map(|(remaining, wait)| Standing { remaining, wait: wait * 1000 });
    let limits = match usize::try_from(refusing) {
        Err(_) => None,
        Ok(0) => Some(Ok(standings.collect())),
        Ok(n) => Some(Err((n - 1, standings.next().unwrap_or(Standing { remaining: 0, wait: 0 })))),
    };
    let bucket = |(scope, limit, remaining, left, window): Said| {
        let window = Some(window).filter(|window| *window > 0);
        Bucket { scope: scope.into(), limit, remaining, reset: Some(left.div_ceil(1000)), window }
    };
    Taken { limits, vendor: vendor.into_iter().map(bucket).collect() }
}
