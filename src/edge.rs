//! The HTTP plane: one layer a file, each a request in and a response or a refusal out.

pub mod identify;
pub mod limits;
pub mod origin;
pub mod rescue;
pub mod trace;

/// What the HTTP plane is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Largest request body in bytes (`limits.max_body`).
    pub max_body: usize,
    /// Requests at work at once before new ones are shed (`limits.max_in_flight`).
    pub max_in_flight: usize,
    /// Browsers' `Origin` values that are let in besides loopback ones (`allowed_origins`).
    pub allowed_origins: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // A note or an e-mail is kilobytes; a file upload in base64 is what needs room.
            max_body: 4 << 20,
            // A sidecar serves a handful of agents; beyond this an answer would come too late anyway.
            max_in_flight: 1024,
            allowed_origins: Vec::new(),
        }
    }
}
