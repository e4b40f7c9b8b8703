//! The programs of a run, built as their users build them.
//!
//! `cargo bench` unites the features of dependencies with those that tests need, a clock that can be stopped among
//! them. So the bench asks cargo for plain release builds itself.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::Error;

/// What is run.
#[derive(Debug)]
pub(crate) struct Programs {
    /// This bench, in its roles.
    pub(crate) bench: PathBuf,
    pub(crate) chaperone: PathBuf,
    pub(crate) floor: PathBuf,
}

/// What cargo says of something that it has built.
#[derive(Deserialize)]
struct Artifact {
    executable: Option<PathBuf>,
}

impl Programs {
    /// Builds what is not named by `CHAPERONE_BIN`.
    pub(crate) fn build() -> Result<Self, Error> {
        let chaperone = match env::var_os("CHAPERONE_BIN") {
            Some(named) => named.into(),
            None => build("chaperone")?,
        };
        Ok(Self { bench: env::current_exe()?, chaperone, floor: build("floor")? })
    }
}

/// The binary of `package`, which bears its name.
fn build(package: &str) -> Result<PathBuf, Error> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsStr::new("cargo").to_owned());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--locked", "--package", package, "--bin", package])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .stderr(Stdio::inherit());
    // What cargo tells a bench of its own package would make build scripts run again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            command.env_remove(&name);
        }
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("cannot build {package}, see above").into());
    }
    let lines = output.stdout.split(|&byte| byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice::<Artifact>(line).ok()?.executable)
        .next_back()
        .ok_or_else(|| format!("expected a program of the package {package}").into())
}
