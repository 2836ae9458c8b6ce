//! Two protocols in one host, each under its plan, through a change of the config, a restart and a replay.

use std::path::Path;

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::story::expect_sound;
use watchfire_tests::watch::{Deployment, ETHER, plan};

/// Puts sections in the place of the one plan's.
fn rewrite(deployment: &Deployment, folder: &Path, sections: &str) {
    deployment.write(folder).unwrap();
    let file = folder.join("watchfire.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("[plan]\npath = \"response\"\n"), "{text}");
    std::fs::write(folder.join("new"), text.replace("[plan]\npath = \"response\"\n", sections)).unwrap();
    std::fs::rename(folder.join("new"), file).unwrap();
}

fn incidents(folder: &Path) -> Vec<(u64, String)> {
    let output = watchfire(folder, &["incident", "list", "--format", "json"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let listed: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let protocol = |one: &Value| one["protocol"].as_str().unwrap_or_default().to_owned();
    listed.iter().map(|one| (one["id"].as_u64().unwrap(), protocol(one))).collect()
}

const HARBOR: &str = "[protocol.harbor]\nplan = \"response\"\ndetectors = [\"outflow\"]\n";
const QUAY: &str = "[protocol.quay]\nplan = \"quay\"\n";

#[tokio::test]
async fn two_protocols_are_watched_over_and_kept_apart() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.mine().await.unwrap();
    let deployment = Deployment::of(anvil.url());
    let folder = deployment.make().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("quay")).unwrap();
    std::fs::write(folder.join("quay/plan.toml"), plan().replace("trust = 3", "trust = 2")).unwrap();
    rewrite(&deployment, folder, &[HARBOR, QUAY].concat());
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    let decided = |lines: &[Value], count| lines.iter().filter(|line| line["type"] == "decision").count() == count;
    host.until("a decision of each", |lines| decided(lines, 2)).await.unwrap();
    let both = vec![(1, "harbor".to_owned()), (2, "quay".to_owned())];
    assert_eq!(incidents(folder), both);
    let trust: Vec<u64> =
        host.of("decision").iter().map(|one| one["choices"][0]["trust_cost"].as_u64().unwrap()).collect();
    assert_eq!(trust, [3, 2]);

    // Open by hand: of one protocol only, and not of none.
    let open = ["incident", "open", "--by", "ana", "--signal", "drain", "--title", "a call", "--severity", "high"];
    let refused = watchfire(folder, &open).unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("say of which protocol: `harbor`, `quay`"), "{told}");
    let opened = watchfire(folder, &[&open[..], &["--protocol", "quay"]].concat()).unwrap();
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    assert_eq!(incidents(folder).last(), Some(&(3, "quay".to_owned())));

    // The section goes: what is open stays open, and nothing new comes to it.
    rewrite(&deployment, folder, HARBOR);
    let is_gone = |lines: &[Value]| {
        lines.iter().any(|line| {
            line["type"] == "plan" && line["protocol"]["name"] == "quay" && line["files"] == Value::Array(Vec::new())
        })
    };
    host.until("the end of quay", is_gone).await.unwrap();
    host.kill();
    assert_eq!(incidents(folder).len(), 3);
    let host = Host::start(folder, &[]).unwrap();
    assert_eq!(incidents(folder).len(), 3);
    host.stop().unwrap();
    expect_sound(folder).unwrap();
}

#[test]
fn a_config_says_whose_each_plan_is() {
    let deployment = Deployment::of("http://127.0.0.1:1".into());
    let folder = deployment.make().unwrap();
    let check = |sections: &str, expected: &str| {
        rewrite(&deployment, folder.path(), sections);
        let output = watchfire(folder.path(), &["check"]).unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(expected), "{sections}: {told}");
    };
    check("[protocol.quay]\nplan = \"quay\"\n", "protocol.quay.plan: there is no folder");
    check("[protocol.quay]\nplan = \"response\"\ndetectors = [\"outflw\"]\n", "did you mean `outflow`?");
    check("[plan]\npath = \"response\"\n[protocol.quay]\nplan = \"response\"\n", "nobody could tell whose plan it is");
}
