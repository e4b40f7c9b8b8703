//! The storage that file downloads are redirected to: signed URLs that live for a minute.
//!
//! Like the object stores behind Affinity it takes the signature or an `Authorization` header, never both: a client that
//! forwards its API key across the redirect is answered 400 instead of being let through.

use std::io;

use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::{
    answer::{Answer, Fault, Result},
    params::Params,
    record::EntityFile,
    table::Id,
    time::Time,
};

/// Paths under this belong to the storage, not to the API.
pub(super) const PREFIX: &str = "/storage/";

/// As observed of Affinity's own links.
const LIFETIME_SECONDS: i64 = 60;

/// Makes and checks signed paths; every sandbox has its own key.
#[derive(Debug)]
pub(super) struct Signer {
    key: [u8; 32],
}

impl Signer {
    pub(super) fn new() -> io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Self { key })
    }

    /// A path that serves file `id` for a minute.
    pub(super) fn path(&self, id: Id, now: Time) -> String {
        let expires = now.as_millisecond() / 1000 + LIFETIME_SECONDS;
        format!("{PREFIX}{id}?expires={expires}&signature={}", self.signature(id, expires))
    }

    /// The file that a request for `path` (what follows [`PREFIX`]) may have.
    pub(super) fn open(&self, head: &Parts, path: &str, now: Time) -> Result<Id> {
        if head.method != Method::GET {
            return Err(Fault::unknown_endpoint());
        }
        if head.headers.contains_key(header::AUTHORIZATION) {
            let text = "Only one authentication mechanism is allowed: the signed URL or the Authorization header";
            return Err(Fault::new(StatusCode::BAD_REQUEST, text));
        }
        let mut params = Params::default();
        params.add_form(head.uri.query().unwrap_or_default().as_bytes())?;
        let denied = || Fault::forbidden("The signed URL is wrong or has expired");
        let id: Id = path.parse().map_err(|_| denied())?;
        let expires = params.integer("expires")?.ok_or_else(denied)?;
        let signature = params.text("signature")?.ok_or_else(denied)?;
        let fresh = now.as_millisecond() / 1000 <= expires;
        if fresh && signature == self.signature(id, expires) { Ok(id) } else { Err(denied()) }
    }

    fn signature(&self, id: Id, expires: i64) -> String {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(id.to_be_bytes());
        hash.update(expires.to_be_bytes());
        hash.update(self.key);
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The file itself.
pub(super) fn content(file: &EntityFile) -> Answer {
    let media_type = HeaderValue::from_str(&file.media_type);
    let media_type = media_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut answer = Answer::with_body(StatusCode::OK, media_type, file.content.clone());
    // Both forms of RFC 6266: plain for old clients, UTF-8 for the rest.
    let plain: String =
        file.name.chars().map(|c| if c.is_ascii_graphic() && c != '"' || c == ' ' { c } else { '_' }).collect();
    let encoded = utf8_percent_encode(&file.name, NON_ALPHANUMERIC);
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    let disposition = HeaderValue::from_str(&disposition).expect("only printable ASCII is left");
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(signer: &Signer, uri: &str, authorized: bool, now: Time) -> Result<Id> {
        let mut request = http::Request::get(uri);
        if authorized {
            request = request.header(header::AUTHORIZATION, "Bearer k");
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        signer.open(&head, head.uri.path().strip_prefix(PREFIX).unwrap(), now)
    }

    #[test]
    fn a_signed_path_serves_its_file_for_a_minute() {
        let (signer, now) = (Signer::new().unwrap(), Time::now());
        let path = signer.path(7, now);
        assert_eq!(ask(&signer, &path, false, now), Ok(7));
        assert_eq!(ask(&signer, &path, false, now.plus_minutes(1)), Ok(7));
        assert!(ask(&signer, &path, false, now.plus_minutes(2)).is_err());
        assert!(ask(&signer, &path.replace("/7?", "/8?"), false, now).is_err());
        assert!(ask(&signer, "/storage/7", false, now).is_err());
    }

    #[test]
    fn an_authorization_header_is_refused_even_with_a_good_signature() {
        let (signer, now) = (Signer::new().unwrap(), Time::now());
        let refused = ask(&signer, &signer.path(7, now), true, now).unwrap_err();
        assert_eq!(Answer::from(refused).into_response().status(), StatusCode::BAD_REQUEST);
    }
}
