//! What is pinned, when somebody or something changes around it: signers, versions, notes of the lock, the store.

use std::path::Path;

use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::watchfire;
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::registry::{How, Registry};
use watchfire_tests::shared::{Said, Version, author, operator, plugin};

fn run(folder: &Path, args: &[&str]) -> Said {
    plugin(folder, args, &[]).unwrap()
}

fn good(folder: &Path, args: &[&str]) -> String {
    let said = run(folder, args);
    assert_eq!(said.code, 0, "{args:?}: {}", said.all());
    said.all()
}

fn bad(folder: &Path, args: &[&str], code: i32, why: &str) {
    let said = run(folder, args);
    assert!(said.code == code && said.all().contains(why), "{args:?}: {code}, {why}: {} {}", said.code, said.all());
}

/// Returns what `watchfire check` says.
fn check(folder: &Path) -> String {
    let said = watchfire(folder, &["check"]).unwrap();
    String::from_utf8([said.stdout, said.stderr].concat()).unwrap()
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[tokio::test]
async fn the_lock_pins_who_signed_and_says_nothing_that_the_component_does_not() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let (name, url) = (registry.name(), anvil.url());
    let author = author(&[Version::of("1.0.0"), Version::of("1.1.0")]).unwrap();
    let author = author.path();
    let [first, second] = ["1.0.0", "1.1.0"].map(|version| {
        let reference = format!("oci://{name}/harbor/guest:{version}");
        good(author, &["push", &format!("{version}.wasm"), &reference]);
        good(author, &["sign", &reference, "--account", ALICE, "--wallet", &url]);
        reference
    });
    let index = format!(
        "format = 1\nversion = \"1\"\n[[advisory]]\nid = \"H-1\"\ndetector = \"{name}/harbor/guest\"\nversions = \"<1.1.0\"\nkind = \
         \"vulnerable\"\nsummary = \"blind\"\n"
    );
    let trust = format!(
        "[trust]\nindex = [\"index\"]\n[trust.signer.harbor]\naddress = \"{ALICE}\"\n[[trust.namespace]]\nprefix = \
         \"{name}/harbor\"\nsigners = [\"harbor\"]\n"
    );
    let operator = operator("http://127.0.0.1:1", &trust).unwrap();
    let operator = operator.path();
    std::fs::create_dir(operator.join("index")).unwrap();
    write(operator, "index/index.toml", "format = 1\nversion = \"1\"\n");
    let config = read(operator, "watchfire.toml");

    // A name that no config may have is refused, and nothing is written.
    bad(operator, &["add", &first, "--as", "a b", "--yes"], 1, "use letters, digits");
    assert_eq!(read(operator, "watchfire.toml"), config);
    // What a config wants reviewed is not taken by a yes.
    write(
        operator,
        "watchfire.toml",
        &config.replace("[trust]\n", "[trust]\nreview = [\"capabilities\", \"limits\"]\n"),
    );
    bad(operator, &["add", &first, "--yes"], 1, "somebody must look at its capabilities first");
    good(operator, &["add", &first, "--yes", "--reviewed", "capabilities"]);
    let lock: toml::Table = toml::from_str(&read(operator, "watchfire.lock")).unwrap();
    assert_eq!(lock["detector"]["guest"]["signed_by"]["harbor"].as_str(), Some(ALICE));
    assert!(check(operator).contains("0 errors"), "{}", check(operator));

    // Notes of the lock that the component contradicts, and what hides an advisory.
    write(operator, "index/index.toml", &index);
    bad(operator, &["audit"], 1, "guest 1.0.0  H-1 vulnerable");
    let lock = read(operator, "watchfire.lock");
    write(operator, "watchfire.lock", &lock.replace("version = \"1.0.0\"", "version = \"9.0.0\""));
    assert!(check(operator).contains("detector.guest.version: it says `9.0.0`, and the component says `1.0.0`"));
    bad(operator, &["audit"], 1, "guest 1.0.0  H-1 vulnerable");
    write(operator, "watchfire.lock", &lock);

    // Another key under the same name has signed nothing.
    let config = read(operator, "watchfire.toml");
    write(operator, "watchfire.toml", &config.replace(ALICE, BOB));
    let told = check(operator);
    assert!(told.contains(&format!("signed by {ALICE} when that was `harbor`, who is {BOB}")), "{told}");
    write(
        operator,
        "watchfire.toml",
        &config.replace("[trust.signer.harbor]", "[trust.signer.harbor]\nrevoked = true"),
    );
    let told = check(operator);
    assert!(told.contains(&format!("signed by `harbor` ({ALICE}), who is revoked")), "{told}");
    write(operator, "watchfire.toml", &config);

    // A lock of names alone, as older versions wrote it, is mended by `fetch`.
    let known = format!("[detector.guest.signed_by]\nharbor = \"{ALICE}\"\n");
    assert!(lock.contains(&known), "{lock}");
    let named = lock.replace(&known, "").replace("component = ", "signed_by = [\"harbor\"]\ncomponent = ");
    write(operator, "watchfire.lock", &named);
    assert!(check(operator).contains("`watchfire plugin fetch` asks the registry who signed"), "{}", check(operator));
    good(operator, &["fetch"]);
    let table = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
    assert_eq!(table(&read(operator, "watchfire.lock")), table(&lock));

    // On a new machine both versions are there; without a lock that is said.
    good(operator, &["update", "guest", "--to", "1.1.0", "--yes"]);
    assert!(read(operator, "watchfire.toml").contains(&second));
    std::fs::remove_dir_all(operator.join("watchfire.store")).unwrap();
    let told = good(operator, &["fetch"]);
    assert!(told.contains("2 of 2 were missing"), "{told}");
    good(operator, &["update", "guest", "--back", "--yes"]);
    std::fs::remove_file(operator.join("watchfire.lock")).unwrap();
    bad(operator, &["fetch"], 1, "detector.guest.component: ");
}

#[tokio::test]
async fn an_old_version_under_a_new_tag_is_no_update() {
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let name = registry.name();
    let author = author(&[Version::of("1.0.0"), Version::of("1.1.0")]).unwrap();
    let author = author.path();
    let reference = |tag: &str| format!("oci://{name}/harbor/guest:{tag}");
    good(author, &["push", "1.1.0.wasm", &reference("1.1.0")]);
    let operator = operator("http://127.0.0.1:1", &format!("[trust]\nunsigned = [\"{name}\"]\n")).unwrap();
    let operator = operator.path();
    good(operator, &["add", &reference("1.1.0"), "--yes"]);
    good(author, &["push", "1.0.0.wasm", &reference("3.0.0")]);
    let before = (read(operator, "watchfire.toml"), read(operator, "watchfire.lock"));
    bad(operator, &["update", "guest", "--yes"], 1, "is guest 1.0.0: whoever signs it calls it so");
    bad(operator, &["add", &reference("3.0.0"), "--as", "other", "--yes"], 1, "under another version");
    assert_eq!((read(operator, "watchfire.toml"), read(operator, "watchfire.lock")), before);
    // With the registry gone, nobody says that it is the newest.
    drop(registry);
    let said = run(operator, &["outdated"]);
    assert!(said.code == 1 && said.out.contains("is not known"), "{}", said.all());
    bad(operator, &["update", "guest", "--yes"], 4, "whether there is a newer `guest` is not known");
}
