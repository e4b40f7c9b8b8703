//! The client of a store, by its URL.

use std::{fs, path::Path};

use redis::{Client, IntoConnectionInfo, TlsCertificates, io::tcp::TcpSettings};

/// The store at this URL.
pub(super) fn of(url: &str, ca_file: Option<&Path>) -> Result<Client, String> {
    // The error may quote the URL, which may hold a password.
    let unusable = |_| {
        "`shared` is no URL of a store, expected redis://host:6379/0 or rediss://user:password@host:6379/0".to_owned()
    };
    let info = url.into_connection_info().map_err(unusable)?;
    // A command must not wait until the store has acknowledged the one before it.
    let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let Some(path) = ca_file else { return Client::open(info).map_err(unusable) };
    let useless = |why: &dyn std::fmt::Display| {
        let path = path.display();
        format!("`shared.ca_file` {path} cannot be used, expected certificates in PEM and a rediss:// URL: {why}")
    };
    let root_cert = Some(fs::read(path).map_err(|error| useless(&error))?);
    Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert }).map_err(|error| useless(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_waits_until_the_one_before_it_is_acknowledged() {
        let client = of("redis://localhost:6379/0", None).unwrap();
        assert!(client.get_connection_info().tcp_settings().nodelay());
    }
}
