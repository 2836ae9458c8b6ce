//! What one node, or whoever transacts, can make the watch do: `tests/hostile-chain` says which. A node lies by a proxy before a
//! real one; or it is a second anvil that begins with the same genesis: somebody's own fork of the network, consistent in itself.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::bytecode::{LOGS, NEST};
use watchfire_tests::harbor::who::ATTACKER;
use watchfire_tests::host::{Host, watchfire};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::proxy::{Lie, LyingProxy};
use watchfire_tests::watch::{Deployment, ETHER};

/// Slow machines take their time.
const LONG: Duration = Duration::from_secs(90);

const SAME_GENESIS: [&str; 2] = ["--timestamp", "1700000000"];

const LIES: [Lie; 9] = [
    Lie::WrongParent,
    Lie::OldHead,
    Lie::MissingReceipt,
    Lie::TooMany,
    Lie::AlteredLog,
    Lie::HalfABody,
    Lie::OtherSender,
    Lie::Lacks(&["eth_getBlockReceipts", "debug_traceBlockByHash"]),
    Lie::Silence,
];

/// Fails, and takes all of its gas.
const FAILS: &str = "0xfe";

/// Two nodes that begin with the same block; `None` without anvil.
async fn two_anvils() -> Option<(Anvil, Anvil)> {
    Some((Anvil::start(&SAME_GENESIS).await.unwrap()?, Anvil::start(&SAME_GENESIS).await.unwrap()?))
}

/// What somebody who may only transact puts into the next block.
async fn spam(anvil: &Anvil) {
    for code in [LOGS, NEST, FAILS] {
        anvil.send(ATTACKER, None, 0, code).await.unwrap();
    }
    let words: String =
        "\u{1b}[2J@everyone [pay](http://x.test) <b>'\";DROP".bytes().map(|byte| format!("{byte:02x}")).collect();
    anvil.send(ATTACKER, Some(BOB), 0, &format!("0x{}", words.repeat(200))).await.unwrap();
    // What comes into the treasury would be deducted from what leaves it.
    for _ in 0..10 {
        anvil.send(ATTACKER, Some(BOB), 1, "0x").await.unwrap();
    }
}

/// More is moved out of the treasury than its limit.
async fn attack(anvil: &Anvil) {
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
}

/// Findings of the detector that stand, by what they say.
fn findings(lines: &[Value]) -> Vec<String> {
    let is_retracted = |id: &Value| lines.iter().any(|line| line["type"] == "retraction" && line["finding"] == *id);
    let made = lines.iter().filter(|line| line["type"] == "finding" && line["detector"] == "outflow");
    let standing = made.filter(|line| !is_retracted(&line["id"]));
    let mut told: Vec<String> =
        standing.map(|line| format!("{} {} {}", line["kind"], line["title"], line["amounts"])).collect();
    told.sort();
    told
}

fn blocks(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter(|line| line["type"] == "block").filter_map(|line| line["number"].as_u64()).collect()
}

fn is_told(lines: &[Value], kind: &str) -> bool {
    lines.iter().any(|line| line["type"] == "coverage" && line["coverage"]["kind"] == kind)
}

/// Decisions on the drained treasury.
fn drains(lines: &[Value]) -> impl Iterator<Item = &Value> {
    lines.iter().filter(|line| line["type"] == "decision" && line["signal"] == "drain")
}

/// What decisions on the drained treasury say of pausing.
fn answers(lines: &[Value]) -> Vec<String> {
    let choices = drains(lines).flat_map(|line| line["choices"].as_array().into_iter().flatten());
    let pauses = choices.filter(|choice| choice["intervention"] == "pause");
    pauses.map(|choice| format!("{}: {}", choice["answer"].as_str().unwrap_or_default(), choice["why"])).collect()
}

/// People are told of the drained treasury.
fn is_heard(lines: &[Value]) -> bool {
    let incidents: Vec<&Value> = drains(lines).map(|line| &line["incident"]).collect();
    let told = |line: &&Value| line["type"] == "effect" && (line["effect"] == "notify" || line["effect"] == "page");
    lines.iter().filter(told).any(|line| incidents.contains(&&line["incident"]))
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = watchfire(folder, args).unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

/// The record of a host that was stopped is one that replays, and its tables are what comes of it.
fn expect_sound(folder: &Path) {
    let (code, said) = run(folder, &["replay", "watchfire.db"]);
    assert!(code == Some(0) && said.contains("identical"), "{said}");
    let (code, said) = run(folder, &["journal", "verify", "--tables"]);
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn no_lie_of_one_node_and_no_transaction_costs_an_honest_finding() {
    let Some((network, quiet)) = two_anvils().await else { return skip_or_fail("anvil") };
    let liar = LyingProxy::start(network.url()).await.unwrap();
    let chain = vec!["timeout_ms = 1000".to_owned(), "stall_after_s = 5".to_owned()];
    let of = |endpoints| Deployment { endpoints, chain: chain.clone(), ..Deployment::of(String::new()) };
    let beset = of(vec![liar.url(), network.url()]).make().unwrap();
    let left_alone = of(vec![quiet.url()]).make().unwrap();
    let mut beside = Host::start(left_alone.path(), &[]).unwrap();
    let mut host = Host::start(beset.path(), &[]).unwrap();
    beside.until_block(0).await.unwrap();
    host.until_block(0).await.unwrap();
    let mut height = 0;
    for lie in LIES {
        liar.tell(lie);
        let before = liar.lies();
        // After a lie it rests for some seconds, in which nobody asks it.
        for _ in 0..90 {
            height += 1;
            // Only the network has more than what is honest. What is honest comes first, so that both have it in the same block.
            for anvil in [&network, &quiet] {
                anvil.send(ALICE, Some(BOB), 11 * ETHER, "0x").await.unwrap();
            }
            spam(&network).await;
            network.mine().await.unwrap();
            quiet.mine().await.unwrap();
            let what = format!("block {height}, with a node before it that tells {lie:?}");
            host.until_within(&what, LONG, |lines| blocks(lines).last() == Some(&height)).await.unwrap();
            if liar.lies() > before {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert!(liar.lies() > before, "{lie:?} was never told");
        liar.tell(Lie::None);
    }
    let is_there = |lines: &[Value]| findings(lines).len() as u64 == height;
    beside.until_within("a finding in each block", LONG, is_there).await.unwrap();
    let expected = findings(&beside.lines());
    let what = format!("the findings of a quiet run: {expected:#?}");
    host.until_within(&what, LONG, |lines| findings(lines) == expected).await.unwrap();
    assert!(is_told(&host.lines(), "endpoint-refused"), "that a node lies is told");
    let (lines, code) = host.stop().unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(blocks(&lines), (0..=height).collect::<Vec<_>>(), "each block once, in order, and none taken back");
    beside.stop().unwrap();
    expect_sound(beset.path());
}

/// Nodes of these operators, of which two must agree before automation acts.
fn two_of(nodes: &[(&str, String)]) -> tempfile::TempDir {
    let operators: Vec<String> = nodes.iter().map(|(operator, _)| format!("\"{operator}\"")).collect();
    let deployment = Deployment {
        endpoints: nodes.iter().map(|(_, url)| url.clone()).collect(),
        chain: vec![
            "agree = 2".into(),
            format!("operators = [{}]", operators.join(", ")),
            "stall_after_s = 2".into(),
            "finality = { confirmations = 2 }".into(),
        ],
        ..Deployment::of(String::new())
    };
    let folder = deployment.make().unwrap();
    let plan = folder.path().join("response/plan.toml");
    let text = std::fs::read_to_string(&plan).unwrap();
    let before = "interventions = [\"pause\", \"late\"]";
    assert!(text.contains(before));
    let wants = format!("{before}\ncorroboration = {{ sources = 1, agreed_blocks = true }}");
    std::fs::write(&plan, text.replace(before, &wants)).unwrap();
    folder
}

#[tokio::test]
async fn an_attack_that_one_node_made_up_is_told_to_people_and_moves_no_automation() {
    let Some((network, liar)) = two_anvils().await else { return skip_or_fail("anvil") };
    let folder = two_of(&[("provider", liar.url()), ("own", network.url())]);
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(0).await.unwrap();
    attack(&liar).await;
    host.until_within("people hear of it", LONG, is_heard).await.unwrap();
    network.mine_many(3).await.unwrap();
    liar.mine_many(2).await.unwrap();
    host.until_within("the nodes differ", LONG, |lines| is_told(lines, "nodes-disagree")).await.unwrap();
    let said = answers(&host.lines());
    assert!(said[0].contains("too few nodes of different operators"), "{said:?}");
    assert!(said.iter().all(|answer| !answer.starts_with("permitted")), "{said:?}");
    let is_high = |line: &Value| line["type"] == "agreed" && line["block"]["number"] != 0;
    assert!(!host.lines().iter().any(is_high), "nothing above genesis is agreed on");
    host.stop().unwrap();
    expect_sound(folder.path());
}

#[tokio::test]
async fn a_liar_before_two_honest_nodes_is_outvoted_and_a_real_attack_permits() {
    let Some((network, liar)) = two_anvils().await else { return skip_or_fail("anvil") };
    let other = LyingProxy::start(network.url()).await.unwrap();
    let folder = two_of(&[("provider", liar.url()), ("own", network.url()), ("friend", other.url())]);
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(0).await.unwrap();
    attack(&liar).await;
    host.until_within("what the liar made up", LONG, |lines| !findings(lines).is_empty()).await.unwrap();
    network.mine_many(4).await.unwrap();
    host.until_within("the liar's block leaves", LONG, |lines| findings(lines).is_empty()).await.unwrap();
    host.until_within("the network's blocks", LONG, |lines| blocks(lines).last() == Some(&4)).await.unwrap();
    let said = answers(&host.lines());
    assert!(said.iter().all(|answer| !answer.starts_with("permitted")), "{said:?}");
    attack(&network).await;
    let is_permitted = |lines: &[Value]| answers(lines).iter().any(|answer| answer.starts_with("permitted"));
    host.until_within("a pause is permitted", LONG, is_permitted).await.unwrap();
    assert!(!is_told(&host.lines(), "finality-broken"), "what one alone said was never final");
    host.stop().unwrap();
    expect_sound(folder.path());
}

#[tokio::test]
async fn from_a_wrong_finality_there_is_a_way_back() {
    let Some((network, liar)) = two_anvils().await else { return skip_or_fail("anvil") };
    let settings = vec!["finality = { confirmations = 2 }".into(), "stall_after_s = 2".into()];
    let of = |url: String| Deployment { chain: settings.clone(), ..Deployment::of(url) };
    let folder = of(liar.url()).make().unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_block(0).await.unwrap();
    attack(&liar).await;
    liar.mine_many(5).await.unwrap();
    let is_final = |lines: &[Value]| lines.iter().any(|line| line["type"] == "finality" && line["finalized"] == 4);
    host.until_within("block 4 of the liar is final", LONG, is_final).await.unwrap();
    host.until_within("what the liar made up", LONG, |lines| !findings(lines).is_empty()).await.unwrap();
    host.stop().unwrap();
    // The liar is found out, and replaced.
    network.mine_many(9).await.unwrap();
    of(network.url()).write(folder.path()).unwrap();
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_within("the network breaks it", LONG, |lines| is_told(lines, "finality-broken")).await.unwrap();
    host.stop().unwrap();
    let back = ["journal", "unsettle", "--chain", "31337", "--by", "ana", "--why", "a fork of the provider's own"];
    let (code, said) = run(folder.path(), &[&back[..], &["--above", "6"]].concat());
    assert!(code != Some(0) && said.contains("the newest final block of chain 31337 is 4"), "{said}");
    let (code, said) = run(folder.path(), &[&back[..], &["--above", "0"]].concat());
    assert_eq!(code, Some(0), "{said}");
    let mut host = Host::start(folder.path(), &[]).unwrap();
    host.until_within("the network's blocks", LONG, |lines| blocks(lines).last() == Some(&9)).await.unwrap();
    let lines = host.lines();
    assert!(lines.iter().any(|line| line["type"] == "retraction"), "what the liar made up is taken back");
    host.stop().unwrap();
    expect_sound(folder.path());
}
