//! The cache of what was compiled, and what becomes of whoever puts something into it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use watchfire::plugin::{Cache, Compiler, Limits, Runtime};

use crate::kit::{BINARY, Trick, limits};

/// A compiler that never gives anything: what is there nevertheless came out of the cache.
const NOBODY: &str = "/bin/false";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("compiled")
    }

    fn compiler(&self, binary: &str) -> Compiler {
        Compiler::in_processes_of(binary).with_cache(Cache::open(&self.path(), 1 << 30).unwrap())
    }

    /// Whether a component is compiled, by whom it may be.
    fn compiles(&self, binary: &str, bytes: &[u8], limits: &Limits) -> bool {
        Runtime::new(self.compiler(binary)).unwrap().compile(bytes, limits).is_ok()
    }

    fn entries(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut entries: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "compiled")).collect();
        entries.sort();
        entries
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What is warned of meanwhile.
fn warnings(work: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, work);
    let told = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    told.lines().filter(|line| line.contains("WARN")).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_was_compiled_is_kept_for_this_user_alone() {
    let folder = Folder::new();
    let bytes = Trick::read("neighbour").component();
    let other = Trick::read("trap").component();
    assert!(folder.compiles(BINARY, &bytes, &limits()));
    assert_eq!(mode(&folder.path()), 0o700);
    assert_eq!(mode(&folder.path().join("key")), 0o600);
    assert_eq!(folder.entries().len(), 1);
    assert_eq!(mode(&folder.entries()[0]), 0o600);

    assert!(folder.compiles(NOBODY, &bytes, &limits()), "it comes out of the cache");
    assert!(!folder.compiles(NOBODY, &other, &limits()), "another component does not");
    let wider = Limits { stack_bytes: 128 << 10, ..limits() };
    assert!(folder.compiles(NOBODY, &bytes, &wider), "machine code is the same whatever the stack");
    let metered = Limits { fuel_per_batch: Some(1_000_000), ..limits() };
    assert!(!folder.compiles(NOBODY, &bytes, &metered), "machine code that counts fuel is other machine code");
    let fuelled = folder.compiles(BINARY, &bytes, &metered);
    assert!(fuelled && folder.entries().len() == 2);
}

#[test]
fn what_is_not_as_it_was_written_is_told_and_never_run() {
    let bytes = Trick::read("neighbour").component();
    let check = |what: &str, spoil: &dyn Fn(&Folder, &Path), expected: &str| {
        let folder = Folder::new();
        assert!(folder.compiles(BINARY, &bytes, &limits()));
        let entry = folder.entries().remove(0);
        spoil(&folder, &entry);
        let told = warnings(|| assert!(!folder.compiles(NOBODY, &bytes, &limits()), "{what}: it is not believed"));
        assert!(told.contains(expected), "{what}: `{expected}` is not in `{told}`");
        assert!(told.contains("not believed and discarded"), "{what}: {told}");
        assert!(folder.entries().is_empty(), "{what}: it is gone");
        let told = warnings(|| assert!(folder.compiles(BINARY, &bytes, &limits()), "{what}: it is compiled anew"));
        assert_eq!(told, "", "{what}: told once");
        assert!(folder.compiles(NOBODY, &bytes, &limits()), "{what}: and kept again");
    };
    let rewrite = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
        let mut content = fs::read(path).unwrap();
        change(&mut content);
        fs::write(path, content).unwrap();
    };
    let entry_name = ".compiled`";
    check("a bit of machine code", &|_, path| rewrite(path, &|all| *all.last_mut().unwrap() ^= 1), "its MAC is not");
    check("a bit of its MAC", &|_, path| rewrite(path, &|all| all[20] ^= 1), "its MAC is not");
    check("its head", &|_, path| rewrite(path, &|all| all[0] ^= 1), entry_name);
    check("cut off", &|_, path| rewrite(path, &|all| all.truncate(all.len() / 2)), "its MAC is not");
    check("cut to nothing", &|_, path| rewrite(path, &Vec::clear), "its size can't be");
    check("longer", &|_, path| rewrite(path, &|all| all.extend([0; 64])), "its MAC is not");
    check("open to others", &|_, path| set_mode(path, 0o604), "others may read or write it (mode 604)");
    check(
        "a link",
        &|folder, path| {
            let moved = folder.0.path().join("moved");
            fs::rename(path, &moved).unwrap();
            symlink(moved, path).unwrap();
        },
        "it is a symbolic link",
    );
    check(
        "another component's",
        &|folder, path| {
            assert!(folder.compiles(BINARY, &Trick::read("trap").component(), &limits()));
            let other = folder.entries().into_iter().find(|other| other != path).unwrap();
            fs::rename(other, path).unwrap();
        },
        "its MAC is not",
    );
    check(
        "another host's",
        &|_, path| {
            let foreign = Folder::new();
            assert!(foreign.compiles(BINARY, &bytes, &limits()));
            fs::copy(foreign.entries().remove(0), path).unwrap();
        },
        "its MAC is not",
    );
    check("another key", &|folder, _| fs::write(folder.path().join("key"), [7; 32]).unwrap(), "its MAC is not");
    check("a key open to others", &|folder, _| set_mode(&folder.path().join("key"), 0o640), "`");
    check(
        "a key that is a link",
        &|folder, _| {
            let key = folder.path().join("key");
            fs::remove_file(&key).unwrap();
            fs::write(folder.0.path().join("known"), [7; 32]).unwrap();
            set_mode(&folder.0.path().join("known"), 0o600);
            symlink(folder.0.path().join("known"), key).unwrap();
        },
        "key` is not believed and discarded: it is a symbolic link",
    );
    check(
        "a key cut off",
        &|folder, _| fs::write(folder.path().join("key"), [7; 31]).unwrap(),
        "key` is not believed and discarded: its size can't be",
    );
}

#[test]
fn a_folder_that_others_can_reach_is_not_used() {
    let folder = Folder::new();
    let refused = || Cache::open(&folder.path(), 1 << 30).err().map(|error| error.to_string()).unwrap_or_default();
    fs::create_dir(folder.path()).unwrap();
    set_mode(&folder.path(), 0o755);
    assert_eq!(refused(), "others may read or write it (mode 755); make it yours alone: `chmod 700`");
    fs::remove_dir(folder.path()).unwrap();
    symlink("/tmp", folder.path()).unwrap();
    assert_eq!(refused(), "it is a symbolic link or no folder; remove it");
    fs::remove_file(folder.path()).unwrap();
    fs::write(folder.path(), "").unwrap();
    assert_eq!(refused(), "it is a symbolic link or no folder; remove it");
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let folder = Folder::new();
    let components: Vec<_> = Trick::all().into_iter().take(4).map(|trick| trick.component()).collect();
    assert!(folder.compiles(BINARY, &components[0], &limits()));
    let size = fs::metadata(&folder.entries()[0]).unwrap().len();
    // Room for two and a half.
    let open = || Cache::open(&folder.path(), size * 5 / 2).unwrap();
    let compile = |binary: &str, bytes: &[u8]| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        Runtime::new(Compiler::in_processes_of(binary).with_cache(open())).unwrap().compile(bytes, &limits()).is_ok()
    };
    assert!(compile(BINARY, &components[1]));
    assert!(compile(NOBODY, &components[0]), "used again, so the second is the oldest");
    assert!(compile(BINARY, &components[2]));
    assert_eq!(folder.entries().len(), 2);
    assert!(compile(NOBODY, &components[0]) && compile(NOBODY, &components[2]) && !compile(NOBODY, &components[1]));
    let total: u64 = folder.entries().iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(total <= size * 5 / 2, "{total} bytes");
}

#[test]
fn two_hosts_at_once_share_a_folder() {
    let folder = Folder::new();
    let components: Vec<_> = Trick::all().into_iter().take(6).map(|trick| trick.component()).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for bytes in &components {
                    assert!(folder.compiles(BINARY, bytes, &limits()));
                }
            });
        }
    });
    assert_eq!(folder.entries().len(), components.len());
    for bytes in &components {
        assert!(folder.compiles(NOBODY, bytes, &limits()), "each host wrote with the same key");
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, components.len() + 1, "entries and a key, and nothing under way");
}
