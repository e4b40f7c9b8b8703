//! How a server of the bench says that it is ready: the one thing that the bench and the floor share.

use std::io::{self, Write as _};
use std::net::SocketAddr;

/// What stands on stdout before the address of a server that is ready; chaperone says the same.
pub const READY: &str = "listening on http://";

/// Says that this process listens on `address`.
///
/// # Errors
/// If stdout is gone.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{READY}{address}")?;
    stdout.flush()
}
