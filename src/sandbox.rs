//! The Affinity sandbox: an in-memory stand-in for the Affinity v1 API.
//!
//! `chaperone sandbox` runs it alone, `chaperone demo` runs it beside the sidecar, tests start it in-process. It answers
//! all 59 v1 operations ([`routes`] is the list) with Affinity's own envelopes, paging, rate-limit headers and error
//! bodies, over a seed that looks like a small investment firm's data. Nothing is kept: every start is the seed again.
//!
//! Ids that scripts may rely on (all from the built-in `seed.yaml`):
//!
//! | id | what |
//! | --- | --- |
//! | person 1001 | Maya Okafor, internal, the user behind every API key |
//! | persons 1002 – 1006 | her colleagues, internal |
//! | organization 5001 | Acme Corp, with interactions of all four types in the last year |
//! | person 2001 | Dana Whitfield, external, Acme Corp's main contact |
//! | opportunity 7001 | Acme Corp's Series B |
//! | lists 301, 302, 303, 304 | companies, deals, founders, portfolio |
//! | organization 5998, person 2998 | merged away into 5001 and 2001 |
//!
//! A request's life: [`server`] reads it whole, [`gate`] asks for a key and a rate limit, [`routes`] finds the handler,
//! the handler (one file per resource) reads its [`params`], changes the [`state`] and gives an [`answer`].
//! One mutex holds everything; it is never held across an await, so a request's work is atomic.

mod account;
mod answer;
mod call;
mod config;
mod field_changes;
mod field_values;
mod fields;
mod files;
mod gate;
mod id;
mod interaction_dates;
mod interactions;
mod limit;
mod list_entries;
mod lists;
mod multipart;
mod notes;
mod opportunities;
mod organizations;
mod page;
mod params;
mod persons;
mod record;
mod relationships;
mod reminders;
mod request;
mod routes;
mod seed;
mod server;
mod state;
mod storage;
mod table;
mod time;
mod timeline;
mod webhooks;

pub use config::{Config, Quota, RateLimit};
pub use server::Sandbox;
