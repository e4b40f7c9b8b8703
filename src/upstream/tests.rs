//! The whole way over a real socket, against a server that does as each test says.

pub(super) mod support;
