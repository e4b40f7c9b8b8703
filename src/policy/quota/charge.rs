//! Which limits a call is charged to.

use crate::budget::Bucket;
use crate::call::Call;
use crate::rate::{Limits, Rate};
use crate::refusal::{Limited, Refusal, Whose};

use super::gcra::Standing;

/// Whose limit, and on what. In the order in which limits are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Scope {
    Calls,
    Writes,
    AccountCalls,
    AccountWrites,
    TokenCalls,
    TokenWrites,
}

impl Scope {
    /// How many there are.
    pub(super) const COUNT: usize = 6;

    /// The name of the limit in headers, bodies and the shared store.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Writes => "writes",
            Self::AccountCalls => "account",
            Self::AccountWrites => "account-writes",
            Self::TokenCalls => "api-token",
            Self::TokenWrites => "api-token-writes",
        }
    }

    /// Where the limit is configured, for the log.
    fn rule(self) -> &'static str {
        match self {
            Self::Calls => "config.limits.calls",
            Self::Writes => "config.limits.writes",
            Self::AccountCalls => "accounts.limits.calls",
            Self::AccountWrites => "accounts.limits.writes",
            Self::TokenCalls => "api_tokens.limits.calls",
            Self::TokenWrites => "api_tokens.limits.writes",
        }
    }

    fn whose(self) -> Whose {
        match self {
            Self::Calls | Self::Writes => Whose::Server,
            Self::AccountCalls | Self::AccountWrites => Whose::Account,
            Self::TokenCalls | Self::TokenWrites => Whose::ApiToken,
        }
    }
}

/// One limit that a call is charged to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge<'c> {
    pub(super) scope: Scope,
    /// The id of the server or account, or the name of the API token.
    pub(super) owner: &'c str,
    pub(super) rate: Rate,
}

impl Charge<'_> {
    /// The bucket that stands like this.
    pub(super) fn bucket(&self, standing: Standing) -> Bucket {
        standing.bucket(self.scope.name(), &self.rate)
    }

    /// The refusal of a call that this limit has no room for.
    pub(super) fn refusal(&self, standing: Standing) -> Refusal {
        let rule = format!("{}: {}", self.scope.rule(), self.rate);
        Refusal::Limited(Box::new(Limited { bucket: self.bucket(standing), rule, whose: self.scope.whose() }))
    }
}

/// Every limit that a call is charged to, in the order of [`Scope`]. A call counts once, however many requests it makes.
pub(super) fn charges(call: &Call) -> Result<Vec<Charge<'_>>, Refusal> {
    let write = !call.grant()?.tool().read_only;
    let server = &call.server;
    let mut found = Vec::new();
    let mut add = |limits: &Limits, owner, [calls, writes]: [Scope; 2]| {
        let charge = |scope| move |rate| Charge { scope, owner, rate };
        found.extend(limits.calls.map(charge(calls)));
        found.extend(limits.writes.filter(|_| write).map(charge(writes)));
    };
    if let Some(limits) = &server.limits {
        add(limits, &server.id, [Scope::Calls, Scope::Writes]);
    }
    add(&server.account.limits, server.account.id.as_str(), [Scope::AccountCalls, Scope::AccountWrites]);
    if let Some(token) = &call.caller.api_token {
        add(&server.api_token_limits, &**token, [Scope::TokenCalls, Scope::TokenWrites]);
    }
    Ok(found)
}

/// The same limits for one of `parts` replicas that share them.
pub(super) fn divided<'c>(charges: &[Charge<'c>], parts: u32) -> Vec<Charge<'c>> {
    charges.iter().map(|charge| Charge { rate: charge.rate.divided(parts), ..*charge }).collect()
}
