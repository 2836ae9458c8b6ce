//! The room that is left on the journal's disk, looked at now and then: a full disk ends the host, so it is told before.

use std::time::{Duration, Instant};

use crate::app::deploy::change::DiskFloor;
use crate::event::Coverage;
use crate::finding::Severity;

/// How often the disk is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// The disk and what was told of it.
#[derive(Debug)]
pub struct Disk {
    floor: DiskFloor,
    looked: Option<Instant>,
    is_short: bool,
}

impl Disk {
    /// Nothing was told yet.
    pub fn new(floor: DiskFloor) -> Self {
        Self { floor, looked: None, is_short: false }
    }

    /// Looks where it is time to; what is to be told, if anything.
    pub fn look(&mut self) -> Option<Coverage> {
        if self.looked.is_some_and(|looked| looked.elapsed() < EVERY) {
            return None;
        }
        self.looked = Some(Instant::now());
        let free_bytes = free_bytes(&self.floor.journal)?;
        self.judge(free_bytes)
    }

    fn judge(&mut self, free_bytes: u64) -> Option<Coverage> {
        let min = self.floor.min_free_bytes;
        // A little more must be free to be enough again, or it would be told again and again at the edge.
        let is_short = free_bytes < if self.is_short { min.saturating_add(min / 4) } else { min };
        if is_short == std::mem::replace(&mut self.is_short, is_short) {
            return None;
        }
        let (free_mib, path) = (free_bytes >> 20, self.floor.journal.display());
        let message = match is_short {
            true => format!(
                "the disk of `{path}` has {free_mib} MiB left; when it is full, the host ends. Free some space, or let \
                 the journal drop old blocks with `journal.keep_days`"
            ),
            false => format!("the disk of `{path}` has {free_mib} MiB left again"),
        };
        if is_short {
            tracing::warn!("{message}");
        }
        let (kind, subject) = ("disk-nearly-full".to_owned(), "host/journal".to_owned());
        Some(Coverage { chain: None, kind, subject, severity: Severity::High, message, over: !is_short })
    }
}

/// Bytes that an ordinary user may still write on the disk of a file; `None` where the system does not say.
pub fn free_bytes(file: &std::path::Path) -> Option<u64> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref());
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_disk_is_told_once_and_so_is_its_end() {
        let floor = DiskFloor { journal: "watchfire.db".into(), min_free_bytes: 1_000 };
        let mut disk = Disk::new(floor);
        let told: Vec<Option<bool>> = [2_000, 999, 500, 1_100, 1_249, 1_250, 1_000, 999]
            .map(|free| disk.judge(free).map(|coverage| coverage.over))
            .to_vec();
        assert_eq!(told, [None, Some(false), None, None, None, Some(true), None, Some(false)]);
        assert!(free_bytes(std::path::Path::new("watchfire.db")).is_some_and(|free| free > 0));
    }
}
