//! The 59 operations of the v1 API, one a line.

use http::Method;

use super::{
    account,
    answer::{Fault, Result},
    call::{Call, Path},
    field_changes, field_values, fields, files,
    id::Id,
    interactions, list_entries, lists, notes, opportunities, organizations, persons, relationships, reminders,
    request::Request,
    state::State,
    webhooks,
};

/// An operation: it may change the state and gives an answer. The ids are those in the path, in its order.
type Handler = fn(&mut State, &Call<'_>, Path) -> Result;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// Method, path and handler. `*` stands for an id; a word stands before an id in the same place.
static ROUTES: &[(Method, &str, Handler)] = &[
    (GET, "/persons", persons::list),
    (POST, "/persons", persons::create),
    (GET, "/persons/fields", fields::of_persons),
    (GET, "/persons/*", persons::get),
    (PUT, "/persons/*", persons::update),
    (DELETE, "/persons/*", persons::delete),
    (GET, "/organizations", organizations::list),
    (POST, "/organizations", organizations::create),
    (GET, "/organizations/fields", fields::of_organizations),
    (GET, "/organizations/*", organizations::get),
    (PUT, "/organizations/*", organizations::update),
    (DELETE, "/organizations/*", organizations::delete),
    (GET, "/opportunities", opportunities::list),
    (POST, "/opportunities", opportunities::create),
    (GET, "/opportunities/*", opportunities::get),
    (PUT, "/opportunities/*", opportunities::update),
    (DELETE, "/opportunities/*", opportunities::delete),
    (GET, "/lists", lists::list),
    (POST, "/lists", lists::create),
    (GET, "/lists/*", lists::get),
    (GET, "/lists/*/list-entries", list_entries::list),
    (POST, "/lists/*/list-entries", list_entries::create),
    (GET, "/lists/*/list-entries/*", list_entries::get),
    (DELETE, "/lists/*/list-entries/*", list_entries::delete),
    (GET, "/fields", fields::list),
    (POST, "/fields", fields::create),
    (DELETE, "/fields/*", fields::delete),
    (GET, "/field-values", field_values::list),
    (POST, "/field-values", field_values::create),
    (PUT, "/field-values/*", field_values::update),
    (DELETE, "/field-values/*", field_values::delete),
    (GET, "/field-value-changes", field_changes::list),
    (GET, "/interactions", interactions::list),
    (POST, "/interactions", interactions::create),
    (GET, "/interactions/*", interactions::get),
    (PUT, "/interactions/*", interactions::update),
    (DELETE, "/interactions/*", interactions::delete),
    (GET, "/relationships-strengths", relationships::list),
    (GET, "/notes", notes::list),
    (POST, "/notes", notes::create),
    (GET, "/notes/*", notes::get),
    (PUT, "/notes/*", notes::update),
    (DELETE, "/notes/*", notes::delete),
    (GET, "/reminders", reminders::list),
    (POST, "/reminders", reminders::create),
    (GET, "/reminders/*", reminders::get),
    (PUT, "/reminders/*", reminders::update),
    (DELETE, "/reminders/*", reminders::delete),
    (GET, "/entity-files", files::list),
    (POST, "/entity-files", files::upload),
    (GET, "/entity-files/*", files::get),
    (GET, "/entity-files/download/*", files::download),
    (GET, "/webhook", webhooks::list),
    (POST, "/webhook/subscribe", webhooks::create),
    (GET, "/webhook/*", webhooks::get),
    (PUT, "/webhook/*", webhooks::update),
    (DELETE, "/webhook/*", webhooks::delete),
    (GET, WHOAMI, account::whoami),
    (GET, RATE_LIMIT, account::rate_limit),
];

const WHOAMI: &str = "/auth/whoami";
const RATE_LIMIT: &str = "/rate-limit";

/// Is the path free of the month's limit?
pub(super) fn is_exempt(path: &str) -> bool {
    [WHOAMI, RATE_LIMIT].contains(&path)
}

/// Find the operation and do it.
pub(super) fn dispatch(state: &mut State, call: &Call<'_>) -> Result {
    let Request { method, path, .. } = &call.request;
    let found = ROUTES.iter().find_map(|(allowed, template, handler)| {
        (allowed == method).then(|| matches(template, path)).flatten().map(|path| (handler, path))
    });
    let (handler, path) = found.ok_or_else(Fault::unknown_endpoint)?;
    handler(state, call, path)
}

fn matches(template: &str, path: &str) -> Option<Path> {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    let (mut first, mut second) = (None, None);
    loop {
        match (template.next(), path.next()) {
            (None, None) => {
                let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
                return Some(Path { first, second });
            }
            (Some("*"), Some(digits)) => {
                let id: Id = digits.parse().ok()?;
                if first.is_none() { first = Some(id) } else { second = Some(id) }
            }
            (Some(expected), Some(found)) if expected == found => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_59_operations_and_none_stands_twice() {
        let mut seen = std::collections::HashSet::new();
        assert!(ROUTES.iter().all(|(method, path, _)| seen.insert((method.clone(), *path))));
        assert_eq!(ROUTES.len(), 59);
    }

    #[test]
    fn a_template_takes_digits_where_it_has_a_star() {
        let path = matches("/lists/*/list-entries/*", "/lists/7/list-entries/9").unwrap();
        assert_eq!((path.first, path.second), (7, 9));
        for other in
            ["/lists/7/list-entries", "/lists/7/list-entries/9/", "/lists/x/list-entries/9", "/lists//list-entries/9"]
        {
            assert!(matches("/lists/*/list-entries/*", other).is_none(), "{other}");
        }
    }
}
