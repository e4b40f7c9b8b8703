//! The storage that file downloads are redirected to: an origin of its own, with signed URLs that live for a minute.
//!
//! Like the object stores behind Affinity it takes the signature or an `Authorization` header, never both: a client that
//! forwards its API key across the redirect is answered 400 instead of being let through.

use std::{fmt, io};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::{
    answer::{Answer, Fault, Result},
    id::Id,
    params::Params,
    record::EntityFile,
    time::Time,
};

const PREFIX: &str = "/storage/";

/// As observed of Affinity's own links.
const LIFETIME_SECONDS: i64 = 60;

/// Makes and checks signed URLs; every sandbox has its own key.
pub(super) struct Signer {
    port: u16,
    key: [u8; 32],
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Signer {
    /// For a storage that listens on `port`.
    pub(super) fn new(port: u16) -> io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Self { port, key })
    }

    /// A URL that serves file `id` for a minute, on the host that the caller reached the API by.
    pub(super) fn url(&self, host: &str, id: Id, now: Time) -> String {
        let expires = now.as_millisecond() / 1000 + LIFETIME_SECONDS;
        let signature = self.signature(id, expires);
        format!("http://{host}:{}{PREFIX}{id}?expires={expires}&signature={signature}", self.port)
    }

    /// The file that a request may have.
    pub(super) fn open(&self, head: &Parts, now: Time) -> Result<Id> {
        let path = head.uri.path().strip_prefix(PREFIX).filter(|_| head.method == Method::GET);
        let path = path.ok_or_else(Fault::unknown_endpoint)?;
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
        URL_SAFE_NO_PAD.encode(hash.finalize())
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
        signer.open(&head, now)
    }

    #[test]
    fn a_signed_url_serves_its_file_for_a_minute() {
        let (signer, now) = (Signer::new(80).unwrap(), Time::now());
        let url = signer.url("localhost", 7, now);
        assert_eq!(ask(&signer, &url, false, now), Ok(7));
        assert_eq!(ask(&signer, &url, false, now.plus_minutes(1)), Ok(7));
        assert!(ask(&signer, &url, false, now.plus_minutes(2)).is_err());
        assert!(ask(&signer, &url.replace("/7?", "/8?"), false, now).is_err());
        assert!(ask(&signer, "/storage/7", false, now).is_err());
    }

    #[test]
    fn an_authorization_header_is_refused_even_with_a_good_signature() {
        let (signer, now) = (Signer::new(80).unwrap(), Time::now());
        let refused = ask(&signer, &signer.url("localhost", 7, now), true, now).unwrap_err();
        assert_eq!(Answer::from(refused).into_response().status(), StatusCode::BAD_REQUEST);
    }
}
