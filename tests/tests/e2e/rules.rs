//! Rules over a real node's blocks: each kind of trigger by what it says of them, and the imported rules of another monitor.

use std::path::Path;

use serde_json::{Value, json};
use watchfire_tests::anvil::Anvil;
use watchfire_tests::harbor::{Harbor, bytecode, eth, usd, who};
use watchfire_tests::host::{component, watchfire};
use watchfire_tests::peers::skip_or_fail;

/// What `rule try` gives, by the rules' names: candidates, matched; and the titles of what matched.
async fn tried(folder: &Path, anvil: &Anvil, last: u64, rules: &str) -> (Value, Vec<String>) {
    std::fs::write(folder.join("rules.toml"), rules).unwrap();
    let component = component("rules").unwrap().display().to_string();
    let url = anvil.url();
    let last = last.to_string();
    let folder = folder.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let args = [
            "rule",
            "try",
            "rules.toml",
            "--node",
            &url,
            "--last",
            &last,
            "--component",
            &component,
            "--format",
            "json",
        ];
        watchfire(&folder, &args).unwrap()
    });
    let output = output.await.unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{error}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let result = &line["result"];
    assert_eq!(result["failures"], json!([]), "{error}");
    let found = result["found"].as_array().unwrap();
    let titles =
        found.iter().map(|found| format!("{}: {}", found["kind"].as_str().unwrap(), found["title"].as_str().unwrap()));
    (result["rules"].clone(), titles.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_trigger_sees_what_happened_on_a_real_node() {
    let Some(anvil) = Anvil::start(&[]).await.unwrap() else { return skip_or_fail("anvil") };
    let Some(code) = bytecode().unwrap() else { return skip_or_fail("solc") };
    let harbor = Harbor::deploy(&anvil, &code).await.unwrap();
    let before = anvil.height().await.unwrap();
    harbor.deposit(&anvil, who::USER, eth(10)).await.unwrap();
    harbor.post_price(&anvil, 150_000_000_000).await.unwrap();
    anvil.mine().await.unwrap();
    harbor.borrow(&anvil, who::USER, usd(1_234)).await.unwrap();
    // More than is lent to anybody.
    harbor.borrow(&anvil, who::OTHER, usd(999_999_999)).await.unwrap();
    anvil.send(who::OTHER, Some(who::ATTACKER), 7 * 10_u128.pow(18), "0x").await.unwrap();
    anvil.mine().await.unwrap();
    harbor.take_over(&anvil).await.unwrap();
    anvil.mine().await.unwrap();
    let rules = format!(
        r#"
[addresses]
usd = "{usd}"
eth = "{eth}"
feed = "{feed}"
vault = "{vault}"
user = "{user}"
attacker = "{attacker}"

[[rule]]
name = "lent"
on = "event Transfer(address indexed from, address indexed to, uint256 value)"
contract = "usd"
when = "from == vault && value > 1_000 * 10^6"
title = "{{value / 10^6}} to {{to}}"

[[rule]]
name = "called"
on = "call borrow(uint256 value)"
contract = "vault"
calls = "top"
title = "{{caller}} borrows {{value / 10^6}}"

[[rule]]
name = "refused"
on = "call borrow(uint256 value)"
contract = "vault"
calls = "top"
status = "failed"
title = "{{value / 10^6}} refused"

[[rule]]
name = "inside"
on = "call transferFrom(address from, address to, uint256 value)"
contract = "eth"
calls = "internal"
title = "{{caller}} takes {{value / 10^18}} of {{from}}"

[[rule]]
name = "coin"
on = "native transfer"
when = "to == attacker"
title = "{{value / 10^18}} at depth {{depth}}"

[[rule]]
name = "made"
on = "creation"
when = "creator == attacker"
title = "by {{creator}}"

[[rule]]
name = "upgraded"
on = "storage"
contract = "vault"
slot = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
title = "{{contract}} upgraded"

[[rule]]
name = "price-fell"
on = "view latestRoundData() returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)"
contract = "feed"
when = "answer < 1_600 * 10^8"
title = "{{answer / 10^8}}"

[[rule]]
name = "rich"
on = "balance"
contract = "attacker"
when = "value > 10_005 * 10^18"
title = "{{fixed(value / 10^18, 0)}}"

[[rule]]
name = "twice"
on = "transaction"
when = "to == vault"
window = "1 h"
by = ["to"]
having = "count == 2"
title = "{{count}} to {{to}}"

[[rule]]
name = "first-caller"
on = "transaction"
contract = "vault"
when = "success"
first = "from"
title = "{{from}}"
"#,
        usd = harbor.usd,
        eth = harbor.eth,
        feed = harbor.feed,
        vault = harbor.vault,
        user = who::USER,
        attacker = who::ATTACKER,
    );
    let folder = tempfile::tempdir().unwrap();
    let last = anvil.height().await.unwrap() - before;
    let (explained, titles) = tried(folder.path(), &anvil, last, &rules).await;
    let of = |name: &str| titles.iter().filter(|title| title.starts_with(&format!("{name}: "))).collect::<Vec<_>>();
    assert_eq!(of("lent"), ["lent: 1234 to user"], "{titles:#?}");
    assert_eq!(of("called"), ["called: user borrows 1234"]);
    assert_eq!(of("refused"), ["refused: 999999999 refused"]);
    assert_eq!(of("inside"), ["inside: vault takes 10 of user"]);
    assert_eq!(of("coin"), ["coin: 7 at depth 0"]);
    assert_eq!(of("made"), ["made: by attacker"]);
    assert_eq!(of("upgraded"), ["upgraded: vault upgraded"]);
    assert_eq!(of("price-fell"), ["price-fell: 1500"]);
    assert_eq!(of("rich"), ["rich: 10006"]);
    assert_eq!(of("twice"), ["twice: 2 to vault"]);
    assert_eq!(of("first-caller").len(), 3, "{titles:#?}");
    assert!(of("rule-failed").is_empty(), "{titles:#?}");
    assert_eq!(explained["coin"]["matched"], 1);
}

#[test]
fn a_rule_that_is_wrong_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "[[rule]]\nname = \"x\"\non = \"event A(uint256 amount)\"\nwhen = \"1 < amunt\"\n";
    std::fs::write(folder.path().join("rules.toml"), rules).unwrap();
    std::fs::write(folder.path().join("none.jsonl"), "").unwrap();
    let component = component("rules").unwrap().display().to_string();
    let args = ["rule", "test", "rules.toml", "--recording", "none.jsonl", "--component", &component];
    let output = watchfire(folder.path(), &args).unwrap();
    assert_eq!(output.status.code(), Some(3));
    let error = String::from_utf8_lossy(&output.stderr);
    let expected = "rules.toml:4:13: error: rule.0.when: line 1, column 5: there is no `amunt`; did you mean `amount`?";
    assert!(error.contains(expected), "{error}");
}

/// A monitor of OpenZeppelin Monitor's, imported and run on real blocks: it finds what its condition says.
#[test]
fn imported_monitors_find_what_they_found() {
    let mainnet = watchfire_tests::peers::root().join("../shared/data/mainnet");
    if !mainnet.is_dir() {
        return skip_or_fail("../shared/data");
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, json: Value| {
        let path = folder.path().join("ozm").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, json.to_string()).unwrap();
    };
    write(
        "networks/main.json",
        json!({ "network_type": "EVM", "slug": "main", "chain_id": 1, "rpc_urls": [
            { "type_": "rpc", "url": { "type": "environment", "value": "MAIN_RPC" }, "weight": 100 },
        ] }),
    );
    let input = |name: &str, of: &str, indexed: bool| json!({ "name": name, "type": of, "indexed": indexed });
    let inputs = [input("src", "address", true), input("dst", "address", true), input("wad", "uint256", false)];
    let transfer = json!({ "type": "event", "name": "Transfer", "inputs": inputs });
    write(
        "monitors/weth.json",
        json!({
            "name": "Large WETH", "paused": false, "networks": ["main"], "triggers": [], "trigger_conditions": [],
            "addresses": [{ "address": "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "contract_spec": [transfer] }],
            "match_conditions": {
                "functions": [], "transactions": [{ "status": "Success", "expression": null }],
                "events": [{ "signature": "Transfer(address,address,uint256)", "expression": "wad > 150000000000000000000" }],
            },
        }),
    );
    let args = ["import", "ozm", "ozm", "--out", "watchfire.toml"];
    let output = watchfire(folder.path(), &args).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let recording = mainnet.display().to_string();
    let args = ["rule", "test", "watchfire.toml", "--recording", &recording, "--format", "json"];
    let output = watchfire(folder.path(), &args).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = line["result"]["found"].as_array().unwrap();
    let blocks: Vec<u64> = found.iter().filter_map(|found| found["block"].as_u64()).collect();
    assert_eq!(blocks, [10_760_440, 10_760_440, 14_029_313, 15_274_915, 15_538_827]);
    assert!(found.iter().all(|found| found["kind"] == "large-weth"));
}
