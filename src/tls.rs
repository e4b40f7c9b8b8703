//! TLS as a client: rustls with ring, the roots of the web and, where the configuration names them, more.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// A client that trusts the web's roots and the certificates of this PEM file.
///
/// # Errors
/// The file cannot be used; for a person.
pub(crate) fn client(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let unusable = |why: &dyn std::fmt::Display| {
            format!("the CA file {} cannot be used, expected certificates in PEM: {why}", path.display())
        };
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
            roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
        }
        if roots.len() == before {
            return Err(unusable(&"it holds no certificate"));
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_certificates_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client(Some(file.path())).unwrap_err();
        assert!(error.contains("it holds no certificate"), "{error}");
        let error = client(Some("/nowhere/ca.pem".as_ref())).unwrap_err();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");
    }
}
