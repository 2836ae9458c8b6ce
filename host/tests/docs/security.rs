//! What is promised is tested: each promise names where, and there are tests in that place.

use std::fs;

use super::root;

/// What stands between backquotes and is a path.
fn paths(text: &str) -> Vec<&str> {
    let code = text.split('`').skip(1).step_by(2);
    let is_path = |code: &&str| {
        let is_plain = code.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
        is_plain
            && ["host/", "response/", "tests/", "plugins/", "sdk/", "fuzz/"].iter().any(|root| code.starts_with(root))
    };
    code.filter(is_path).collect()
}

/// What is wrong with a place at which tests are said to be; `None` if there are some.
fn wrong(path: &str) -> Option<String> {
    let whole = root().join(path);
    if !whole.exists() {
        return Some(format!("`{path}` is not there"));
    }
    let text = fs::read_to_string(&whole).unwrap_or_default();
    let has_tests = ["#[test]", "#[tokio::test", "proptest!"].iter().any(|mark| text.contains(mark));
    (path.ends_with(".rs") && !has_tests).then(|| format!("`{path}` has no test"))
}

#[test]
fn each_promise_names_tests_that_are_there() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let (_, promised) = page.split_once("\n## Promised\n").unwrap();
    let promised = promised.split("\n## ").next().unwrap();
    let promises: Vec<&str> = promised.split("\n- **").skip(1).collect();
    assert!(promises.len() > 20, "{} promises", promises.len());
    for promise in promises {
        let named = paths(promise);
        assert!(!named.is_empty(), "no test is named for: {promise}");
        assert_eq!(named.into_iter().filter_map(wrong).collect::<Vec<_>>(), [""; 0], "{promise}");
    }
}

#[test]
fn each_hostile_deed_names_tests_that_are_there() {
    let page = fs::read_to_string(root().join("tests/hostile-chain/README.md")).unwrap();
    let deeds: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(deeds.len() > 8, "{} deeds", deeds.len());
    for deed in deeds {
        let named = paths(deed);
        assert!(!named.is_empty(), "no test is named for: {deed}");
        assert_eq!(named.into_iter().filter_map(wrong).collect::<Vec<_>>(), [""; 0], "{deed}");
    }
}

#[test]
fn a_place_without_tests_is_found() {
    let text = "see (`host/src/text.rs`, `watchfire/coverage`, `tests/hostile`)";
    assert_eq!(paths(text), ["host/src/text.rs", "tests/hostile"]);
    assert_eq!(wrong("host/src/text.rs"), None);
    assert!(wrong("host/src/main.rs").is_some() && wrong("host/src/gone.rs").is_some());
}
