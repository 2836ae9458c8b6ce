//! Each drill of the library: the starter holds, what was in place then does not, and both go as they went before.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use watchfire_response::diagnostic::Diagnostic;
use watchfire_response::drill::library::{LIBRARY, starter, then};
use watchfire_response::drill::{Report, golden, pretty, read, run};

fn compare(name: &str, which: &str, report: &Report) {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../drills/golden")).join(format!("{name}.{which}.log"));
    let log = golden(report);
    if std::env::var_os("WATCHFIRE_UPDATE").is_some() {
        fs::write(&file, &log).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == log, "{name}, {which}: the log differs from {}:\n{log}", file.display());
}

/// Where those concerned, or whom they had look into it, publish: no news, no copies.
const CONCERNED: [&str; 12] = [
    "governance.aave.com/",
    "medium.com/balancer-protocol/",
    "forum.balancer.fi/",
    "bean.money/",
    "docsend.com/view/",
    "www.comp.xyz/",
    "compound.substack.com/",
    "www.euler.finance/",
    "medium.com/@omniscia.io/",
    "medium.com/nomad-xyz-blog/",
    "medium.com/@RadiantCapital/",
    "medium.com/venusprotocol/",
];

#[test]
fn each_starter_holds_and_what_was_in_place_then_does_not() {
    for (name, text) in LIBRARY {
        let scenario = read(name, text).unwrap_or_else(|found| panic!("{name}: {found:#?}"));
        assert!(!scenario.drill.sources.is_empty() && !scenario.expect.is_empty(), "{name}");
        for source in &scenario.drill.sources {
            let host = source.trim_start_matches("https://").split_inclusive('/').take(2).collect::<String>();
            let is_theirs = CONCERNED.iter().any(|own| host.starts_with(own));
            assert!(source.starts_with("https://") && is_theirs, "{name}: {source} is not of those concerned");
        }
        let loaded = |plan: Option<Result<_, Vec<Diagnostic>>>| match plan {
            Some(Ok(plan)) => plan,
            Some(Err(found)) => {
                panic!("{name}: {}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            }
            None => panic!("{name} names no starter, or nothing that was different then"),
        };
        let holds = run(&loaded(starter(&scenario)), &scenario);
        assert!(holds.held, "{name}: {}", pretty(&holds, true));
        let fails = run(&loaded(then(&scenario)), &scenario);
        assert!(!fails.held, "{name}: {}", pretty(&fails, true));
        compare(name, "starter", &holds);
        compare(name, "then", &fails);
    }
}
