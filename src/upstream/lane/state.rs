//! Who is at work in a lane and who waits, and whose turn is next.
//!
//! Each MCP server with requests here has a share, found once by the server's key when a request comes and by its place
//! ever after. Requests of one share wait in a chain, oldest first; the shares that wait stand in the order of their
//! turns. Places are used again, so little is allocated once a lane has been busy.

use std::collections::{BTreeSet, HashMap};

use slab::Slab;

use crate::hash::QuickHash;
use crate::server::ServerKey;

/// The place of a share.
pub(super) type Share = usize;

/// One request that waits, or has waited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    place: usize,
    /// Tells it from others that had this place.
    number: u64,
}

/// Whose turn it is: the fewest at work first, of equals who waits longest.
type Turn = (usize, u64, Share);

/// Everything about a lane that changes; `H` hands a slot to whoever waits.
#[derive(Debug)]
pub(super) struct State<H> {
    at_work: usize,
    /// Numbers the tickets: who came first.
    numbers: u64,
    /// The servers with requests at work or waiting: never more than may work and wait together.
    shares: Slab<Member>,
    by_server: HashMap<ServerKey, Share, QuickHash>,
    /// The requests that wait.
    queue: Slab<Waiter<H>>,
    /// One for each share that waits.
    turns: BTreeSet<Turn>,
}

/// The requests of one MCP server; there is at least one.
#[derive(Debug)]
struct Member {
    server: ServerKey,
    at_work: usize,
    /// The oldest and the newest of those that wait.
    chain: Option<(Ticket, Ticket)>,
}

#[derive(Debug)]
struct Waiter<H> {
    share: Share,
    number: u64,
    hand: H,
    older: Option<Ticket>,
    newer: Option<Ticket>,
}

impl<H> Default for State<H> {
    fn default() -> Self {
        Self {
            at_work: 0,
            numbers: 0,
            shares: Slab::new(),
            by_server: HashMap::default(),
            queue: Slab::new(),
            turns: BTreeSet::new(),
        }
    }
}

impl<H> State<H> {
    /// Requests at work.
    pub(super) fn at_work(&self) -> usize {
        self.at_work
    }

    /// Requests that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Is everything forgotten?
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.shares.is_empty() && self.by_server.is_empty() && self.queue.is_empty() && self.turns.is_empty()
    }

    /// One more at work, for this server. Only while nobody waits.
    pub(super) fn begin(&mut self, server: ServerKey) -> Share {
        let share = self.share(server);
        self.shares[share].at_work += 1;
        self.at_work += 1;
        share
    }

    /// One more waits, for this server.
    pub(super) fn line_up(&mut self, server: ServerKey, hand: H) -> Ticket {
        let share = self.share(server);
        let number = self.numbers;
        self.numbers += 1;
        let oldest_newest = self.shares[share].chain;
        let older = oldest_newest.map(|(_, newest)| newest);
        let ticket = Ticket { place: self.queue.insert(Waiter { share, number, hand, older, newer: None }), number };
        match oldest_newest {
            Some((oldest, newest)) => {
                self.queue[newest.place].newer = Some(ticket);
                self.shares[share].chain = Some((oldest, ticket));
            }
            None => self.change(share, |member| member.chain = Some((ticket, ticket))),
        }
        ticket
    }

    /// Take a slot from this share and give it to whose turn it is; nobody, if nobody waits.
    pub(super) fn pass_on(&mut self, share: Share) -> Option<(Share, H)> {
        self.change(share, |member| member.at_work -= 1);
        let next = self.turns.first().copied();
        let given = next.and_then(|(_, _, next)| {
            let oldest = self.shares[next].chain.map(|(oldest, _)| oldest)?;
            let newer = self.queue[oldest.place].newer;
            Some((next, self.unchain(oldest, newer, |member| member.at_work += 1)))
        });
        if given.is_none() {
            self.at_work -= 1;
        }
        // Last, for it may be this share's own turn.
        self.tidy(share);
        given
    }

    /// Whoever holds this ticket waits no longer; nothing, if its turn has come.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        let Some(waiter) = self.queue.get(ticket.place).filter(|waiter| waiter.number == ticket.number) else { return };
        let (share, newer) = (waiter.share, waiter.newer);
        self.unchain(ticket, newer, |_| {});
        self.tidy(share);
    }

    /// Take a request out of its chain, `also` changing its share.
    fn unchain(&mut self, ticket: Ticket, newer: Option<Ticket>, also: impl FnOnce(&mut Member)) -> H {
        let Waiter { share, hand, older, .. } = self.queue.remove(ticket.place);
        if let Some(older) = older {
            self.queue[older.place].newer = newer;
        }
        if let Some(newer) = newer {
            self.queue[newer.place].older = older;
        }
        self.change(share, |member| {
            let (oldest, newest) = member.chain.expect("a share whose request waits has a chain");
            let oldest = if older.is_none() { newer } else { Some(oldest) };
            let newest = if newer.is_none() { older } else { Some(newest) };
            member.chain = oldest.zip(newest);
            also(member);
        });
        hand
    }

    /// Change a share and keep its turn where it belongs.
    fn change(&mut self, share: Share, change: impl FnOnce(&mut Member)) {
        let member = &mut self.shares[share];
        let before = member.turn(share);
        change(member);
        let after = member.turn(share);
        if before == after {
            return;
        }
        if let Some(turn) = before {
            self.turns.remove(&turn);
        }
        self.turns.extend(after);
    }

    fn share(&mut self, server: ServerKey) -> Share {
        if let Some(share) = self.by_server.get(&server) {
            return *share;
        }
        let share = self.shares.insert(Member { server, at_work: 0, chain: None });
        self.by_server.insert(server, share);
        share
    }

    /// Whoever has nothing at work and nothing waiting has no share.
    fn tidy(&mut self, share: Share) {
        let member = &self.shares[share];
        if member.at_work == 0 && member.chain.is_none() {
            self.by_server.remove(&member.server);
            self.shares.remove(share);
        }
    }
}

impl Member {
    /// Its turn, if it waits.
    fn turn(&self, share: Share) -> Option<Turn> {
        self.chain.map(|(oldest, _)| (self.at_work, oldest.number, share))
    }
}
