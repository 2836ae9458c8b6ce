//! Registries that lie: nothing that they send is taken for what was asked for, and none of it ends the command unsaid.

use std::path::Path;

use watchfire_tests::anvil::{ALICE, Anvil};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::registry::{How, Liar, Lie, Registry};
use watchfire_tests::shared::{Said, Version, author, operator, plugin};

/// Takes unsigned detectors of one registry.
fn unsigned(registry: &str) -> String {
    format!("[trust]\nunsigned = [\"{registry}\"]\n")
}

fn add(folder: &Path, reference: &str) -> Said {
    plugin(folder, &["add", reference, "--yes"], &[]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lying_registry_sends_is_refused_by_name() {
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let liar = Liar::start(&registry).await.unwrap();
    let author = author(&[Version::of("1.0.0")]).unwrap();
    let reference = format!("oci://{}/harbor/guest:1.0.0", liar.name());
    // An upload that breaks off is begun again, and a registry that is busy is asked again.
    liar.lie(Lie::BrokenUploads(2));
    let said = plugin(author.path(), &["push", "1.0.0.wasm", &reference], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(said.err.matches("begun again").count() == 2, "{}", said.all());
    let operator = operator("http://127.0.0.1:1", &unsigned(&liar.name())).unwrap();
    let operator = operator.path();
    for (lie, why) in [
        (Lie::OtherBytes, "sent other bytes as layer sha256:"),
        (Lie::Endless, "can't be reached|bytes as layer"),
        (Lie::HugeManifest, "more than 4194304 bytes as manifest"),
        (Lie::TooMany(3_600), "try again in 3600 s"),
        (Lie::Elsewhere, "redirects to plain HTTP"),
        (Lie::Failing(100), "answered 503"),
    ] {
        liar.lie(lie.clone());
        let said = add(operator, &reference);
        assert_eq!(said.code, 4, "{lie:?}: {}", said.all());
        assert!(why.split('|').any(|why| said.err.contains(why)), "{lie:?}: {}", said.all());
        assert!(!operator.join("watchfire.lock").exists() && !operator.join("watchfire.store").exists(), "{lie:?}");
    }
    liar.lie(Lie::Failing(2));
    let said = add(operator, &reference);
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(liar.asked().iter().any(|asked| asked.contains("/referrers/")), "the API for it is asked first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moves_is_reported_and_not_followed() {
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let liar = Liar::start(&registry).await.unwrap();
    let more = Version { trick: "escapes", ..Version::of("1.1.0") };
    let author = author(&[Version::of("1.0.0"), more]).unwrap();
    let author = author.path();
    let reference = |version: &str| format!("oci://{}/harbor/guest:{version}", liar.name());
    for version in ["1.0.0", "1.1.0"] {
        let said = plugin(author, &["push", &format!("{version}.wasm"), &reference(version)], &[]).unwrap();
        assert_eq!(said.code, 0, "{}", said.all());
    }
    let operator = operator("http://127.0.0.1:1", &unsigned(&liar.name())).unwrap();
    let operator = operator.path();
    assert_eq!(add(operator, &reference("1.0.0")).code, 0);
    let lock = std::fs::read(operator.join("watchfire.lock")).unwrap();

    liar.lie(Lie::Moved("1.0.0".into(), "1.1.0".into()));
    let said = plugin(operator, &["outdated"], &[]).unwrap();
    assert!(said.code == 1 && said.out.contains("was moved: it was sha256:"), "{}", said.all());
    let said = add(operator, &reference("1.0.0"));
    assert!(said.code == 1 && said.err.contains("A version that changes is not taken"), "{}", said.all());
    assert_eq!(std::fs::read(operator.join("watchfire.lock")).unwrap(), lock);
    // What is locked is brought back by its digest, wherever the tag points.
    std::fs::remove_dir_all(operator.join("watchfire.store")).unwrap();
    let said = plugin(operator, &["fetch"], &[]).unwrap();
    assert!(said.code == 0 && said.out.contains("1 of 1 were missing"), "{}", said.all());
    // Publishing other bytes under a tag that is there is refused on this side too.
    liar.lie(Lie::None);
    let said = plugin(author, &["push", "1.1.0.wasm", &reference("1.0.0")], &[]).unwrap();
    assert!(said.code == 4 && said.err.contains("is there already"), "{}", said.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_hides_signatures_gets_nothing_taken() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let liar = Liar::start(&registry).await.unwrap();
    let author = author(&[Version::of("1.0.0")]).unwrap();
    let author = author.path();
    let reference = format!("oci://{}/harbor/guest:1.0.0", liar.name());
    assert_eq!(plugin(author, &["push", "1.0.0.wasm", &reference], &[]).unwrap().code, 0);
    let said = plugin(author, &["sign", &reference, "--account", ALICE, "--wallet", &anvil.url()], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    let trust = format!(
        "[trust.signer.harbor]\naddress = \"{ALICE}\"\n[[trust.namespace]]\nprefix = \"{}\"\nsigners = [\"harbor\"]\n",
        liar.name()
    );
    let operator = operator(&anvil.url(), &trust).unwrap();
    liar.lie(Lie::NoSignatures);
    let said = add(operator.path(), &reference);
    assert!(said.code == 1 && said.err.contains("signed by nobody"), "{}", said.all());
    liar.lie(Lie::None);
    let said = add(operator.path(), &reference);
    assert_eq!(said.code, 0, "{}", said.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_add_at_once_lose_nothing() {
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let name = registry.name();
    let author = author(&[Version::of("1.0.0")]).unwrap();
    let reference = format!("oci://{name}/harbor/guest:1.0.0");
    let said = plugin(author.path(), &["push", "1.0.0.wasm", &reference], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    let operator = operator("http://127.0.0.1:1", &unsigned(&name)).unwrap();
    let ids = ["one", "two", "three", "four"];
    std::thread::scope(|scope| {
        let added = ids.map(|id| {
            let (folder, reference) = (operator.path(), reference.as_str());
            scope.spawn(move || plugin(folder, &["add", reference, "--as", id, "--yes"], &[]).unwrap())
        });
        for said in added.map(|thread| thread.join().unwrap()) {
            assert_eq!(said.code, 0, "{}", said.all());
        }
    });
    for file in ["watchfire.toml", "watchfire.lock"] {
        let text = std::fs::read_to_string(operator.path().join(file)).unwrap();
        assert!(ids.iter().all(|id| text.contains(&format!("[detector.{id}]"))), "{file}: {text}");
    }
}
