//! Configured accounts, joined with the catalog and their credentials.

use std::{collections::HashMap, sync::Arc};

use super::Report;
use crate::account::Account;
use crate::catalog::{Catalog, integration::Authentication, integration::Integration};
use crate::config::{self, AccountConfig, Config, Environment};
use crate::document::{Fault, Located};
use crate::nearest::nearest;
use crate::secret::Secret;

/// The accounts that policies can refer to.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// `None` where the account is configured but at fault: that is said once, not by every policy.
    by_id: HashMap<String, Option<Arc<Account>>>,
}

impl Accounts {
    pub(super) fn of(accounts: Vec<Arc<Account>>) -> Self {
        Self { by_id: accounts.into_iter().map(|account| (account.id.clone(), Some(account))).collect() }
    }

    /// The account of this id; `Ok(None)` where it has a fault of its own.
    pub(super) fn find(&self, id: &Located<String>) -> Result<Option<Arc<Account>>, Fault> {
        let found = self.by_id.get(&id.value).cloned();
        found.ok_or_else(|| {
            let near = nearest(&id.value, self.by_id.keys().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            id.spot.fault(format!("no account has the id `{}`{hint}", id.value))
        })
    }
}

/// Connect every configured account; without a catalog only their ids and secrets can be looked at.
pub(super) fn connect(
    config: &Config,
    catalog: Option<&Catalog>,
    environment: &Environment<'_>,
    report: &mut Report,
) -> Accounts {
    let mut accounts = Accounts::default();
    for entry in &config.accounts {
        let account = account(entry, catalog, environment, &mut report.faults);
        accounts.by_id.insert(entry.id.value.clone(), account.map(Arc::new));
    }
    accounts
}

fn account(
    entry: &AccountConfig,
    catalog: Option<&Catalog>,
    environment: &Environment<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Account> {
    let mut keep = |fault: Fault| faults.push(fault);
    let key = entry.api_key.as_ref();
    let key = key.map(|at| at.value.fetch_from(environment).map_err(|message| keep(at.spot.fault(message))));
    let integration = integration(entry, catalog?).map_err(&mut keep).ok()?;
    let base_url = base_url(entry, &integration).map_err(&mut keep);
    let credential =
        match key {
            Some(fetched) => fetched.ok(),
            None if integration.authentication == Authentication::None => Some(Secret::new("")),
            None => {
                keep(entry.spot.fault(
                    "the key `credentials` is missing, expected {api_key: {env: NAME}} or {api_key: {file: PATH}}",
                ));
                None
            }
        };
    let (base_url, credential) = (base_url.ok()?, credential?);
    let plaintext = entry.plaintext || config::is_loopback(&base_url);
    let account = Account::new(entry.id.value.clone(), integration, base_url, plaintext, credential);
    let account = account.map_err(|message| keep(entry.spot.fault(message))).ok()?;
    Some(account.with_limits(entry.limits))
}

fn integration(entry: &AccountConfig, catalog: &Catalog) -> Result<Arc<Integration>, Fault> {
    let name = &entry.integration.value;
    catalog.integration(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = catalog.names().collect();
        let near = nearest(name, names.iter().copied());
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let known = names.join(", ");
        entry.integration.spot.fault(format!("the catalog has no integration `{name}`, expected one of {known}{hint}"))
    })
}

fn base_url(entry: &AccountConfig, integration: &Integration) -> Result<http::Uri, Fault> {
    if let Some(at) = &entry.base_url {
        return Ok(at.value.clone());
    }
    let text = &integration.base_url;
    let url = config::url(text).filter(|url| config::is_private(url, entry.plaintext));
    url.ok_or_else(|| {
        entry
            .spot
            .fault(format!("the catalog's base URL `{text}` is not an https:// URL: give the account a `base_url`"))
    })
}
