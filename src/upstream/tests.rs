//! The whole way over a real socket, against a server that does as each test says.

mod bounds;
mod faults;
mod files;
mod lists;
mod pool;
mod requests;
pub(super) mod support;
mod tls;
mod trouble;
