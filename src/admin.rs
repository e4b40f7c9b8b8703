//! The admin listener: health and metrics; the admin API and the console will live here.

pub mod ready;

use std::net::SocketAddr;

/// What the admin listener is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it listens (`admin.listen`).
    pub listen: SocketAddr,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9090)) }
    }
}
