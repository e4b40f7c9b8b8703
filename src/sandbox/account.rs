//! `/auth/whoami` and `/rate-limit`: the two operations free of the month's limit.

use serde_json::json;

use super::{
    answer::{Answer, Result},
    call::{Call, Path},
    state::State,
    time::Time,
};

/// Camel case, unlike the rest of v1.
pub(super) fn whoami(state: &mut State, _call: &Call<'_>, _path: Path) -> Result {
    let tenant = &state.tenant;
    let me = state.persons.find("user", state.me)?;
    Ok(Answer::json(&json!({
        "tenant": { "id": tenant.id, "name": tenant.name, "subdomain": tenant.subdomain },
        "user": {
            "id": me.id, "firstName": me.first_name, "lastName": me.last_name, "email": me.primary_email,
        },
        "grant": { "type": "api_key", "scope": "external_api", "createdAt": Time::parse("2024-01-15T09:00:00") },
    })))
}

#[expect(clippy::unnecessary_wraps, reason = "every handler has the one type of the routing table")]
pub(super) fn rate_limit(_state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    Ok(Answer::json(&call.limits.report(call.clock, call.now)))
}
