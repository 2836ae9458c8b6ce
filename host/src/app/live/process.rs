//! What a host asks of the system for itself before it opens anything.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit, umask};

/// With fewer descriptors than this a host of many nodes, channels and detectors may run out of them.
const DESCRIPTORS_WANTED: u64 = 4_096;

/// Says so if other users may read a file that was made before.
pub fn expect_private(path: &Path) {
    if std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        tracing::warn!(
            "other users may read `{0}`, which holds the plan with people's numbers: `chmod 600 {0}`",
            path.display()
        );
    }
}

/// Makes what this process creates from here on private to its user, and takes as many descriptors as it may have.
pub fn begin() {
    umask(Mode::from_bits_retain(0o077));
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // More than this is of no use, and some systems refuse what they call unlimited.
        let wanted = maximum.map_or(1 << 20, |most| most.min(1 << 20));
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
            tracing::warn!("the limit on open files could not be raised: {error}");
        }
    }
    if getrlimit(Resource::Nofile).current.is_some_and(|most| most < DESCRIPTORS_WANTED) {
        tracing::warn!("this process may open few files; set `LimitNOFILE=65536` in its unit, or `ulimit -n`");
    }
    if geteuid().is_root() {
        tracing::warn!("running as root: give Watchfire a user of its own, that can write its folder and nothing else");
    }
}
