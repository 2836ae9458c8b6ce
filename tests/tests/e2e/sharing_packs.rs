//! What goes along with a detector: a response pack, what it listens to, where its source is; and an index of many.

use std::path::Path;
use std::process::Command;

use watchfire_tests::anvil::{ALICE, Anvil};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::{language_tools, skip_or_fail};
use watchfire_tests::registry::{How, Registry};
use watchfire_tests::shared::{Version, author, operator, plugin};
use watchfire_tests::watch::plan;

fn good(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> String {
    let said = plugin(folder, args, environment).unwrap();
    assert_eq!(said.code, 0, "{args:?}: {}", said.all());
    said.all()
}

#[tokio::test]
async fn an_index_finds_detectors_and_its_advisories_reach_a_running_host() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    // Who lists detectors need not be who publishes them.
    let Some(council) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let (name, url) = (registry.name(), anvil.url());
    let author = author(&[Version::of("1.0.0"), Version::of("1.1.0")]).unwrap();
    let author = author.path();
    for version in ["1.0.0", "1.1.0"] {
        good(author, &["push", &format!("{version}.wasm"), &format!("oci://{name}/harbor/guest:{version}")], &[]);
    }
    let index = format!("oci://{}/council/index:latest", council.name());
    std::fs::create_dir(author.join("index")).unwrap();
    let listed = format!(
        "format = 1\nversion = \"1\"\n[[detector]]\nreference = \"oci://{name}/harbor/guest\"\nname = \"guest\"\nsummary = \
         \"Finds one thing\"\nversion = \"1.1.0\"\nwatches = {{ classes = [\"odd\"] }}\n"
    );
    let push = |text: &str, sign: bool| {
        std::fs::write(author.join("index/index.toml"), text).unwrap();
        good(author, &["push", "index", &index], &[]);
        if sign {
            good(author, &["sign", &index, "--account", ALICE, "--wallet", &url], &[]);
        }
    };
    push(&listed, false);
    let trust = format!(
        "[trust]\nindex = [\"{index}\"]\nunsigned = [\"{name}/harbor/guest\"]\n[trust.signer.council]\naddress = \
         \"{ALICE}\"\n[[trust.namespace]]\nprefix = \"{}/council\"\nsigners = [\"council\"]\n",
        council.name()
    );
    let operator = operator(&url, &trust).unwrap();
    let operator = operator.path();
    // An index that nobody vouches for is none.
    let said = plugin(operator, &["search", "odd"], &[]).unwrap();
    assert!(said.code == 1 && said.err.contains("signed by nobody"), "{}", said.all());
    push(&listed, true);
    let told = good(operator, &["search", "ODD", "guest"], &[]);
    assert!(told.contains(&format!("oci://{name}/harbor/guest:1.1.0")), "{told}");
    assert_eq!(plugin(operator, &["search", "oracle"], &[]).unwrap().code, 1);
    let first = format!("oci://{name}/harbor/guest:1.0.0");
    let told = good(operator, &["add", &first, "--yes"], &[]);
    assert!(told.contains(&format!("listed by {index}, which stands for 1.1.0")), "{told}");
    let told = good(operator, &["audit"], &[]);
    assert!(told.contains("nothing is known against 1 detectors"), "{told}");

    let mut host = Host::start(operator, &[]).unwrap();
    anvil.mine().await.unwrap();
    host.until("a finding", |lines| lines.iter().any(|line| line["detector"] == "guest")).await.unwrap();
    let advisory = format!(
        "{listed}[[advisory]]\nid = \"HARBOR-1\"\ndetector = \"{name}/harbor/guest\"\nversions = \"<1.1.0\"\nkind = \
         \"vulnerable\"\nsummary = \"blind on Sundays\"\ninstead = \"1.1.0\"\n"
    );
    push(&advisory, true);
    let said = plugin(operator, &["audit"], &[]).unwrap();
    assert!(said.code == 1 && said.out.contains("HARBOR-1 vulnerable: blind on Sundays; take 1.1.0"), "{}", said.all());
    let is_raised = |line: &serde_json::Value| line["type"] == "finding" && line["kind"] == "detector-advisory";
    host.until("the advisory", |lines| lines.iter().any(is_raised)).await.unwrap();
    // What is known to be vulnerable is taken by nobody who does not say so.
    let said = plugin(operator, &["add", &first, "--as", "again", "--yes"], &[]).unwrap();
    assert!(said.code == 1 && said.err.contains("take it all the same by `--despite HARBOR-1`"), "{}", said.all());
    good(operator, &["add", &first, "--as", "again", "--yes", "--despite", "HARBOR-1"], &[]);
    // Without the registries, it is as it was kept.
    drop((registry, council));
    let said = plugin(operator, &["audit"], &[]).unwrap();
    assert!(said.code == 1 && said.err.contains("as it was kept"), "{}", said.all());
    assert_eq!(plugin(operator, &["audit", "--offline"], &[]).unwrap().code, 1);
    host.stop().unwrap();
}

#[tokio::test]
async fn a_new_version_runs_as_a_shadow_before_it_takes_over() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let name = registry.name();
    let versions = [
        Version::of("1.0.0"),
        Version { trick: "escapes", ..Version::of("1.1.0") },
        Version { trick: "trap", ..Version::of("1.2.0") },
    ];
    let author = author(&versions).unwrap();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        let reference = format!("oci://{name}/harbor/guest:{version}");
        good(author.path(), &["push", &format!("{version}.wasm"), &reference], &[]);
    }
    let operator = operator(&anvil.url(), &format!("[trust]\nunsigned = [\"{name}\"]\n")).unwrap();
    let operator = operator.path();
    good(operator, &["add", &format!("oci://{name}/harbor/guest:1.0.0"), "--yes"], &[]);
    let mut host = Host::start(operator, &[]).unwrap();
    anvil.mine().await.unwrap();
    host.until("a finding", |lines| lines.iter().any(|line| line["detector"] == "guest")).await.unwrap();
    let config = || std::fs::read_to_string(operator.join("watchfire.toml")).unwrap();
    // One that fails meanwhile is taken out.
    good(operator, &["update", "guest", "--to", "1.2.0", "--shadow", "8s", "--yes"], &[]);
    assert!(config().contains("shadow_of = \"guest\""), "{}", config());
    while config().contains("guest-next") {
        anvil.mine().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    assert!(config().contains("guest:1.0.0") && host.log().contains("so that guest stays"), "{}", host.log());
    // One that does not takes over.
    good(operator, &["update", "guest", "--to", "1.1.0", "--shadow", "8s", "--yes"], &[]);
    while config().contains("guest-next") {
        anvil.mine().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    assert!(config().contains("guest:1.1.0"), "{}", config());
    host.until("the shadow's findings", |lines| {
        lines.iter().any(|line| line["type"] == "shadow" && line["detector"] == "guest-next")
    })
    .await
    .unwrap();
    assert!(!config().contains("guest-next") && host.log().contains("it takes the place of guest"), "{}", host.log());
    let lock = std::fs::read_to_string(operator.join("watchfire.lock")).unwrap();
    assert!(lock.contains("[detector.guest.before]") && !lock.contains("guest-next"), "{lock}");
    host.stop().unwrap();
}

#[tokio::test]
async fn a_pack_goes_into_the_plan_and_what_is_listened_to_is_checked() {
    let Some(registry) = Registry::start(How::default()).await.unwrap() else { return skip_or_fail("docker-registry") };
    let Some(tools) = language_tools().unwrap() else { return skip_or_fail("compilers") };
    let name = registry.name();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = tools.path.to_string_lossy().into_owned();
    let environment = [("PATH", path.as_str())];
    good(folder, &["new", "my-rule", "--lang", "c"], &environment);
    let project = folder.join("my-rule");
    std::fs::create_dir(project.join("response")).unwrap();
    let signal = "[signal.rule]\nsummary = \"What the rule finds\"\nmatch = [{ detector = \"my-rule\" }]\ngroup_by = [\"chain\", \
                  \"subject\"]\nwindow_s = 3600\ninterventions = [\"pause\"]\n";
    std::fs::write(project.join("response/signals.toml"), signal).unwrap();
    std::fs::write(
        project.join("publish.toml"),
        "licence = \"MIT\"\n[limits]\nbatch_deadline_ms = 2000\n[watches]\nclasses = [\"transfer\"]\n[[listens]]\nkind = \"price-bent\"\ndetector = \"oracle\"\n",
    )
    .unwrap();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=ana", "-c", "user.email=ana@example.org"];
        let output = Command::new("git").args(identity).args(args).current_dir(&project).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "--quiet"]);
    std::fs::write(project.join(".gitignore"), "build/\n").unwrap();
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "A rule"]);
    git(&["remote", "add", "origin", &format!("file://{}", project.display())]);
    let reference = format!("oci://{name}/harbor/my-rule:0.1.0");
    let provenance = folder.join("provenance.json").display().to_string();
    good(folder, &["build", "my-rule", "--provenance", &provenance], &environment);
    good(folder, &["push", "my-rule", &reference, "--provenance", &provenance], &environment);
    let told = good(folder, &["reproduce", &reference, "--yes"], &environment);
    assert!(told.contains("the same bytes: sha256:"), "{told}");
    good(folder, &["pull", &reference, "--out", "pulled"], &[]);
    let statement = std::fs::read(folder.join("pulled/provenance.json")).unwrap();
    let statement: serde_json::Value = serde_json::from_slice(&statement).unwrap();
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    assert!(folder.join("pulled/tests").is_dir() && folder.join("pulled/README.md").is_file());

    let operator =
        operator("http://127.0.0.1:1", &format!("[trust]\nunsigned = [\"{name}\"]\n[plan]\npath = \"response\"\n"))
            .unwrap();
    let operator = operator.path();
    std::fs::create_dir(operator.join("response")).unwrap();
    std::fs::write(operator.join("response/plan.toml"), plan()).unwrap();
    let cases = std::fs::read_dir(folder.join("pulled/tests")).unwrap().map(|entry| entry.unwrap().path());
    let case = cases.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "toml")).unwrap();
    let case: toml::Table = toml::from_str(&std::fs::read_to_string(case).unwrap()).unwrap();
    std::fs::write(operator.join("my-rule.toml"), toml::to_string(&case["config"]).unwrap()).unwrap();
    let told = good(operator, &["add", &reference, "--yes", "--detector-config", "my-rule.toml"], &[]);
    assert!(
        told.contains("watchfire plugin adopt my-rule") && told.contains("listens to price-bent of oracle"),
        "{told}"
    );
    assert!(told.contains("batch_deadline_ms 2,000 ms (by default 1,000 ms), by its publisher's word"), "{told}");
    let config = std::fs::read_to_string(operator.join("watchfire.toml")).unwrap();
    assert!(config.contains("limits = { batch_deadline_ms = 2000 }"), "{config}");
    let said = plugin(operator, &["adopt", "my-rule"], &[]).unwrap();
    assert!(said.code == 1 && said.out.contains("response/my-rule-signals.toml"), "{}", said.all());
    assert!(!operator.join("response/my-rule-signals.toml").exists());
    good(operator, &["adopt", "my-rule", "--yes"], &[]);
    assert_eq!(std::fs::read_to_string(operator.join("response/my-rule-signals.toml")).unwrap(), signal);
    let said = watchfire(operator, &["check"]).unwrap();
    let told = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
    assert!(told.contains("no detector `oracle` here makes them"), "{told}");

    // On a new machine the pack comes back with the rest.
    std::fs::remove_dir_all(operator.join("watchfire.store")).unwrap();
    std::fs::remove_file(operator.join("response/my-rule-signals.toml")).unwrap();
    let said = plugin(operator, &["adopt", "my-rule", "--yes"], &[]).unwrap();
    assert!(said.code != 0 && said.err.contains("watchfire plugin fetch"), "{}", said.all());
    good(operator, &["fetch"], &[]);
    good(operator, &["adopt", "my-rule", "--yes"], &[]);
    assert_eq!(std::fs::read_to_string(operator.join("response/my-rule-signals.toml")).unwrap(), signal);
}
