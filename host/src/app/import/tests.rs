//! Configurations made up here, in the shapes of the other monitors.

use serde_json::{Value, json};

use super::*;

const TOKEN: &str = "0xAAbbccddeeff00112233445566778899aabbccdd";

fn spec() -> Value {
    json!([
        { "type": "event", "name": "Moved", "inputs": [
            { "name": "from", "type": "address", "indexed": true },
            { "name": "amount", "type": "uint256", "indexed": false },
        ] },
        { "type": "function", "name": "drain", "inputs": [
            { "name": "order", "type": "tuple", "components": [{ "name": "to", "type": "address" }, { "name": "n", "type": "uint8" }] },
        ] },
    ])
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, json: Value| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, json.to_string()).unwrap();
    };
    write(
        "networks/one.json",
        json!({ "network_type": "EVM", "slug": "one", "chain_id": 1, "rpc_urls": [
        { "type_": "rpc", "url": { "type": "environment", "value": "ONE_RPC" }, "weight": 100 },
        { "type_": "rpc", "url": { "type": "plain", "value": "https://rpc.example" }, "weight": 50 },
    ] }),
    );
    write("networks/star.json", json!({ "network_type": "Stellar", "slug": "star" }));
    write(
        "triggers/all.json",
        json!({
            "to_slack": { "name": "S", "trigger_type": "slack", "config": {
                "slack_url": { "type": "plain", "value": "https://hooks.example/SECRET" }, "message": { "title": "t", "body": "${monitor.name}: ${events.0.args.amount} in ${transaction.hash} {by} ${events.0.args.gone}" } } },
            "to_script": { "trigger_type": "script", "config": { "script_path": "./run.py", "language": "Python" } },
        }),
    );
    write(
        "monitors/a.json",
        json!({
            "name": "Big Moves", "paused": false, "networks": ["one"],
            "addresses": [{ "address": TOKEN, "contract_spec": spec() }],
            "match_conditions": {
                "events": [{ "signature": "Moved(address,uint256)", "expression": "amount > 100 AND from == '0xAAbbccddeeff00112233445566778899aabbccdd'" }],
                "functions": [{ "signature": "drain((address,uint8))", "expression": null }],
                "transactions": [{ "status": "Success", "expression": "value > 5 AND gas_price > 1" }],
            },
            "triggers": ["to_slack", "to_script"],
            "trigger_conditions": [{ "script_path": "./filter.py", "language": "Python", "timeout_ms": 1000 }],
        }),
    );
    write(
        "monitors/b.json",
        json!({
            "name": "Failures", "networks": ["one", "star"], "addresses": [],
            "match_conditions": { "events": [], "functions": [], "transactions": [{ "status": "Failure", "expression": "value >= 10" }] },
            "triggers": [], "trigger_conditions": [],
        }),
    );
    folder
}

#[test]
fn monitors_become_rules_and_what_is_lost_is_said() {
    let imported = read(Kind::Ozm, folder().path()).unwrap();
    let text = to_toml(&imported, None).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    assert_eq!(table["detector"]["big-moves"]["use"].as_str(), Some("rules"));
    let rules = &table["detector"]["big-moves"]["config"]["rule"];
    assert_eq!(rules[0]["on"].as_str(), Some("event Moved(address indexed from, uint256 amount)"));
    let when = "amount > 100 && from == 0xaabbccddeeff00112233445566778899aabbccdd";
    assert_eq!(rules[0]["when"].as_str(), Some(when));
    assert_eq!(
        rules[0]["description"].as_str(),
        Some("Big Moves: {amount} in {tx.hash} {{by}} ${{events.0.args.gone}}")
    );
    assert_eq!(rules[1]["on"].as_str(), Some("call drain((address to, uint8 n) order)"));
    assert_eq!(rules[1]["status"].as_str(), Some("success"));
    let failed = &table["detector"]["failures"]["config"]["rule"][0];
    assert_eq!((failed["status"].as_str(), failed["when"].as_str()), (Some("failed"), Some("value >= 10")));
    assert_eq!(table["chain"]["one"]["endpoints"][0]["env"].as_str(), Some("ONE_RPC"));
    assert_eq!(table["channel"]["to-slack"]["kind"].as_str(), Some("slack"));
    assert!(!text.contains("SECRET"), "no secret is copied");
    for said in ["events.0.args.gone", "gas_price", "filter.py", "run.py", "`star`", "TO_SLACK_URL"] {
        assert!(imported.by_hand.iter().any(|what| what.contains(said)), "{said}: {:?}", imported.by_hand);
    }
}

#[test]
fn sentinels_of_both_shapes_become_rules() {
    let folder = tempfile::tempdir().unwrap();
    let flat = json!({
        "type": "BLOCK", "name": "Flat", "network": "matic", "addresses": [TOKEN], "abi": spec().to_string(),
        "eventConditions": [{ "eventSignature": "Moved(address,uint256)", "expression": "amount>=7" }],
        "alertThreshold": { "amount": 3, "windowSeconds": 600 },
    });
    let nested = json!({
        "type": "BLOCK", "name": "Nested", "network": "mainnet", "paused": false,
        "addressRules": [{ "addresses": [TOKEN], "abi": spec(), "conditions": [{
            "functionConditions": [{ "functionSignature": "drain((address,uint8))" }], "txConditions": [{ "status": "failed" }] }] }],
        "notifyConfig": { "notifications": [{ "name": "Ops", "type": "slack" }] }, "actionTrigger": { "id": "x" },
    });
    std::fs::write(folder.path().join("all.json"), json!({ "items": [flat, nested] }).to_string()).unwrap();
    let imported = read(Kind::Defender, &folder.path().join("all.json")).unwrap();
    let table: toml::Table = toml::from_str(&to_toml(&imported, Some("rules.wasm")).unwrap()).unwrap();
    assert_eq!(table["detector"]["flat"]["component"].as_str(), Some("rules.wasm"));
    let flat = &table["detector"]["flat"]["config"]["rule"][0];
    assert_eq!((flat["when"].as_str(), flat["window"].as_str()), (Some("amount >= 7"), Some("600 s")));
    assert_eq!(flat["having"].as_str(), Some("count >= 3"));
    let nested = &table["detector"]["nested"]["config"]["rule"][0];
    assert_eq!(nested["status"].as_str(), Some("failed"));
    assert_eq!(table["chain"]["matic"]["id"].as_integer(), Some(137));
    assert_eq!(table["channel"]["ops"]["kind"].as_str(), Some("slack"));
    assert!(imported.by_hand.iter().any(|what| what.contains("actionTrigger")));
}
