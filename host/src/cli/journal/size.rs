//! `watchfire journal size`.

use std::path::Path;

use indicatif::{HumanBytes, HumanCount};
use serde_json::json;

use super::super::Exit;
use crate::app::live::disk;
use crate::app::live::output::Format;
use crate::journal::{Growth, Journal, Size, Thinning};

pub(super) fn size(path: &Path, format: Format) -> anyhow::Result<Exit> {
    let journal = Journal::open_existing_read_only(path)?;
    let (size, thinning) = (journal.size()?, journal.thinning()?);
    let free_bytes = disk::free_bytes(path);
    let per_day = size.last_day.bytes_per_day().or(size.last_week.bytes_per_day());
    let days_left = free_bytes.zip(per_day).and_then(|(free, per_day)| (free + size.free_bytes).checked_div(per_day));
    match format {
        Format::Json => {
            let days = [&size.last_day, &size.last_week].map(Growth::bytes_per_day);
            let mut object = json!(size);
            object["last_day"]["bytes_per_day"] = json!(days[0]);
            object["last_week"]["bytes_per_day"] = json!(days[1]);
            object["thinning"] = json!(thinning);
            object["disk"] = json!({ "free_bytes": free_bytes, "full_in_days": days_left });
            println!("{object}");
        }
        Format::Pretty => {
            for line in lines(&size, thinning.as_ref(), free_bytes, days_left) {
                println!("{line}");
            }
        }
    }
    Ok(Exit::Good)
}

fn lines(size: &Size, thinning: Option<&Thinning>, free_bytes: Option<u64>, days_left: Option<u64>) -> Vec<String> {
    let mut lines = Vec::new();
    for ((kind, count), (_, bytes)) in size.entries.iter().zip(&size.body_bytes) {
        lines.push(format!("{kind:<12} {:>12}  {}", HumanCount(*count).to_string(), HumanBytes(*bytes)));
    }
    let free = match size.free_bytes {
        0 => String::new(),
        free => format!(", of which {} wait for new entries", HumanBytes(free)),
    };
    lines.push(format!("{:<12} {:>12}  {}{free}", "the file", "", HumanBytes(size.bytes)));
    if let Some(Thinning { before, bodies, bytes, .. }) = thinning {
        let (bodies, bytes) = (HumanCount(*bodies), HumanBytes(*bytes));
        lines.push(format!("{bodies} bodies of before entry {before} were dropped, {bytes}; a replay starts there"));
    }
    for (name, growth) in [("the last day", &size.last_day), ("the last week", &size.last_week)] {
        let rate = growth
            .bytes_per_day()
            .map_or("too short to tell a rate".to_owned(), |bytes| format!("{} a day", HumanBytes(bytes)));
        let (entries, bytes) = (HumanCount(growth.entries), HumanBytes(growth.bytes));
        lines.push(format!("in {name}: {entries} entries, {bytes}; {rate}"));
    }
    if let Some(free_bytes) = free_bytes {
        let full = match days_left {
            Some(0) => "; at this rate it is full within a day".to_owned(),
            Some(days) => format!("; at this rate it is full in {} days", HumanCount(days)),
            None => String::new(),
        };
        lines.push(format!("the disk has {} left{full}", HumanBytes(free_bytes)));
    }
    lines
}
