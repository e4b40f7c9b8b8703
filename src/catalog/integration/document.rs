//! `integration.yaml`: what holds for the whole API, checked.

use http::{HeaderName, HeaderValue, Uri};

use super::{Authentication, ErrorRule, Errors, Integration, RateLimit};
use crate::{
    catalog::{
        arguments::declaration::Declaration, naming::word, paging::Style, parts::Parts, places::Places, tool::Tool,
    },
    document::At,
};

/// Headers that chaperone writes itself, or that would change how a request is framed.
const OWN_HEADERS: [&str; 6] =
    ["authorization", "connection", "content-length", "content-type", "host", "transfer-encoding"];

/// What `integration.yaml` declares. Names are kept even where what they stand for is faulty, so that one fault does
/// not call forth others in the resources.
pub(crate) struct Declared<'d> {
    /// The integration's name; empty where it is faulty.
    pub(crate) name: String,
    title: String,
    base_url: String,
    authentication: Option<Authentication>,
    headers: Vec<(HeaderName, HeaderValue)>,
    rate_limits: Vec<RateLimit>,
    errors: Errors,
    tags: Vec<(&'d str, String)>,
    /// Paging styles by name.
    pub(crate) styles: Vec<(&'d str, Option<Style>)>,
    /// Argument sets by name.
    pub(crate) sets: Vec<(&'d str, Vec<Declaration<'d>>)>,
    /// What its tools have in common.
    pub(crate) parts: Parts,
}

impl<'d> Declared<'d> {
    /// The checked document; every fault goes to the sink of `root`.
    pub(crate) fn read(root: &At<'d>) -> Option<Self> {
        let mut fields = root.fields()?;
        let name = fields.require("integration").and_then(|at| word(&at)).unwrap_or_default();
        let declared = Self {
            name: name.to_owned(),
            title: fields.get("title").and_then(|at| at.text()).unwrap_or(name).to_owned(),
            base_url: fields.require("base_url").and_then(|at| base_url(&at)).unwrap_or_default(),
            authentication: fields.require("authentication").and_then(|at| authentication(&at)),
            headers: fields.get("headers").map(|at| headers(&at)).unwrap_or_default(),
            rate_limits: fields.get("rate_limits").map(|at| rate_limits(&at)).unwrap_or_default(),
            styles: fields.get("paging").map(|at| named(&at, Style::read)).unwrap_or_default(),
            errors: fields.get("errors").and_then(|at| errors(&at)).unwrap_or_default(),
            tags: fields.require("tags").map(|at| tags(&at)).unwrap_or_default(),
            sets: fields.get("argument_sets").map(|at| named(&at, Declaration::all)).unwrap_or_default(),
            parts: Parts::default(),
        };
        fields.finish();
        Some(declared)
    }

    /// The integration with these tools; `None` if something of it is faulty.
    pub(crate) fn integration(self, tools: Vec<Tool>) -> Option<Integration> {
        Some(Integration {
            name: self.name,
            title: self.title,
            base_url: self.base_url,
            authentication: self.authentication?,
            headers: self.headers,
            rate_limits: self.rate_limits,
            errors: self.errors,
            tags: self.tags.into_iter().map(|(name, covers)| (name.to_owned(), covers)).collect(),
            places: Places::of(&tools),
            tools,
        })
    }

    /// A list of tags, each of them declared.
    pub(crate) fn tags(&self, at: &At<'d>) -> Option<Vec<&'d str>> {
        let known: Vec<&str> = self.tags.iter().map(|(name, _)| *name).collect();
        let declared = |item: At<'d>| {
            let tag = item.text()?;
            if !known.contains(&tag) {
                item.unknown_word(tag, &known);
            }
            Some(tag)
        };
        Some(at.items()?.into_iter().filter_map(declared).collect())
    }
}

fn named<'d, T>(at: &At<'d>, read: impl Fn(&At<'d>) -> T) -> Vec<(&'d str, T)> {
    at.entries().unwrap_or_default().into_iter().map(|(name, at)| (name, read(&at))).collect()
}

fn base_url(at: &At<'_>) -> Option<String> {
    let text = at.text()?;
    let fits = |uri: &Uri| {
        let authority = uri.authority().map(http::uri::Authority::as_str);
        matches!(uri.scheme_str(), Some("http" | "https"))
            && authority.is_some_and(|authority| !authority.contains('@'))
            && uri.query().is_none()
            && !text.contains('#')
    };
    if text.parse::<Uri>().is_ok_and(|uri| fits(&uri)) {
        return Some(text.trim_end_matches('/').to_owned());
    }
    at.fault("expected an http:// or https:// URL without user, query or fragment");
    None
}

fn authentication(at: &At<'_>) -> Option<Authentication> {
    if !matches!(at.value(), crate::document::Value::Mapping(_)) {
        let words = [(0, "bearer"), (1, "basic_password"), (2, "none")].map(|(n, word)| (word, n));
        return at.word(&words).map(|n| match n {
            0 => Authentication::Bearer,
            1 => Authentication::BasicPassword,
            _ => Authentication::None,
        });
    }
    let mut fields = at.fields()?;
    let header = fields.require("header").and_then(|at| header(&at));
    fields.finish();
    header.map(Authentication::Header)
}

fn header(at: &At<'_>) -> Option<HeaderName> {
    let name = at.text()?;
    let parsed = name.parse().ok();
    if parsed.is_none() {
        at.fault(format!("expected the name of an HTTP header, found `{name}`"));
    }
    parsed
}

fn headers(at: &At<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let read = |(name, at): (&str, At<'_>)| {
        let value = at.string().and_then(|text| HeaderValue::from_str(text).ok());
        match (name.parse::<HeaderName>(), value) {
            (Ok(name), _) if OWN_HEADERS.contains(&name.as_str()) => at.fault("chaperone writes this header itself"),
            (Ok(name), Some(value)) => return Some((name, value)),
            (Err(_), _) => at.fault("expected the name of an HTTP header as key"),
            (Ok(_), None) if at.string().is_some() => at.fault("expected letters that a header value may have"),
            (Ok(_), None) => {}
        }
        None
    };
    at.entries().unwrap_or_default().into_iter().filter_map(read).collect()
}

fn rate_limits(at: &At<'_>) -> Vec<RateLimit> {
    at.items().unwrap_or_default().iter().filter_map(rate_limit).collect()
}

fn rate_limit(at: &At<'_>) -> Option<RateLimit> {
    let mut fields = at.fields()?;
    let scope = fields.require("scope").and_then(|at| at.text());
    let window = fields.get("window").and_then(|at| at.duration());
    let [limit, remaining, reset] =
        ["limit", "remaining", "reset"].map(|key| fields.require(key).and_then(|at| header(&at)));
    fields.finish();
    Some(RateLimit {
        scope: scope?.into(),
        limit: limit?,
        remaining: remaining?,
        reset: reset?,
        window: window.map(|window| window.as_secs()),
    })
}

fn errors(at: &At<'_>) -> Option<Errors> {
    let mut fields = at.fields()?;
    let messages = fields.get("messages").and_then(|at| at.items()).unwrap_or_default();
    let rules = fields.get("rules").and_then(|at| at.items()).unwrap_or_default();
    fields.finish();
    Some(Errors {
        messages: messages.iter().filter_map(message_path).collect(),
        rules: rules.iter().filter_map(error_rule).collect(),
    })
}

fn message_path(at: &At<'_>) -> Option<String> {
    let path = at.text()?;
    if !path.starts_with('/') {
        at.fault(format!("expected a path that begins with a slash, such as /errors/*/message, found `{path}`"));
    }
    Some(path.to_owned())
}

fn error_rule(at: &At<'_>) -> Option<ErrorRule> {
    let mut fields = at.fields()?;
    let status = fields.require("status").and_then(|at| {
        let status = at.unsigned::<u16>()?;
        if !(300..600).contains(&status) {
            at.fault(format!("expected an HTTP status from 300 to 599, found {status}"));
        }
        Some(status)
    });
    let contains = fields.get("contains").and_then(|at| at.text());
    let error = fields.require("error").and_then(|at| word(&at));
    let hint = fields.get("hint").and_then(|at| at.text());
    fields.finish();
    let [contains, hint] = [contains, hint].map(|text| text.map(str::to_owned));
    Some(ErrorRule { status: status?, contains, error: error?.to_owned(), hint })
}

fn tags<'d>(at: &At<'d>) -> Vec<(&'d str, String)> {
    let covers = |(name, at): (&'d str, At<'d>)| (name, at.text().unwrap_or_default().to_owned());
    at.entries().unwrap_or_default().into_iter().map(covers).collect()
}
