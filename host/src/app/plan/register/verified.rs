//! Writes down that people were reached: `verified_at` of each, in the operator's own files.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use toml_edit::{DocumentMut, value};

use super::document::datetime;
use super::replace::{lock, replace};
use crate::app::deploy::load::plan_files;
use crate::plan::Plan;
use crate::plan::moment::Moment;

/// Sets `verified_at` of people to a day. Returns the files that changed.
///
/// # Errors
///
/// If a file can't be read or written, somebody else changed it meanwhile, or the plan would not load afterwards.
pub fn set_verified(plan: &Path, people: &[String], day: Moment) -> anyhow::Result<Vec<PathBuf>> {
    let _lock = lock(plan)?;
    let files = plan_files(plan)?;
    let mut changed = Vec::new();
    let mut after = files.clone();
    for (file, text) in &mut after {
        let mut document: DocumentMut = text.parse().with_context(|| format!("`{file}` is no TOML"))?;
        let mut is_other = false;
        for person in people {
            let table = document.get_mut("person").and_then(|people| people.get_mut(person));
            if let Some(table) = table.and_then(|item| item.as_table_like_mut()) {
                table.insert("verified_at", value(datetime(day)));
                is_other = true;
            }
        }
        if is_other {
            *text = document.to_string();
            changed.push(PathBuf::from(&*file));
        }
    }
    ensure!(Plan::load(&after).is_ok(), "with this edit the plan would no longer load, so nothing was written");
    for ((file, before), (_, text)) in files.iter().zip(&after).filter(|((_, before), (_, text))| before != text) {
        ensure!(replace(Path::new(file), Some(before), text)?, "`{file}` was changed meanwhile: do it again");
    }
    Ok(changed)
}
