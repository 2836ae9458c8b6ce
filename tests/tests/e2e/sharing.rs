//! Detectors by registries: published, vouched for, taken, pinned, run without a registry, kept current.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::registry::{How, Registry};
use watchfire_tests::shared::{Version, author, operator, plugin};

/// Titles of the guest's findings.
fn titles(lines: &[Value]) -> Vec<String> {
    let own = lines.iter().filter(|line| line["type"] == "finding" && line["detector"] == "guest");
    own.map(|line| line["title"].as_str().unwrap().to_owned()).collect()
}

/// Trusts ALICE for one part of a registry.
fn trust(registry: &str) -> String {
    format!(
        "[trust.signer.harbor]\naddress = \"{ALICE}\"\n\n[[trust.namespace]]\nprefix = \"{registry}/harbor\"\nsigners = \
         [\"harbor\"]\n"
    )
}

/// Publishes a version and has an account vouch for it. Returns its reference.
fn publish(folder: &Path, registry: &str, version: &str, account: &str, wallet: &str) -> String {
    let reference = format!("oci://{registry}/harbor/guest:{version}");
    let said = plugin(folder, &["push", &format!("{version}.wasm"), &reference], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    let said = plugin(folder, &["sign", &reference, "--account", account, "--wallet", wallet], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    reference
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test]
async fn an_author_publishes_and_an_operator_takes_pins_runs_updates_and_goes_back() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let (name, url) = (registry.name(), anvil.url());
    let more = Version { trick: "escapes", asks_for_chain: true, ..Version::of("1.1.0") };
    let author = author(&[Version::of("1.0.0"), more]).unwrap();
    let operator = operator(&url, &trust(&name)).unwrap();
    let (author, operator) = (author.path(), operator.path());
    let first = publish(author, &name, "1.0.0", ALICE, &url);

    // What it is, is shown; without a yes nothing is written.
    let said = plugin(operator, &["add", &first], &[]).unwrap();
    assert_eq!(said.code, 1, "{}", said.all());
    for shown in ["guest 1.0.0", "signed by harbor", "odd-thing", "state      keeps data", "does not say why"] {
        assert!(said.out.contains(shown), "{shown}: {}", said.all());
    }
    assert!(said.err.contains("add `--yes`") && !operator.join("watchfire.lock").exists());
    let said = plugin(operator, &["add", &first, "--yes"], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    let lock: toml::Table = toml::from_str(&read(operator, "watchfire.lock")).unwrap();
    let pinned = &lock["detector"]["guest"];
    assert_eq!(pinned["signed_by"]["harbor"].as_str(), Some(ALICE));
    assert_eq!(pinned["capabilities"].as_array().unwrap().len(), 1);

    // It runs while a chain runs.
    let mut host = Host::start(operator, &[]).unwrap();
    anvil.mine_many(3).await.unwrap();
    host.until("findings", |lines| titles(lines).len() == 4).await.unwrap();

    // A version that asks for more waits for a grant; what it finds otherwise is shown.
    let second = publish(author, &name, "1.1.0", ALICE, &url);
    let said = plugin(operator, &["outdated"], &[]).unwrap();
    assert!(said.code == 1 && said.out.contains("→ 1.1.0"), "{}", said.all());
    let said = plugin(operator, &["update", "guest", "--yes"], &[]).unwrap();
    assert_eq!(said.code, 1, "{}", said.all());
    for shown in ["asks for more            chain", "0 findings as before, 4 new and 4 no more", "--grant chain"] {
        assert!(said.all().contains(shown), "{shown}: {}", said.all());
    }
    assert!(!read(operator, "watchfire.toml").contains(&second));
    let said = plugin(operator, &["update", "guest", "--yes", "--grant", "chain"], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(read(operator, "watchfire.toml").contains(&second));
    let started = std::time::Instant::now();
    while !host.log().contains("is now") || !host.log().contains("4 new and 4 no more") {
        assert!(started.elapsed().as_secs() < 90, "{}", host.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anvil.mine().await.unwrap();
    host.until("the new title", |lines| titles(lines).last().is_some_and(|title| title.ends_with("gone")))
        .await
        .unwrap();

    // Without a registry: back to what was before, and a restart that asks nobody.
    drop(registry);
    let said = plugin(operator, &["update", "guest", "--back", "--yes"], &[]).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(read(operator, "watchfire.toml").contains(&first));
    host.stop().unwrap();
    let mut host = Host::start(operator, &[]).unwrap();
    anvil.mine().await.unwrap();
    host.until("the first title", |lines| titles(lines).last().is_some_and(|title| title == "guest")).await.unwrap();
    host.stop().unwrap();

    // Nothing runs but what is locked: other bytes in the store, another tag in the config, no lock at all.
    let lock: toml::Table = toml::from_str(&read(operator, "watchfire.lock")).unwrap();
    let digest = lock["detector"]["guest"]["component"].as_str().unwrap().replace("sha256:", "");
    let stored = operator.join("watchfire.store/sha256").join(digest);
    let good = std::fs::read(&stored).unwrap();
    std::fs::write(&stored, [&good[..], b"\0"].concat()).unwrap();
    let check = |why: &str| {
        let said = watchfire(operator, &["check"]).unwrap();
        let told = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
        assert!(!said.status.success() && told.contains(why), "{why}: {told}");
    };
    check("holds other bytes");
    std::fs::write(&stored, good).unwrap();
    let config = read(operator, "watchfire.toml");
    std::fs::write(operator.join("watchfire.toml"), config.replace("guest:1.0.0", "guest:1.1.0")).unwrap();
    check("is not in `watchfire.lock`");
    std::fs::write(
        operator.join("watchfire.toml"),
        config.replace("[trust.signer.harbor]", "[trust.signer.harbor]\nrevoked = true"),
    )
    .unwrap();
    check("signed by nobody");
    std::fs::write(operator.join("watchfire.toml"), config).unwrap();
    std::fs::remove_file(operator.join("watchfire.lock")).unwrap();
    check("is not in `watchfire.lock`");
}

#[tokio::test]
async fn only_who_is_trusted_for_a_place_counts_there() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let (name, url) = (registry.name(), anvil.url());
    let author = author(&[Version::of("1.0.0")]).unwrap();
    let author = author.path();
    let reference = format!("oci://{name}/harbor/guest:1.0.0");
    let verify = |trust: &str| {
        let operator = operator(&url, trust).unwrap();
        plugin(operator.path(), &["verify", &reference], &[]).unwrap()
    };
    let refused = |trust: &str, why: &str| {
        let said = verify(trust);
        assert!(said.code == 1 && said.out.contains(why), "{why}: {}", said.all());
    };
    assert_eq!(plugin(author, &["push", "1.0.0.wasm", &reference], &[]).unwrap().code, 0);
    refused("", "`[trust]` names nobody for");
    refused(&trust(&name), "signed by nobody");
    // By somebody else.
    assert_eq!(plugin(author, &["sign", &reference, "--account", BOB, "--wallet", &url], &[]).unwrap().code, 0);
    refused(&trust(&name), &format!("signed by {BOB}, who is nobody in `[trust]`"));
    // A signature for other bytes, or of somebody else, is not attached in ALICE's name.
    let forged = format!("0x{}", "11".repeat(65));
    let said = plugin(author, &["sign", &reference, "--account", ALICE, "--signature", &forged], &[]).unwrap();
    assert!(said.code == 4 && said.err.contains("no signature of"), "{}", said.all());
    // Attached all the same, as a contract's, it counts for nothing.
    let args = ["sign", &reference, "--account", ALICE, "--signature", &forged, "--contract"];
    assert_eq!(plugin(author, &args, &[]).unwrap().code, 0);
    refused(&trust(&name), &format!("what is said to be signed by `harbor` ({ALICE}) is not"));
    let node = trust(&name).replace("\n\n[[", &format!("\nnode = \"{url}\"\n\n[["));
    refused(&node, "there is no contract at");
    // Two of three.
    let both = format!(
        "{}\nthreshold = 2\n\n[trust.signer.bo]\naddress = \"{BOB}\"\n",
        trust(&name).replace("[\"harbor\"]", "[\"harbor\", \"bo\"]")
    );
    refused(&both, "it is signed by `bo`, and `[trust]` wants 2 of `harbor`, `bo`");
    assert_eq!(plugin(author, &["sign", &reference, "--account", ALICE, "--wallet", &url], &[]).unwrap().code, 0);
    assert_eq!(verify(&both).code, 0, "{}", verify(&both).all());
    let over = trust(&name).replace("\n\n[[", "\nuntil = \"2026-01-01\"\n\n[[");
    refused(&over, "whose time was over on 2026-01-01");
    // A cosign key pair, made by openssl.
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(author).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem"]);
    openssl(&["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"]);
    let key = author.join("key.pub");
    let by_key = format!(
        "[trust.signer.ci]\nkey = \"{}\"\n\n[[trust.namespace]]\nprefix = \"{name}\"\nsigners = [\"ci\"]\n",
        key.display()
    );
    refused(&by_key, "signed by nobody");
    assert_eq!(plugin(author, &["sign", &reference, "--key", "key.pem"], &[]).unwrap().code, 0);
    assert_eq!(verify(&by_key).code, 0, "{}", verify(&by_key).all());
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "other.pem"]);
    openssl(&["pkey", "-in", "other.pem", "-pubout", "-out", "key.pub"]);
    refused(&by_key, "a cosign key that is nobody's");
}

#[tokio::test]
async fn a_registry_is_spoken_to_by_tls_and_with_dockers_credentials() {
    let how = How { tls: true, password: true };
    let Some(registry) = Registry::start(how).await.unwrap() else { return skip_or_fail("docker-registry") };
    let author = author(&[Version::of("1.0.0")]).unwrap();
    let author = author.path();
    let reference = format!("oci://{}/harbor/guest:1.0.0", registry.name());
    let ca = registry.ca_file().display().to_string();
    let docker = author.join("docker");
    std::fs::create_dir(&docker).unwrap();
    let docker_config = docker.display().to_string();
    let environment = [("SSL_CERT_FILE", ca.as_str()), ("DOCKER_CONFIG", docker_config.as_str())];
    let push = || plugin(author, &["push", "1.0.0.wasm", &reference], &environment).unwrap();
    let said = push();
    assert!(said.code == 4 && said.err.contains("without credentials"), "{}", said.all());
    let entry = |auth: &str| format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}", registry.name());
    // `ana:wrong`
    std::fs::write(docker.join("config.json"), entry("YW5hOndyb25n")).unwrap();
    let said = push();
    assert!(said.code == 4 && said.err.contains("with the credentials"), "{}", said.all());
    assert!(!said.all().contains("wrong"), "a password is shown: {}", said.all());
    // `ana:s3:cret`
    std::fs::write(docker.join("config.json"), entry("YW5hOnMzOmNyZXQ=")).unwrap();
    let said = push();
    assert_eq!(said.code, 0, "{}", said.all());
    // The same by a helper.
    let helper = docker.join("docker-credential-test");
    std::fs::write(&helper, "#!/bin/sh\nread host\necho '{\"Username\":\"ana\",\"Secret\":\"s3:cret\"}'\n").unwrap();
    assert!(Command::new("chmod").arg("755").arg(&helper).status().unwrap().success());
    std::fs::write(docker.join("config.json"), "{\"credsStore\":\"test\"}").unwrap();
    let path = format!("{}:{}", docker.display(), std::env::var("PATH").unwrap());
    let environment = [environment[0], environment[1], ("PATH", path.as_str())];
    let said = plugin(author, &["pull", &reference, "--out", "pulled"], &environment).unwrap();
    assert_eq!(said.code, 0, "{}", said.all());
    assert_eq!(
        std::fs::read(author.join("pulled/guest.wasm")).unwrap(),
        std::fs::read(author.join("1.0.0.wasm")).unwrap()
    );
    // A certificate that nobody vouches for is no registry.
    let said = plugin(author, &["pull", &reference, "--out", "other"], &environment[1..]).unwrap();
    assert_eq!(said.code, 4, "{}", said.all());
}

/// A contract that stands by what BOB signed: `isValidSignature` by `ecrecover`.
fn of_bob() -> String {
    let owner = BOB.trim_start_matches("0x");
    [
        "60206004600037",
        "60a43560f81c602052",
        "60406064604037",
        "60206080608060006001 5afa50",
        "60805173",
        owner,
        "14",
        "631626ba7e60e01b02",
        "60005260206000f3",
    ]
    .concat()
    .replace(' ', "")
}

#[tokio::test]
async fn a_contract_vouches_for_what_its_owner_signed() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let (name, url) = (registry.name(), anvil.url());
    let safe = "0x5AfE000000000000000000000000000000005aFe".to_lowercase();
    anvil.rpc("anvil_setCode", json!([safe, format!("0x{}", of_bob())])).await.unwrap();
    let author = author(&[Version::of("1.0.0"), Version::of("1.1.0")]).unwrap();
    let author = author.path();
    let trust = format!(
        "[trust.signer.safe]\naddress = \"{safe}\"\nnode = \"{url}\"\n\n[[trust.namespace]]\nprefix = \"{name}\"\nsigners = \
         [\"safe\"]\n"
    );
    let operator = operator(&url, &trust).unwrap();
    let mut signatures = Vec::new();
    for version in ["1.0.0", "1.1.0"] {
        let reference = format!("oci://{name}/harbor/guest:{version}");
        let said = plugin(author, &["push", &format!("{version}.wasm"), &reference], &[]).unwrap();
        assert_eq!(said.code, 0, "{}", said.all());
        // What a wallet is given stands alone.
        let said = plugin(author, &["sign", &reference, "--account", &safe], &[]).unwrap();
        assert_eq!(said.code, 0, "{}", said.all());
        let signature = anvil.rpc("eth_signTypedData_v4", json!([BOB, said.json().unwrap()])).await.unwrap();
        signatures.push((reference, signature.as_str().unwrap().to_owned()));
    }
    let (reference, signature) = &signatures[0];
    let said = plugin(author, &["sign", reference, "--account", &safe, "--signature", signature], &[]).unwrap();
    assert!(said.code == 4 && said.err.contains("--contract"), "{}", said.all());
    let attach = |reference: &str, signature: &str| {
        let args = ["sign", reference, "--account", &safe, "--signature", signature, "--contract"];
        let said = plugin(author, &args, &[]).unwrap();
        assert_eq!(said.code, 0, "{}", said.all());
    };
    attach(reference, signature);
    let said = plugin(operator.path(), &["verify", reference], &[]).unwrap();
    assert!(said.code == 0 && said.out.contains("signed by `safe`"), "{}", said.all());
    // The same signature on another version is refused by the contract.
    attach(&signatures[1].0, signature);
    let said = plugin(operator.path(), &["verify", &signatures[1].0], &[]).unwrap();
    assert!(said.code == 1 && said.out.contains("does not stand by its signature"), "{}", said.all());
}
