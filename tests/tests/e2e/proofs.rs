//! A decision that must be proved is taken from whoever signed it: once, for what they saw, and checked by anybody afterwards.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use watchfire::app::live::control::{Answer, Ask, client};
use watchfire::entry::Entry;
use watchfire::event::{Event, Stamped};
use watchfire::journal::{Filter, Journal};
use watchfire::operator::Act;
use watchfire_tests::anvil::{ALICE, Anvil, BOB};
use watchfire_tests::host::{Host, watchfire, watchfire_with};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::story::expect_sound;
use watchfire_tests::watch::{Deployment, ETHER, plan};

/// Well-known keys of development nodes: the first account's, which is [`ALICE`], and the third's.
const ANAS_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const STRANGERS_KEY: &str = "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
/// The second account's, which is [`BOB`]: it owns the contract that signs for Bo.
const BOS_KEY: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const CONTRACT: &str = "0x00000000000000000000000000000000000B0b01";

/// ERC-1271 for one owner: `ecrecover` of the hash and the 65 bytes of the signature against the owner, who stands in the code.
fn code_of_contract(owner: &str) -> String {
    format!(
        "0x6004356000 52 60a43560f81c6020 52 6064356040 52 6084356060 52 6020608060806000 60015afa50 608051 73{} 14 \
         631626ba7e60e01b 02 600052 60206000f3",
        &owner[2..]
    )
    .replace(' ', "")
}

fn proved_plan() -> String {
    let plan = plan().replace("automation = \"presigned\"", "automation = \"propose\"").replacen(
        "\n[person.ana]",
        &format!("\n[protocol]\nproof = {{}}\n\n[person.ana]\nsigner = \"{ALICE}\""),
        1,
    );
    plan.replacen("[person.bo]", &format!("[person.bo]\nsigner = \"{CONTRACT}\"\nsigner_chain = 31337"), 1)
}

fn sign(folder: &Path, key: &str, args: &[&str]) -> Output {
    let args: Vec<&str> = args.iter().copied().chain(["--sign", "env"]).collect();
    watchfire_with(folder, &args, &[("WATCHFIRE_SIGNER_KEY", key)]).unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn last_act(folder: &Path) -> Act {
    let journal = Journal::open_existing_read_only(&folder.join("watchfire.db")).unwrap();
    let mut rows = journal.entries(&Filter { kinds: vec!["input".into()], ..Filter::default() }).unwrap();
    let mut last = None;
    while let Some(row) = rows.next().unwrap() {
        if let Entry::Input(Stamped { event: Event::Act { act }, .. }) = row.entry {
            last = Some(act);
        }
    }
    last.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_taken_from_whoever_signed_it_and_proved_to_anybody() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    anvil.rpc("anvil_setCode", json!([CONTRACT, code_of_contract(BOB)])).await.unwrap();
    anvil.mine().await.unwrap();
    let folder = Deployment::of(anvil.url()).make().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("response/plan.toml"), proved_plan()).unwrap();
    let mut host = Host::start(folder, &[]).unwrap();
    host.until_block(1).await.unwrap();
    anvil.send(ALICE, Some(BOB), 20 * ETHER, "0x").await.unwrap();
    anvil.mine().await.unwrap();
    host.until("an incident", |lines| lines.iter().any(|line| line["type"] == "incident")).await.unwrap();
    host.until_block(2).await.unwrap();

    // Without a signature, by a stranger's key, and of another person: nothing is decided.
    let decide = ["incident", "decide", "1", "pause", "--why", "funds leave", "--by", "ana"];
    let bare = watchfire(folder, &decide).unwrap();
    assert!(!bare.status.success() && said(&bare).contains("the plan wants `decide` proved"), "{}", said(&bare));
    let strange = sign(folder, STRANGERS_KEY, &decide);
    assert!(said(&strange).contains("does not prove `decide`: it is signed by"), "{}", said(&strange));
    let other = sign(folder, ANAS_KEY, &["incident", "decide", "1", "pause", "--why", "funds leave", "--by", "bo"]);
    assert!(said(&other).contains("does not take it at block"), "{}", said(&other));
    // An ack needs none.
    assert!(watchfire(folder, &["incident", "ack", "1", "--by", "ana"]).unwrap().status.success());

    let decided = sign(folder, ANAS_KEY, &decide);
    assert!(decided.status.success(), "{}", said(&decided));
    assert!(said(&decided).contains(&format!("signed by {ALICE}")), "{}", said(&decided));

    // The same again, over the socket as it came: it counts once, whoever hands it in.
    let act = last_act(folder);
    assert!(act.signed.is_some());
    let again = client::ask(&folder.join("watchfire.db"), &Ask::Act { act: act.clone() }).await.unwrap();
    assert!(matches!(&again, Answer::Refused { why } if why[0].contains("counts once")), "{again:?}");
    // What was signed for one thing proves nothing else.
    let mut twisted = act.clone();
    twisted.deed = watchfire::operator::Deed::Decide { intervention: "late".into(), why: "funds leave".into() };
    let refused = client::ask(&folder.join("watchfire.db"), &Ask::Act { act: twisted }).await.unwrap();
    assert!(matches!(&refused, Answer::Refused { why } if why[0].contains("another act")), "{refused:?}");

    // A contract's word is the host's to ask: what came along counts for nothing.
    let mut forged = act;
    forged.by = "bo".into();
    let proof = forged.signed.as_mut().unwrap();
    proof.signature = vec![1; 65].into();
    proof.contract = Some(watchfire::proof::Word {
        chain: 31_337,
        block: 1,
        hash: Default::default(),
        is_valid: true,
        said: "0x1626ba7e".into(),
    });
    let refused = client::ask(&folder.join("watchfire.db"), &Ask::Act { act: forged }).await.unwrap();
    assert!(matches!(&refused, Answer::Refused { why } if why[0].contains("does not take it")), "{refused:?}");
    let vetoed = sign(folder, BOS_KEY, &["incident", "veto", "1", "1", "--why", "a migration", "--by", "bo"]);
    assert!(vetoed.status.success(), "{}", said(&vetoed));

    host.stop().unwrap();
    let verified = watchfire(folder, &["journal", "verify"]).unwrap();
    assert!(
        verified.status.success() && said(&verified).contains("2 acts are proved, 0 are recorded"),
        "{}",
        said(&verified)
    );
    expect_sound(folder).unwrap();

    // The record alone and the plan are enough, on any machine.
    let exported = watchfire(folder, &["incident", "export", "1", "--format", "json", "-o", "record.json"]).unwrap();
    assert!(exported.status.success(), "{}", said(&exported));
    let check = |record: &str| watchfire(folder, &["incident", "verify", record, "--plan", "response"]).unwrap();
    let holds = check("record.json");
    assert!(holds.status.success(), "{}", said(&holds));
    assert!(
        said(&holds).contains(&format!("ana: decide: pause (ruling 1): funds leave, signed by {ALICE}")),
        "{}",
        said(&holds)
    );
    assert!(said(&holds).contains(&format!("signed by contract {CONTRACT} on chain 31337")), "{}", said(&holds));
    let record: Value = serde_json::from_slice(&std::fs::read(folder.join("record.json")).unwrap()).unwrap();
    let entries = record["timeline"].as_array().unwrap();
    let at = entries.iter().position(|entry| entry["told"] == "decided").unwrap();
    for (key, value) in [("signature", json!(format!("0x{}", "11".repeat(65)))), ("expires_s", json!(1))] {
        let mut changed = record.clone();
        changed["timeline"][at]["proof"][key] = value;
        std::fs::write(folder.join("changed.json"), changed.to_string()).unwrap();
        let broken = check("changed.json");
        assert_eq!(broken.status.code(), Some(1), "{}", said(&broken));
        assert!(said(&broken).contains("was changed"), "{}", said(&broken));
    }
    let text = std::fs::read_to_string(folder.join("response/plan.toml")).unwrap();
    std::fs::write(folder.join("response/plan.toml"), text.replace(ALICE, BOB)).unwrap();
    let other_plan = check("record.json");
    assert!(
        !other_plan.status.success() && said(&other_plan).contains("which is none of these"),
        "{}",
        said(&other_plan)
    );
}
