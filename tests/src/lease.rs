//! A file that whoever opens it waits for, as on a disk that hangs: with a lease on it (`F_SETLEASE` of fcntl(2)) the kernel holds up
//! everybody else's `open` until the lease is given back, for 45 seconds at most.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};

/// Holds the lease until it is killed, and says when somebody asks for the file. Tries first whether leases hold anybody up here.
const HOLD: &str = r#"
import fcntl, os, signal, sys, time

def hold(path):
    file = os.open(path, os.O_RDWR)
    for _ in range(100):
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            return file
        except BlockingIOError:
            time.sleep(0.05)
        except OSError:
            break
    print("none", flush=True)
    sys.exit()

signal.signal(signal.SIGIO, signal.SIG_IGN)
trial = sys.argv[1] + ".trial"
open(trial, "w").close()
file = hold(trial)
other = os.fork()
if other == 0:
    try:
        os.open(trial, os.O_RDONLY | os.O_NONBLOCK)
        os._exit(1)
    except BlockingIOError:
        os._exit(0)
if os.waitpid(other, 0)[1] != 0:
    print("none", flush=True)
    sys.exit()
os.close(file)
os.remove(trial)
signal.signal(signal.SIGIO, lambda *_: print("asked", flush=True))
file = hold(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"#;

/// A lease that is given back with this value.
pub struct Lease {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Lease {
    /// Takes a lease on a file that nobody has open; `None` where the system has none.
    ///
    /// # Errors
    /// If Python can't be started, or fails.
    pub fn take(path: &Path) -> anyhow::Result<Option<Self>> {
        let mut python = Command::new("python3");
        python.args(["-c", HOLD]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().context("python3 can't be started")?;
        let said = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut lease = Self { child, said };
        match lease.line()?.as_str() {
            "held" => Ok(Some(lease)),
            "none" => Ok(None),
            other => bail!("the holder of the lease failed: `{other}`"),
        }
    }

    /// Waits until somebody opens the file: it hangs from here on.
    ///
    /// # Errors
    /// If the holder has ended.
    pub fn until_asked(&mut self) -> anyhow::Result<()> {
        let said = self.line()?;
        anyhow::ensure!(said == "asked", "the holder of the lease ended: `{said}`");
        Ok(())
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
