//! Replaces a file as a whole: it says the old or the new, whenever the machine stops.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Held while an edit of a plan is made.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would leave the lock to a child that is between its fork and its exec.
        let _ = self.0.unlock();
    }
}

/// Waits until nobody else edits the plan, a folder or a file.
pub(super) fn lock(plan: &Path) -> anyhow::Result<Lock> {
    let whole = plan.canonicalize().with_context(|| format!("`{}` can't be read", plan.display()))?;
    let folder = if whole.is_dir() { whole.clone() } else { parent(&whole) };
    let what = || format!("`{}` can't be locked for an edit", folder.display());
    let file = File::open(&folder).with_context(what)?;
    file.lock().with_context(what)?;
    Ok(Lock(file))
}

/// Replaces what `file` says, if it still says `before`; `None` where there is no such file yet. Gives whether it did.
pub(super) fn replace(file: &Path, before: Option<&str>, after: &str) -> anyhow::Result<bool> {
    // A link stays a link: what it leads to is replaced.
    let file = match before {
        Some(_) => file.canonicalize().with_context(|| format!("`{}` is gone", file.display()))?,
        None => file.to_owned(),
    };
    let folder = parent(&file);
    let what = || format!("`{}` can't be written", file.display());
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // The name must not end in `.toml`, or a running host would read it as a part of the plan.
    let mut beside =
        tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".new").tempfile_in(&folder).with_context(what)?;
    beside.write_all(after.as_bytes()).with_context(what)?;
    if before.is_some() {
        let permissions = std::fs::metadata(&file).with_context(what)?.permissions();
        beside.as_file().set_permissions(permissions).with_context(what)?;
    }
    beside.as_file().sync_all().with_context(what)?;
    match before {
        Some(before) => {
            if std::fs::read(&file).with_context(what)? != before.as_bytes() {
                return Ok(false);
            }
            beside.persist(&file).with_context(what)?;
        }
        None => match beside.persist_noclobber(&file) {
            Ok(_) => {}
            Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(other) => return Err(other).with_context(what),
        },
    }
    File::open(&folder).and_then(|folder| folder.sync_all()).with_context(what)?;
    Ok(true)
}

fn parent(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
