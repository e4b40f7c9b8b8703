//! `/webhook`: subscriptions are kept, events are not sent.

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    params::{Params, required},
    record::Webhook,
    state::State,
};

/// Affinity's limit for one account.
const MAX: usize = 3;

const EVENTS: &[&str] = &[
    "list.created",
    "list.updated",
    "list.deleted",
    "list_entry.created",
    "list_entry.deleted",
    "note.created",
    "note.updated",
    "note.deleted",
    "field.created",
    "field.updated",
    "field.deleted",
    "field_value.created",
    "field_value.updated",
    "field_value.deleted",
    "person.created",
    "person.updated",
    "person.deleted",
    "organization.created",
    "organization.updated",
    "organization.deleted",
    "organization.merged",
    "opportunity.created",
    "opportunity.updated",
    "opportunity.deleted",
    "file.created",
    "file.deleted",
    "reminder.created",
    "reminder.updated",
    "reminder.deleted",
];

#[expect(clippy::unnecessary_wraps, reason = "every handler has the one type of the routing table")]
pub(super) fn list(state: &mut State, _call: &Call<'_>, _path: Path) -> Result {
    Ok(Answer::json(&state.webhooks.iter().collect::<Vec<_>>()))
}

pub(super) fn get(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    Ok(Answer::json(state.webhooks.find("webhook_subscription_id", path.first)?))
}

pub(super) fn create(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let url = required("webhook_url", url(params)?)?;
    let subscriptions = subscriptions(params)?.unwrap_or_default();
    if state.webhooks.len() >= MAX {
        return Err(Fault::unprocessable(format!("There is a limit of {MAX} webhook subscriptions")));
    }
    let created_by = state.me;
    let webhook = state.webhooks.add(|id| Webhook { id, url, subscriptions, disabled: false, created_by });
    Ok(Answer::json(webhook))
}

pub(super) fn update(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let params = &call.request.params;
    let (url, subscriptions, disabled) = (url(params)?, subscriptions(params)?, params.flag("disabled")?);
    let webhook = state.webhooks.find_mut("webhook_subscription_id", path.first)?;
    if let Some(url) = url {
        webhook.url = url;
    }
    if let Some(subscriptions) = subscriptions {
        webhook.subscriptions = subscriptions;
    }
    webhook.disabled = disabled.unwrap_or(webhook.disabled);
    Ok(Answer::json(webhook))
}

pub(super) fn delete(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    state.webhooks.remove("webhook_subscription_id", path.first)?;
    Ok(Answer::success())
}

fn url(params: &Params) -> Result<Option<String>> {
    let Some(url) = params.full_text("webhook_url")? else { return Ok(None) };
    let parsed = url.parse::<http::Uri>().ok().filter(|uri| uri.host().is_some());
    match parsed.and_then(|uri| uri.scheme_str().map(str::to_owned)).as_deref() {
        Some("http" | "https") => Ok(Some(url)),
        _ => Err(Fault::field("webhook_url", "must be an http or https URL")),
    }
}

fn subscriptions(params: &Params) -> Result<Option<Vec<String>>> {
    let Some(events) = params.texts("subscriptions")? else { return Ok(None) };
    match events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
        Some(unknown) => Err(Fault::field("subscriptions", format_args!("{unknown:?} is not a webhook event"))),
        None => Ok(Some(events)),
    }
}
