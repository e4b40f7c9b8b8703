//! The folder of policies, and its documents made into one set of MCP servers.

use std::{fs, io, path::Path, path::PathBuf, sync::Arc};

use jiff::Timestamp;

use super::{Report, accounts::Accounts};
use crate::account::Account;
use crate::config::Environment;
use crate::document::{Fault, Located};
use crate::rate::Limits;
use crate::server::{
    Server, advice,
    api_tokens::ApiTokens,
    document::{Draft, Token},
    registry::{Access, Entry, Registry},
    rules::Rules,
    token,
    verdicts::Policies,
};

/// Largest policy in bytes: a hundred times an honest one.
const MAX_FILE: u64 = 1 << 20;

/// Tokens shorter than this (in bytes) can be guessed.
const SHORT_TOKEN: usize = 16;

/// Read every document of the folder, in the order of their names.
pub(super) fn read(folder: &Located<PathBuf>, report: &mut Report) -> Vec<Draft> {
    let path = &folder.value;
    let unreadable = |what: &Path, error: &io::Error| format!("{} cannot be read: {}", what.display(), error.kind());
    let files = match documents(path) {
        Ok(files) => files,
        Err(error) => {
            report.faults.push(folder.spot.fault(unreadable(path, &error)));
            return Vec::new();
        }
    };
    if files.is_empty() {
        report.warnings.push(folder.spot.fault(format!("{} holds no policy: no MCP server is there", path.display())));
    }
    let mut drafts = Vec::new();
    for file in files {
        if fs::metadata(&file).is_ok_and(|meta| meta.len() > MAX_FILE) {
            report.faults.push(folder.spot.fault(format!("{} is larger than {MAX_FILE} bytes", file.display())));
            continue;
        }
        match fs::read_to_string(&file) {
            Ok(text) => drafts.push(Draft::read(&file.display().to_string(), &text, path)),
            Err(error) => report.faults.push(folder.spot.fault(unreadable(&file, &error))),
        }
    }
    drafts
}

/// The documents of a folder. Hidden entries are not among them: a Kubernetes volume keeps its files in `..data`, and
/// the visible names are links to those.
fn documents(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let path = entry.path();
        let document = path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        // A link that leads nowhere is kept: that it cannot be read is a fault to be told.
        if document && !hidden && fs::metadata(&path).map_or(true, |meta| meta.is_file()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What documents are compiled against.
pub(super) struct World<'w> {
    pub(super) accounts: &'w Accounts,
    /// Can the MCP listener only be reached from this host?
    pub(super) loopback: bool,
    pub(super) environment: &'w Environment<'w>,
    pub(super) generation: u64,
    pub(super) api_token_limits: Limits,
    pub(super) now: Timestamp,
}

impl World<'_> {
    /// All servers; `None` only where something was reported.
    pub(super) fn registry(&self, drafts: Vec<Draft>, tokens: ApiTokens, report: &mut Report) -> Option<Registry> {
        let no_token = tokens.is_empty();
        let mut met = Policies::default();
        let entries: Vec<Entry> = drafts.into_iter().filter_map(|draft| self.entry(draft, &mut met, report)).collect();
        for entry in entries.iter().filter(|entry| entry.server.requires_api_token && no_token) {
            report.warnings.push(entry.name_at.fault(
                "`require_api_token_auth` is set and no API token is known: every call is answered with 401; \
                 list tokens in a file and name it as `api_tokens` in the configuration",
            ));
        }
        report.keep(Registry::new(self.generation, entries, tokens))
    }

    fn entry(&self, mut draft: Draft, met: &mut Policies, report: &mut Report) -> Option<Entry> {
        let account = self.account(&mut draft);
        let rules = account.as_ref().and_then(|account| resolve(&mut draft, account));
        let access = self.access(&mut draft, report);
        let document = report.keep(draft.finish())?;
        let (account, rules, access) = (account?, rules?, access?);
        report.warnings.extend(advice::warnings(&document, &account.integration, self.now));
        let known = met.of(rules, &account.integration);
        let server =
            Server::compile(&document, &known, account, self.generation).with_api_token_limits(self.api_token_limits);
        Some(Entry { server, access, name_at: document.name.spot, token_at: document.token.spot })
    }

    fn account(&self, draft: &mut Draft) -> Option<Arc<Account>> {
        let found = self.accounts.find(draft.account.as_ref()?);
        found.unwrap_or_else(|fault| {
            draft.fault(fault);
            None
        })
    }

    fn access(&self, draft: &mut Draft, report: &mut Report) -> Option<Access> {
        let Located { value, spot } = draft.token.clone()?;
        let mut refuse = |message: String| {
            draft.fault(spot.fault(message));
            None
        };
        match value {
            Token::Hash(hash) => Some(Access::Token(hash)),
            Token::None if self.loopback => Some(Access::Open),
            Token::None => refuse(
                "`none` lets in whoever reaches the port, so it is accepted only while `listen` is a loopback address; \
                 `chaperone token new` makes a token"
                    .into(),
            ),
            Token::Source(source) => match source.fetch_from(self.environment) {
                Err(message) => refuse(message),
                Ok(secret) if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) => {
                    refuse(format!("the token of {source} holds more than visible ASCII characters, no client can send it"))
                }
                Ok(secret) => {
                    report.warnings.extend(short(secret.expose()).map(|message| spot.fault(message)));
                    Some(Access::Token(token::hash(secret.expose())))
                }
            },
        }
    }
}

fn resolve(draft: &mut Draft, account: &Account) -> Option<Rules> {
    let found: Result<Rules, Vec<Fault>> = Rules::resolve(draft.policy.as_ref()?, &account.integration);
    found.map_err(|faults| faults.into_iter().for_each(|fault| draft.fault(fault))).ok()
}

fn short(token: &str) -> Option<String> {
    let found = token.len();
    (found < SHORT_TOKEN)
        .then(|| format!("the token has {found} characters and can be guessed; `chaperone token new` makes a good one"))
}
