//! `/livez` and `/readyz`: is the process alive, and is the road to an MCP answer open?

use std::{
    convert::Infallible,
    fmt::Write,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::{Ready, ready};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tower::Service;

/// One thing that must hold for the process to be ready, or that an operator wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is looked at (`servers`).
    pub name: &'static str,
    /// Does it hold? What does not hold makes the process unready only if `required`.
    pub holds: bool,
    /// Does readiness hang on it?
    pub required: bool,
    /// In words, on one line.
    pub detail: String,
}

/// Looks at everything that readiness hangs on.
pub type Probe = Arc<dyn Fn() -> Vec<Check> + Send + Sync>;

/// The metrics in the text format of Prometheus, or what went wrong.
pub type Exposition = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

/// Answers requests of health and metrics.
#[derive(Clone)]
pub struct Health {
    probe: Probe,
    metrics: Option<Exposition>,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Health")
    }
}

impl Health {
    /// Health by this probe.
    #[must_use]
    pub fn new(probe: Probe) -> Self {
        Self { probe, metrics: None }
    }

    /// Answer `/metrics` too.
    #[must_use]
    pub fn with_metrics(self, metrics: Exposition) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    fn answer(&self, method: &Method, path: &str, query: Option<&str>) -> (StatusCode, String) {
        match path {
            _ if method != Method::GET && method != Method::HEAD => {
                (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".into())
            }
            "/livez" => (StatusCode::OK, "ok\n".into()),
            "/readyz" => self.ready(
                query.is_some_and(|query| query.split('&').any(|key| key == "verbose" || key.starts_with("verbose="))),
            ),
            "/metrics" => match self.metrics.as_ref().map(|metrics| metrics()) {
                Some(Ok(text)) => (StatusCode::OK, text),
                Some(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
                None => (StatusCode::NOT_FOUND, "no metrics here\n".into()),
            },
            _ => (StatusCode::NOT_FOUND, "expected /livez, /readyz or /metrics\n".into()),
        }
    }

    fn ready(&self, verbose: bool) -> (StatusCode, String) {
        let checks = (self.probe)();
        let open = checks.iter().all(|check| check.holds || !check.required);
        let mut text = String::new();
        for check in checks.iter().filter(|check| verbose || (check.required && !check.holds)) {
            let mark = if check.holds { '+' } else { '-' };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "[{mark}] {}: {}", check.name, check.detail);
        }
        text.push_str(if open { "ok\n" } else { "not ready\n" });
        (if open { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, text)
    }
}

impl<B> Service<Request<B>> for Health {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (status, text) = self.answer(request.method(), request.uri().path(), request.uri().query());
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        // The version is that of the text format of Prometheus; to others it says nothing.
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(holds: bool, required: bool) -> Health {
        let check = Check { name: "servers", holds, required, detail: "none loaded".into() };
        Health::new(Arc::new(move || vec![check.clone()]))
    }

    #[test]
    fn only_what_is_required_makes_the_process_unready_and_it_is_named() {
        assert_eq!(
            health(false, true).answer(&Method::GET, "/readyz", None),
            (StatusCode::SERVICE_UNAVAILABLE, "[-] servers: none loaded\nnot ready\n".into())
        );
        assert_eq!(health(false, false).answer(&Method::GET, "/readyz", None), (StatusCode::OK, "ok\n".into()));
        assert_eq!(
            health(true, true).answer(&Method::GET, "/readyz", Some("verbose")),
            (StatusCode::OK, "[+] servers: none loaded\nok\n".into())
        );
        assert_eq!(health(false, true).answer(&Method::GET, "/livez", None).0, StatusCode::OK);
    }
}
