//! The file of the audit trail: appended to, put aside when it is full.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::PathBuf,
};

use super::Config;

/// Only its owner may read who did what.
const MODE: u32 = 0o600;

/// The file and how much of it there is.
pub(super) struct File {
    path: PathBuf,
    max_size: u64,
    keep: u32,
    open: Option<Open>,
}

struct Open {
    file: fs::File,
    inode: (u64, u64),
    size: u64,
}

impl File {
    /// Open it for appending.
    ///
    /// # Errors
    /// It cannot be.
    pub(super) fn open(config: &Config) -> io::Result<Self> {
        let mut file = Self { path: config.file.clone(), max_size: config.max_size, keep: config.keep, open: None };
        file.opened()?;
        Ok(file)
    }

    /// Append lines and see them onto the disk. What is written is taken out of `lines`.
    ///
    /// # Errors
    /// What is left in `lines` is not in the file.
    pub(super) fn append(&mut self, lines: &mut Vec<String>) -> io::Result<()> {
        while !lines.is_empty() {
            let (room, used) = (self.max_size, self.opened()?.size);
            if used > 0 && used + lines[0].len() as u64 > room {
                self.rotate()?;
                continue;
            }
            let mut text = String::new();
            let mut count = 0;
            for line in &*lines {
                if count > 0 && used + (text.len() + line.len()) as u64 > room {
                    break;
                }
                text.push_str(line);
                count += 1;
            }
            self.write(text.as_bytes())?;
            lines.drain(..count);
        }
        Ok(())
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let open = self.opened()?;
        let written = open.file.write_all(text).and_then(|()| open.file.sync_data());
        if written.is_ok() {
            open.size += text.len() as u64;
        } else {
            // Half a line would spoil the next one; if this fails too, the reader has to cope with it.
            let _ = open.file.set_len(open.size);
            self.open = None;
        }
        written
    }

    /// The open file; opened anew if somebody moved or removed it.
    fn opened(&mut self) -> io::Result<&mut Open> {
        let there = fs::metadata(&self.path).ok().map(|found| (found.dev(), found.ino()));
        let current = self.open.take().filter(|open| Some(open.inode) == there);
        let open = if let Some(open) = current {
            open
        } else {
            let file = fs::OpenOptions::new().append(true).create(true).mode(MODE).open(&self.path)?;
            let found = file.metadata()?;
            Open { file, inode: (found.dev(), found.ino()), size: found.len() }
        };
        Ok(self.open.insert(open))
    }

    /// `audit.log` becomes `audit.log.1`, that `.2`, and so on; the oldest is removed.
    fn rotate(&mut self) -> io::Result<()> {
        self.open = None;
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match fs::rename(self.aside(number), self.aside(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.aside(1))
    }

    fn aside(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::OnFailure;
    use super::*;

    fn config(file: PathBuf, max_size: u64, keep: u32) -> Config {
        Config { file, max_size, keep, on_failure: OnFailure::Allow }
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let mut file = File::open(&config(path.clone(), 8, 2)).unwrap();
        let mut lines =
            ["aaa\n", "bbb\n", "ccc\n", "a long line\n", "ddd\n", "eee\n", "fff\n"].map(str::to_owned).to_vec();
        file.append(&mut lines).unwrap();
        assert!(lines.is_empty());
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_else(|_| "-".into());
        assert_eq!(
            ["audit.log", "audit.log.1", "audit.log.2", "audit.log.3"].map(read),
            ["fff\n", "ddd\neee\n", "a long line\n", "-"]
        );
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
    }

    #[test]
    fn what_was_there_is_appended_to_and_a_file_that_was_moved_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        fs::write(&path, "old\n").unwrap();
        let mut file = File::open(&config(path.clone(), 100, 1)).unwrap();
        file.append(&mut vec!["new\n".into()]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\nnew\n");
        fs::rename(&path, folder.path().join("moved")).unwrap();
        file.append(&mut vec!["newer\n".into()]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer\n");
    }
}
