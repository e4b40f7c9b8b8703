//! The files that chaperone is started with.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The credential of the account, to be looked for in what reaches the upstream and nowhere else.
pub(crate) const CREDENTIAL: &str = "test-key";

/// A configuration in the making.
pub(crate) struct Setup {
    upstream: SocketAddr,
    admin: SocketAddr,
    integration: String,
    catalog: Option<PathBuf>,
    policies: Vec<(String, String)>,
    api_tokens: String,
    api_token_keys: String,
    account_keys: String,
    more: String,
}

impl Setup {
    /// The built-in catalog, one account at `upstream`, no policy yet.
    pub(crate) fn new(upstream: SocketAddr) -> Self {
        Self {
            upstream,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            integration: "affinity".into(),
            catalog: None,
            policies: Vec::new(),
            api_tokens: String::new(),
            api_token_keys: String::new(),
            account_keys: String::new(),
            more: String::new(),
        }
    }

    /// Answer health requests here; without it, on a port that nobody knows.
    pub(crate) fn admin(mut self, admin: SocketAddr) -> Self {
        self.admin = admin;
        self
    }

    /// Use the catalog in this folder of the project, and this integration of it.
    pub(crate) fn catalog(mut self, folder: &str, integration: &str) -> Self {
        self.catalog = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
        integration.clone_into(&mut self.integration);
        self
    }

    /// Add an MCP server: its name, and the rest of its document behind `name` and `account`.
    pub(crate) fn policy(mut self, name: &str, rest: &str) -> Self {
        self.policies.push((name.into(), format!("name: {name}\naccount: test\n{rest}\n")));
        self
    }

    /// Add an API token: `name:sha256:<hex>`.
    pub(crate) fn api_token(mut self, line: &str) -> Self {
        self.api_tokens = format!("{}{line}\n", self.api_tokens);
        self
    }

    /// Add keys beside the file of API tokens, as YAML on one line.
    pub(crate) fn api_token_keys(mut self, yaml: &str) -> Self {
        self.api_token_keys = format!(", {yaml}");
        self
    }

    /// Add a key of the account, as YAML on one line.
    pub(crate) fn account_keys(mut self, yaml: &str) -> Self {
        self.account_keys = format!("{}    {yaml}\n", self.account_keys);
        self
    }

    /// Add keys of the configuration file, as YAML.
    pub(crate) fn with(mut self, yaml: &str) -> Self {
        self.more = format!("{}{yaml}\n", self.more);
        self
    }

    /// Write everything into a fresh folder; the configuration is `chaperone.yaml` there.
    pub(crate) fn write(&self) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder for the configuration can be made");
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file can be written");
        fs::create_dir(folder.path().join("policies")).expect("a folder for policies can be made");
        for (name, text) in &self.policies {
            put(&format!("policies/{name}.yaml"), text);
        }
        put("credential", CREDENTIAL);
        put("api-tokens", &self.api_tokens);
        put("chaperone.yaml", &self.configuration());
        folder
    }

    fn configuration(&self) -> String {
        let catalog = self.catalog.as_ref().map(|path| format!("catalog: {:?}\n", path.display().to_string()));
        let api_tokens = if self.api_tokens.is_empty() {
            String::new()
        } else {
            format!("api_tokens: {{file: ./api-tokens{}}}\n", self.api_token_keys)
        };
        format!(
            "listen: 127.0.0.1:0\nadmin: {{listen: {admin}}}\nstore: none\npolicies: ./policies\n\
             {catalog}{api_tokens}{more}\
             accounts:\n  - id: test\n    integration: {integration}\n    base_url: http://{upstream}\n    \
             credentials: {{api_key: {{file: ./credential}}}}\n{account}",
            catalog = catalog.unwrap_or_default(),
            more = self.more,
            account = self.account_keys,
            integration = self.integration,
            upstream = self.upstream,
            admin = self.admin,
        )
    }
}
