//! A harness for tests against the real binary: [`Chaperone`] starts it with the configuration of a [`Setup`],
//! [`Upstream`] stands in for a vendor and records what reaches it, [`Agent`] speaks MCP as an agent would, and
//! [`exchange`] sends bytes that no client would send.

#![allow(dead_code, unused_imports, reason = "every test file takes in the whole harness and needs a part of it")]

mod agent;
mod process;
mod setup;
mod upstream;
mod wire;

pub(crate) use agent::{Agent, Reply};
pub(crate) use process::{Chaperone, Demo, command};
pub(crate) use setup::{CREDENTIAL, Setup};
pub(crate) use upstream::{Received, Scripted, Upstream};
pub(crate) use wire::{Answer, exchange, exchange_cut_off, post};
