//! Secrets that cannot be shown: no `Debug`, `Display` or serialisation of a [`Secret`] says what it holds.

use std::{fmt, io, path::PathBuf};

use crate::document::{At, Fields};

/// A secret value. `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wrap a secret.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself. Every use is a place to look at twice.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret comes from: `{env: NAME}` or `{file: PATH}`, never inline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An environment variable.
    Env(String),
    /// A file; white space at its end is not part of the secret. Re-read when it changes.
    File(PathBuf),
}

impl Source {
    /// Read a source from a document; relative files are relative to `base`.
    #[must_use]
    pub fn read(at: &At<'_>, base: &std::path::Path) -> Option<Self> {
        if matches!(at.value(), crate::document::Value::String(_)) {
            at.fault("a secret is never written inline, expected {env: NAME} or {file: PATH}");
            return None;
        }
        Self::take(at.fields()?, base)
    }

    /// As [`Source::read`], from the keys of a mapping that others were taken from before.
    #[must_use]
    pub fn take(mut fields: Fields<'_>, base: &std::path::Path) -> Option<Self> {
        let (env, file, at) = (fields.get("env"), fields.get("file"), fields.at().clone());
        fields.finish();
        match (env, file) {
            (Some(env), None) => env.text().map(|name| Self::Env(name.to_owned())),
            (None, Some(file)) => file.text().map(|path| Self::File(base.join(path))),
            _ => {
                at.fault("expected exactly one of {env: NAME} and {file: PATH}");
                None
            }
        }
    }

    /// Fetch the secret from this process's environment or from its file.
    ///
    /// # Errors
    /// As [`Source::fetch_from`].
    pub fn fetch(&self) -> Result<Secret, String> {
        self.fetch_from(&|name| std::env::var(name).ok())
    }

    /// Fetch the secret, environment variables from `environment`.
    ///
    /// # Errors
    /// What is missing and where, for a person; never a part of the secret.
    pub fn fetch_from(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Secret, String> {
        let secret = self.fetch_list(environment)?;
        if secret.expose().is_empty() { Err(format!("the secret of {self} is empty")) } else { Ok(secret) }
    }

    /// As [`Source::fetch_from`], for a list of secrets, which may be empty.
    ///
    /// # Errors
    /// What is missing and where, for a person.
    pub fn fetch_list(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Secret, String> {
        let text = match self {
            Self::Env(name) => {
                environment(name).ok_or_else(|| format!("the environment variable {name} is not set"))?
            }
            Self::File(path) => std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?,
        };
        Ok(Secret::new(text.trim_end()))
    }
}

fn unreadable(path: &std::path::Path, error: &io::Error) -> String {
    format!("the file {} cannot be read: {}", path.display(), error.kind())
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "{{env: {name}}}"),
            Self::File(path) => write!(f, "{{file: {}}}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Sink, parse};

    #[test]
    fn debug_never_shows_a_secret() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some(***)");
    }

    #[test]
    fn an_inline_secret_is_refused_without_being_echoed() {
        let sink = Sink::new("t.yaml");
        assert_eq!(Source::read(&At::root(&sink, &parse("t.yaml", "hunter2").unwrap()), "".as_ref()), None);
        let text = sink.into_faults().to_string();
        assert!(text.contains("{env: NAME}") && !text.contains("hunter2"), "{text}");
    }
}
