//! Faults of documents: where, which key, what is wrong and what was expected.

use std::{cell::RefCell, fmt, sync::Arc};

use super::Place;

/// One fault of one document, for a person to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file as the user named it; for the built-in catalog its path in the project.
    pub file: Arc<str>,
    /// Line and column, both from 1; `None` where the whole file is at fault.
    pub place: Option<Place>,
    /// The key, dotted (`config.methods[1]`); empty for the whole document.
    pub key: String,
    /// What is wrong and what was expected, without a full stop.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Where a value stood, kept for faults that are found after the document was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Line and column, both from 1.
    pub place: Option<Place>,
    /// The key, dotted.
    pub key: String,
}

impl Spot {
    /// A fault of the value that stood here.
    #[must_use]
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { file: self.file.clone(), place: self.place, key: self.key.clone(), message: message.into() }
    }
}

/// A value that was read, and where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stood.
    pub spot: Spot,
}

/// Everything that is wrong with a set of documents; never empty when it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// `Ok(value)` if nothing is wrong, else all faults.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// A single fault of a whole file.
    #[must_use]
    pub fn whole_file(file: &str, message: impl Into<String>) -> Self {
        Self(vec![Fault { file: file.into(), place: None, key: String::new(), message: message.into() }])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Collects the faults of one file while it is read.
#[derive(Debug)]
pub struct Sink {
    file: Arc<str>,
    is_proven: bool,
    faults: RefCell<Vec<Fault>>,
}

impl Sink {
    /// A sink for the faults of `file`.
    #[must_use]
    pub fn new(file: &str) -> Self {
        Self { file: file.into(), is_proven: false, faults: RefCell::default() }
    }

    /// A sink for a file that is part of the program, whose tests have read it with every check.
    #[must_use]
    pub fn proven(file: &str) -> Self {
        Self { is_proven: true, ..Self::new(file) }
    }

    /// Is the file part of the program?
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Write a fault down.
    pub fn fault(&self, place: Option<Place>, key: &str, message: impl Into<String>) {
        self.faults.borrow_mut().push(Fault {
            file: self.file.clone(),
            place,
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// Has nothing been written down?
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    /// The file whose faults these are.
    #[must_use]
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The faults, in the order of the file.
    #[must_use]
    pub fn into_faults(self) -> Faults {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| fault.place);
        Faults(faults)
    }
}
