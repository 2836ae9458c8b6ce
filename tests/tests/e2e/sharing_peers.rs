//! Other clients of registries: they read what is published, check what is signed, and what they publish is taken.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use watchfire_tests::peers::{language_tools, skip_or_fail};
use watchfire_tests::registry::{How, Registry};
use watchfire_tests::shared::{Version, author, plugin};

/// Runs a program to its end. Returns what it said.
fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(folder).output().unwrap();
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{program} {args:?}: {told}");
    told
}

/// Reads a blob of an OCI layout.
fn blob(layout: &Path, digest: &Value) -> Vec<u8> {
    std::fs::read(layout.join("blobs").join(digest.as_str().unwrap().replace(':', "/"))).unwrap()
}

/// Reads the manifest of an OCI layout that has one.
fn manifest(layout: &Path) -> Value {
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    serde_json::from_slice(&blob(layout, &index["manifests"][0]["digest"])).unwrap()
}

#[tokio::test]
async fn skopeo_copies_a_detector_and_openssl_checks_its_cosign_signature() {
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    if !Path::new("/usr/bin/skopeo").is_file() {
        return skip_or_fail("skopeo");
    }
    let author = author(&[Version::of("1.0.0")]).unwrap();
    let author = author.path();
    let place = format!("{}/harbor/guest", registry.name());
    let reference = format!("oci://{place}:1.0.0");
    let said = plugin(author, &["push", "1.0.0.wasm", &reference, "--format", "json"], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    let digest = said.json().unwrap()["digest"].as_str().unwrap().to_owned();
    let copy = |tag: &str, to: &str| {
        let from = format!("docker://{place}:{tag}");
        run(author, "skopeo", &["--insecure-policy", "copy", "--src-tls-verify=false", &from, &format!("oci:{to}:it")]);
        author.join(to)
    };
    let copied = copy("1.0.0", "copied");
    let read = manifest(&copied);
    assert_eq!(read["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(read["layers"].as_array().unwrap().len(), 1);
    assert_eq!(read["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(blob(&copied, &read["layers"][0]["digest"]), std::fs::read(author.join("1.0.0.wasm")).unwrap());

    run(author, "openssl", &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem"]);
    run(author, "openssl", &["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"]);
    let said = plugin(author, &["sign", &reference, "--key", "key.pem"], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    let signed = copy(&format!("{}.sig", digest.replace(':', "-")), "signed");
    let layer = &manifest(&signed)["layers"][0];
    let payload = blob(&signed, &layer["digest"]);
    let said: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(said["critical"]["image"]["docker-manifest-digest"], digest.as_str());
    assert_eq!(said["critical"]["identity"]["docker-reference"], place.as_str());
    std::fs::write(author.join("payload"), payload).unwrap();
    let signature = layer["annotations"]["dev.cosignproject.cosign/signature"].as_str().unwrap();
    std::fs::write(author.join("signature.b64"), signature).unwrap();
    run(author, "openssl", &["base64", "-d", "-A", "-in", "signature.b64", "-out", "signature"]);
    let verified =
        run(author, "openssl", &["dgst", "-sha256", "-verify", "key.pub", "-signature", "signature", "payload"]);
    assert!(verified.contains("Verified OK"), "{verified}");

    // A copy without what belongs to it is named so.
    let other = format!("docker://{}/copied/guest:1.0.0", registry.name());
    run(author, "skopeo", &["--insecure-policy", "copy", "--dest-tls-verify=false", "oci:copied:it", &other]);
    let said = plugin(author, &["pull", &other.replace("docker://", "oci://"), "--out", "pulled"], &[]).unwrap();
    assert!(said.code == 4 && said.err.contains("what travels with"), "{}", said.all());
}

#[tokio::test]
async fn oras_pulls_what_is_published_and_what_it_publishes_is_taken() {
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let Some(_) = language_tools().unwrap() else { return skip_or_fail("the venv of peers") };
    let python = watchfire_tests::peers::root().join(".peers/venv/bin/python").display().to_string();
    let author = author(&[Version::of("1.0.0")]).unwrap();
    let author = author.path();
    let name = registry.name();
    let reference = format!("oci://{name}/harbor/guest:1.0.0");
    assert_eq!(plugin(author, &["push", "1.0.0.wasm", &reference], &[]).unwrap().code, 0);
    let config =
        "{\"architecture\":\"wasm\",\"os\":\"wasip2\",\"created\":\"2026-01-01T00:00:00Z\",\"layerDigests\":[]}";
    std::fs::write(author.join("config.json"), config).unwrap();
    let script = format!(
        "import oras.client\nc = oras.client.OrasClient(hostname='{name}', insecure=True)\n\
         print(c.pull(target='{name}/harbor/guest:1.0.0', outdir='out')[0])\n\
         c.push(target='{name}/oras/guest:1.0.0', files=['1.0.0.wasm:application/wasm'], \
         manifest_config='config.json:application/vnd.wasm.config.v0+json')\n"
    );
    let told = run(author, &python, &["-c", &script]);
    let pulled = std::fs::read(told.lines().next().unwrap()).unwrap();
    let own = std::fs::read(author.join("1.0.0.wasm")).unwrap();
    assert!(pulled == own, "oras pulls other bytes");
    let said = plugin(author, &["pull", &format!("oci://{name}/oras/guest:1.0.0"), "--out", "taken"], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(std::fs::read(author.join("taken/guest.wasm")).unwrap() == own);
}

#[tokio::test]
#[ignore = "wkg takes minutes to build: `cargo xtask interop`"]
async fn wkg_pulls_what_is_published_and_what_it_publishes_is_taken() {
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let Some(wkg) = watchfire_tests::peers::wkg() else { return skip_or_fail("wkg") };
    let wkg = wkg.display().to_string();
    let author = author(&[Version::of("1.0.0"), Version::of("1.1.0")]).unwrap();
    let author = author.path();
    let name = registry.name();
    let own = |version: &str| std::fs::read(author.join(format!("{version}.wasm"))).unwrap();
    assert_eq!(
        plugin(author, &["push", "1.0.0.wasm", &format!("oci://{name}/harbor/guest:1.0.0")], &[]).unwrap().code,
        0
    );
    let theirs = format!("{name}/harbor/guest:1.0.0");
    run(author, &wkg, &["oci", "pull", "--insecure", &name, &theirs, "--output", "pulled.wasm"]);
    assert!(std::fs::read(author.join("pulled.wasm")).unwrap() == own("1.0.0"), "wkg pulls other bytes");
    // The other way round: what travels with a detector of ours does not travel with theirs.
    let theirs = format!("{name}/wkg/guest:1.1.0");
    run(author, &wkg, &["oci", "push", "--insecure", &name, &theirs, "1.1.0.wasm"]);
    let said = plugin(author, &["pull", &format!("oci://{theirs}"), "--out", "taken"], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(std::fs::read(author.join("taken/guest.wasm")).unwrap() == own("1.1.0"), "other bytes of wkg are taken");
}
