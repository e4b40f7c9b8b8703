//! A request as the layers of the REST plane see it: the same for every version of HTTP.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header, uri::Scheme};
use http_body_util::Full;

/// Fields of a usual request: one allocation for all of them.
const FIELDS: usize = 6;

/// A request. Its URL is absolute, and its body is all there.
#[derive(Clone)]
pub(super) struct Outgoing {
    /// The method.
    pub(super) method: Method,
    /// Where it goes.
    pub(super) uri: Uri,
    /// Its body.
    pub(super) body: Bytes,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl Outgoing {
    /// A request without any field.
    pub(super) fn new(method: Method, uri: Uri, body: Bytes) -> Self {
        Self { method, uri, body, fields: Vec::with_capacity(FIELDS) }
    }

    /// The header fields, without those that belong to the connection: `host`, `content-length`.
    pub(super) fn fields(&self) -> &[(HeaderName, HeaderValue)] {
        &self.fields
    }

    /// Set a header field, whatever it was before. There are few: to look at each costs less than to hash a name.
    pub(super) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name, value)),
        }
    }

    /// Host and port where it goes.
    pub(super) fn address(&self) -> (String, u16) {
        let usual = if self.uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
        (self.uri.host().unwrap_or_default().to_owned(), self.uri.port_u16().unwrap_or(usual))
    }

    /// May the server expect a body, so that it is told that there is none (RFC 9110 section 8.6)?
    pub(super) fn has_length(&self) -> bool {
        !self.body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(&self.method)
    }
}

impl From<Outgoing> for Request<Full<Bytes>> {
    fn from(outgoing: Outgoing) -> Self {
        let mut request = Self::new(Full::new(outgoing.body));
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = outgoing.uri;
        request.headers_mut().extend(outgoing.fields.into_iter().filter(|(name, _)| *name != header::HOST));
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_set_again_is_there_once() {
        let mut outgoing = Outgoing::new(Method::GET, Uri::from_static("http://a/b?c"), Bytes::new());
        for value in ["a", "b"] {
            outgoing.set(header::ACCEPT, HeaderValue::from_static(value));
        }
        outgoing.set(header::HOST, HeaderValue::from_static("elsewhere"));
        let request = Request::from(outgoing);
        assert_eq!((request.method(), request.uri().to_string()), (&Method::GET, "http://a/b?c".into()));
        let fields: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(fields, [("accept", &b"b"[..])]);
    }
}
