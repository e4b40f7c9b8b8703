//! How a credential becomes a header: worked out once when the secret is read, not at every call.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use serde_json::Value;

use crate::catalog::integration::Authentication;
use crate::secret::Secret;

/// What stands where a credential stood.
const MASK: &str = "***";

/// A credential, ready to be put on requests.
pub struct Credential {
    header: Option<(HeaderName, HeaderValue)>,
    /// The forms in which it could come back in an answer.
    forms: Vec<Secret>,
}

impl Credential {
    /// Prepare a secret for the way this integration authenticates.
    ///
    /// # Errors
    /// The secret holds a character that no header can carry.
    pub fn new(authentication: &Authentication, secret: Secret) -> Result<Self, String> {
        let (name, text) = match authentication {
            Authentication::None => return Ok(Self { header: None, forms: vec![secret] }),
            Authentication::Bearer => (AUTHORIZATION, format!("Bearer {}", secret.expose())),
            Authentication::BasicPassword => {
                let pair = STANDARD.encode(format!(":{}", secret.expose()));
                let text = format!("Basic {pair}");
                return Ok(Self {
                    header: Some((AUTHORIZATION, value(text)?)),
                    forms: vec![Secret::new(pair), secret],
                });
            }
            Authentication::Header(name) => (name.clone(), secret.expose().to_owned()),
        };
        Ok(Self { header: Some((name, value(text)?)), forms: vec![secret] })
    }

    /// The header field that it is on a request.
    #[must_use]
    pub fn header(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.header.as_ref()
    }

    /// The text with `***` wherever it holds the credential.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        for form in self.forms.iter().map(Secret::expose).filter(|form| !form.is_empty()) {
            if masked.contains(form) {
                masked = Cow::Owned(masked.replace(form, MASK));
            }
        }
        masked
    }

    /// [`mask`](Self::mask) every string and key of a JSON value.
    pub fn mask_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_json(item)),
            Value::Object(members) => {
                if members.keys().any(|key| matches!(self.mask(key), Cow::Owned(_))) {
                    let old = std::mem::take(members);
                    members.extend(old.into_iter().map(|(key, item)| (self.mask(&key).into_owned(), item)));
                }
                members.values_mut().for_each(|item| self.mask_json(item));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Marked sensitive: not shown by `Debug`, and never put into HTTP/2's compression table.
fn value(text: String) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| "the credential holds a character that no HTTP header can carry, such as a line break")?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(authentication: &Authentication, secret: &str) -> Option<(HeaderName, HeaderValue)> {
        Credential::new(authentication, Secret::new(secret)).unwrap().header().cloned()
    }

    #[test]
    fn a_credential_travels_as_the_integration_says() {
        let own = Authentication::Header(HeaderName::from_static("x-api-key"));
        for (authentication, name, expected) in [
            (Authentication::Bearer, "authorization", "Bearer k3y"),
            (Authentication::BasicPassword, "authorization", "Basic OmszeQ=="),
            (own, "x-api-key", "k3y"),
        ] {
            let (header, value) = signed(&authentication, "k3y").unwrap();
            assert_eq!((header.as_str(), &value), (name, &HeaderValue::from_static(expected)));
            assert!(value.is_sensitive());
        }
        assert!(signed(&Authentication::None, "").is_none());
    }

    #[test]
    fn a_secret_that_would_break_the_header_is_refused_without_being_echoed() {
        let error = Credential::new(&Authentication::Bearer, Secret::new("k3y\nX-Evil: 1")).unwrap_err();
        assert!(!error.contains("k3y"), "{error}");
    }

    #[test]
    fn the_credential_is_masked_in_every_form_it_travelled_in() {
        let credential = Credential::new(&Authentication::BasicPassword, Secret::new("k3y")).unwrap();
        let mut value = serde_json::json!({"k3y": ["bad key k3y", {"sent": "Basic OmszeQ=="}], "n": 1});
        credential.mask_json(&mut value);
        assert_eq!(value, serde_json::json!({"***": ["bad key ***", {"sent": "Basic ***"}], "n": 1}));
    }

    #[test]
    fn an_empty_secret_masks_nothing() {
        let credential = Credential::new(&Authentication::None, Secret::new("")).unwrap();
        assert_eq!(credential.mask("abc"), "abc");
    }
}
