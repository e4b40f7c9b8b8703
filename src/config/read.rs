//! The raw document, checked key by key into a [`Config`]; nothing stops at the first fault.

use std::{net::SocketAddr, path::Path};

use super::not_yet::refuse;
use super::value::{address, count, few, level, origins, path, positive, public_url, timeout};
use super::{Config, Reading, account, env::Environment, env::Overrides, shared, telemetry_keys};
use crate::document::{At, Fault, Faults, Fields, Located, Sink, Spot, Value, parse};
use crate::policy::quota;
use crate::rate::Limits;
use crate::secret::Source;
use crate::telemetry::{
    Format,
    settings::{Otlp, Protocol},
};
use crate::{admin, edge, serve, telemetry, upstream};

/// Where a configuration comes from.
#[derive(Clone, Copy)]
pub struct Input<'i> {
    /// The file; relative paths in it are relative to its folder. `None` is an empty one.
    pub path: Option<&'i Path>,
    /// `key`, value: what flags override.
    pub flags: &'i [(String, String)],
    /// The environment.
    pub environment: &'i Environment<'i>,
}

/// Read and check everything but what needs the catalog.
#[must_use]
pub fn read(input: Input<'_>) -> Reading {
    let file = input.path.map_or_else(|| "(no configuration file)".to_owned(), |path| path.display().to_string());
    let text = input.path.map_or(Ok(String::new()), std::fs::read_to_string);
    let parsed = text
        .map_err(|error| Fault {
            file: file.as_str().into(),
            place: None,
            key: String::new(),
            message: format!("cannot be read: {}", error.kind()),
        })
        .and_then(|text| parse(&file, &text));
    let base = input.path.and_then(Path::parent).unwrap_or(Path::new(""));
    let overrides = Overrides::collect(input.flags, input.environment);
    let mut config = defaults(&file, base);
    let sink = Sink::new(&file);
    let mut faults = Faults::default();
    match &parsed {
        Ok(node) => {
            let root = At::root(&sink, node);
            // An empty file is an empty mapping; that `accounts` is missing is said below.
            let fields = if root.is_null() { None } else { root.fields() };
            let empty = root.is_null();
            Layer { fields, prefix: "", overrides: &overrides, base }.config(&mut config);
            if empty {
                sink.fault(None, "", "the key `accounts` is missing");
            }
        }
        Err(fault) => {
            faults.0.push(fault.clone());
            Layer { fields: None, prefix: "", overrides: &overrides, base }.config(&mut config);
        }
    }
    faults.0.extend(sink.into_faults().0);
    faults.0.extend(telemetry::environment::apply(&mut config.telemetry, input.environment).0);
    faults.0.extend(overrides.into_faults().0);
    Reading { config, faults }
}

fn defaults(file: &str, base: &Path) -> Config {
    let spot = Spot { file: file.into(), place: None, key: "policies".into() };
    Config {
        serve: serve::Config::default(),
        edge: edge::Config::default(),
        admin: admin::Config::default(),
        upstream: upstream::Config::default(),
        telemetry: telemetry::Config::default(),
        public_url: None,
        policies: Located { value: base.join("policies"), spot },
        catalog: None,
        api_tokens: None,
        api_token_limits: Limits::default(),
        quota: quota::Config::default(),
        accounts: Vec::new(),
    }
}

/// One mapping of the file and the overrides that lie over it.
struct Layer<'d> {
    fields: Option<Fields<'d>>,
    prefix: &'static str,
    overrides: &'d Overrides,
    base: &'d Path,
}

impl<'d> Layer<'d> {
    fn config(mut self, config: &mut Config) {
        set(&mut config.serve.listen, self.scalar("listen").and_then(|at| address(&at)));
        config.public_url = self.scalar("public_url").and_then(|at| public_url(&at));
        if let Some(at) = self.of_file("allowed_origins") {
            config.edge.allowed_origins = origins(&at);
        }
        let base = self.base;
        set(&mut config.policies, self.scalar("policies").and_then(|at| path(&at, base)));
        config.catalog = self.scalar("catalog").and_then(|at| path(&at, base));
        if let Some(at) = self.of_file("api_tokens") {
            (config.api_tokens, config.api_token_limits) = api_tokens(&at, base);
        }
        self.not_yet("tls");
        self.only_none("store");
        config.quota.shared = self.scalar("shared").and_then(|at| shared::read(&at, base));
        self.section("admin").admin(&mut config.admin, config.serve.listen);
        self.section("upstream").upstream(&mut config.upstream);
        self.section("limits").limits(config);
        self.section("telemetry").telemetry(&mut config.telemetry);
        if let Some(fields) = &mut self.fields {
            config.accounts = fields.require("accounts").map(|at| account::read(&at, base)).unwrap_or_default();
        }
        self.finish();
    }

    fn admin(mut self, config: &mut admin::Config, listen: SocketAddr) {
        let found = self.scalar("listen");
        set(&mut config.listen, found.as_ref().and_then(address));
        if config.listen == listen && listen.port() != 0 {
            let message = format!("{listen} is also where MCP traffic arrives, expected another port");
            match found {
                Some(at) => at.fault(message),
                None => self.fault(message),
            }
        }
        self.not_yet("token");
        self.finish();
    }

    fn upstream(mut self, config: &mut upstream::Config) {
        set(&mut config.connect_timeout, self.scalar("connect_timeout").and_then(|at| timeout(&at)));
        set(&mut config.call_timeout, self.scalar("call_timeout").and_then(|at| timeout(&at)));
        set(&mut config.max_response, self.scalar("max_response").and_then(|at| positive(&at, at.size())));
        let mut breaker = self.section("breaker");
        breaker.prefix = "upstream.breaker";
        set(&mut config.breaker.failures, breaker.scalar("failures").and_then(|at| few(&at, u32::MAX)));
        set(&mut config.breaker.open_for, breaker.scalar("open_for").and_then(|at| timeout(&at)));
        breaker.finish();
        set(&mut config.retries, self.scalar("retries").and_then(|at| few(&at, upstream::MOST_RETRIES)));
        let base = self.base;
        config.ca_file = self.scalar("ca_file").and_then(|at| path(&at, base)).map(|path| path.value);
        set(&mut config.propagate_trace, self.scalar("propagate_trace").and_then(|at| at.boolean()));
        set(&mut config.max_concurrent, self.scalar("max_concurrent").and_then(|at| positive(&at, count(&at))));
        set(&mut config.max_waiting, self.scalar("max_waiting").and_then(|at| count(&at)));
        self.finish();
    }

    fn limits(mut self, config: &mut Config) {
        set(&mut config.edge.max_body, self.scalar("max_body").and_then(|at| positive(&at, at.size())));
        let (serve, edge) = (&mut config.serve, &mut config.edge);
        set(&mut serve.max_connections, self.scalar("max_connections").and_then(|at| positive(&at, count(&at))));
        set(&mut edge.max_in_flight, self.scalar("max_in_flight").and_then(|at| positive(&at, count(&at))));
        set(&mut serve.header_timeout, self.scalar("header_timeout").and_then(|at| timeout(&at)));
        set(&mut serve.drain, self.scalar("drain").and_then(|at| at.duration()));
        set(&mut config.quota.fail_fast, self.scalar("fail_fast").and_then(|at| at.boolean()));
        self.finish();
    }

    fn telemetry(mut self, config: &mut telemetry::Config) {
        set(&mut config.service_name, self.scalar("service_name").and_then(|at| at.text().map(str::to_owned)));
        let mut traces = self.section("traces");
        traces.prefix = "telemetry.traces";
        set(&mut config.sampling.ratio, traces.scalar("sample").and_then(|at| telemetry_keys::share(&at)));
        traces.finish();
        self.section("otlp").otlp(&mut config.otlp);
        let base = self.base;
        if let Some(at) = self.of_file("capture") {
            telemetry_keys::capture(&at, &mut config.capture);
        }
        set(&mut config.capture.redact, self.of_file("redact").and_then(|at| telemetry_keys::globs(&at)));
        config.audit = self.of_file("audit").and_then(|at| telemetry_keys::audit(&at, base));
        let mut log = self.section("log");
        log.prefix = "telemetry.log";
        let formats = [("json", Format::Json), ("text", Format::Text)];
        set(&mut config.format, log.scalar("format").and_then(|at| at.word(&formats)));
        set(&mut config.level, log.scalar("level").and_then(|at| level(&at)));
        log.finish();
        self.finish();
    }

    fn otlp(mut self, config: &mut Otlp) {
        self.prefix = "telemetry.otlp";
        let base = self.base;
        config.endpoint = self.scalar("endpoint").and_then(|at| telemetry_keys::endpoint(&at));
        set(&mut config.protocol, self.scalar("protocol").and_then(|at| at.word(&Protocol::NAMES)));
        set(&mut config.headers, self.of_file("headers").and_then(|at| telemetry_keys::headers(&at, base)));
        config.ca_file = self.scalar("ca_file").and_then(|at| path(&at, base)).map(|path| path.value);
        set(&mut config.timeout, self.scalar("timeout").and_then(|at| timeout(&at)));
        let compressions = [("none", false), ("gzip", true)];
        set(&mut config.gzip, self.scalar("compression").and_then(|at| at.word(&compressions)));
        self.finish();
    }

    fn section(&mut self, key: &'static str) -> Self {
        let fields = self.of_file(key).and_then(|at| at.fields());
        Self { fields, prefix: key, overrides: self.overrides, base: self.base }
    }

    /// A key that overrides lie over.
    fn scalar(&mut self, key: &'static str) -> Option<At<'d>> {
        let of_file = self.of_file(key);
        self.overrides.get(self.prefix, key).or(of_file)
    }

    fn of_file(&mut self, key: &'static str) -> Option<At<'d>> {
        self.fields.as_mut().and_then(|fields| fields.get(key))
    }

    fn not_yet(&mut self, key: &'static str) {
        if let Some(at) = self.of_file(key) {
            refuse(&at, key);
        }
    }

    fn only_none(&mut self, key: &'static str) {
        if let Some(at) = self.scalar(key).filter(|at| at.string().is_none_or(|word| word != "none")) {
            refuse(&at, key);
        }
    }

    fn fault(&self, message: String) {
        if let Some(fields) = &self.fields {
            fields.at().fault(message);
        }
    }

    fn finish(self) {
        if let Some(fields) = self.fields {
            fields.finish();
        }
    }
}

fn set<T>(target: &mut T, found: Option<T>) {
    if let Some(found) = found {
        *target = found;
    }
}

/// `{file: PATH}` or `{env: NAME}`, and `limits` for each token.
fn api_tokens(at: &At<'_>, base: &Path) -> (Option<Located<Source>>, Limits) {
    let Value::Mapping(_) = at.value() else {
        return (Source::read(at, base).map(|source| at.locate(source)), Limits::default());
    };
    let Some(mut fields) = at.fields() else { return (None, Limits::default()) };
    let limits = fields.get("limits").and_then(|at| Limits::read(&at)).unwrap_or_default();
    (Source::take(fields, base).map(|source| at.locate(source)), limits)
}
