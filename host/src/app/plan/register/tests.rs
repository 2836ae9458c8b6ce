#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::app::plan::register::*;
use crate::plan::moment::Moment;
use crate::plan::register::{Act, Note, act};

const PEOPLE: &str = "[person.ana]\nname = \"Ana\"\n\n[role.council]\nkind = \"decision-owner\"\nmembers = [\"ana\"]\n";

/// A register with a comment at every place where an edit may lose it.
const RISKS: &str = "# What may go wrong.

[risk.bent-price] # the worst
summary = \"A false price\"   # in a word
asset = \"all\"
cause = \"one transmitter\"
likelihood = \"medium\"
impact = \"high\"
response = \"mitigate\"
owner = \"council\"
status = \"open\"
# nobody has seen it yet
incidents = []

# The other one.
[risk.late-fix]
summary = \"A repair takes two days\"
asset = \"all\"
cause = \"the timelock\"
likelihood = \"low\"
impact = \"low\"
response = \"accept\"
status = \"open\"
";

fn plan() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("people.toml"), PEOPLE).unwrap();
    fs::write(folder.path().join("risks.toml"), RISKS).unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

fn note(why: &str) -> Note {
    Note { at: Moment { ms: 1_795_608_000_000 }, by: "ana".into(), why: why.into(), release: None, incident: Some(17) }
}

fn linked(risk: &Risk) -> Result<Risk, String> {
    let link = Act::Link { signals: Vec::new(), interventions: Vec::new(), incidents: vec![17] };
    act(risk, &link, &note("it bent the feed"))
}

fn refused(result: Result<Edited, EditError>) -> String {
    match result {
        Err(EditError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_edit_changes_its_own_lines_and_nothing_else() {
    let (_folder, path) = plan();
    let edited = edit(&path, "bent-price", "ana", linked).unwrap();
    assert_eq!((edited.risk.incidents.as_slice(), edited.line), (&[17][..], 3));
    let text = fs::read_to_string(path.join("risks.toml")).unwrap();
    let kept: Vec<&str> = RISKS.lines().filter(|line| *line != "incidents = []").collect();
    let mut left = text.lines();
    for line in kept {
        assert!(left.any(|other| other == line), "`{line}` is not in its place in\n{text}");
    }
    assert!(text.contains("incidents = [17]"), "{text}");
    assert!(text.find("[[risk.bent-price.history]]").unwrap() < text.find("[risk.late-fix]").unwrap(), "{text}");
    assert_eq!(fs::read_to_string(path.join("people.toml")).unwrap(), PEOPLE);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 2, "no file is left beside");
}

#[test]
fn what_would_break_the_plan_is_not_written() {
    let (_folder, path) = plan();
    let broken = edit(&path, "bent-price", "ana", |risk| Ok(Risk { owner: Some("nobody".into()), ..risk.clone() }));
    assert!(matches!(broken, Err(EditError::WouldBreak(_))), "{broken:?}");
    assert_eq!(fs::read_to_string(path.join("risks.toml")).unwrap(), RISKS);
    let why = refused(edit(&path, "bent-prise", "ana", linked));
    assert!(why.contains("`bent-price`"), "{why}");
    let why = refused(edit(&path, "bent-price", "mallory", linked));
    assert!(why.contains("mallory"), "{why}");
    fs::write(path.join("people.toml"), "[person.ana]\nnme = \"Ana\"\n").unwrap();
    assert!(matches!(edit(&path, "bent-price", "ana", linked), Err(EditError::Unloadable(_))));
}

#[test]
fn edits_at_once_are_all_kept() {
    let (_folder, path) = plan();
    std::thread::scope(|scope| {
        for number in 1..=8_u64 {
            let path = &path;
            scope.spawn(move || {
                let link = Act::Link { signals: Vec::new(), interventions: Vec::new(), incidents: vec![number] };
                edit(path, "bent-price", "ana", |risk| act(risk, &link, &note("one of many"))).unwrap()
            });
        }
    });
    let plan = Plan::load(&plan_files(&path).unwrap()).unwrap();
    let risk = &plan.tables().risk["bent-price"];
    assert_eq!((risk.incidents.len(), risk.history.len()), (8, 8));
}

#[test]
fn a_new_risk_goes_where_risks_are() {
    let (_folder, path) = plan();
    let loaded = Plan::load(&plan_files(&path).unwrap()).unwrap();
    let risk = loaded.tables().risk["late-fix"].clone();
    let added = add(&path, None, "new-one", "ana", &risk).unwrap();
    assert!(added.file.ends_with("risks.toml"), "{}", added.file);
    let why = refused(add(&path, None, "new-one", "ana", &risk));
    assert!(why.contains("in the register already"), "{why}");
    fs::remove_file(path.join("risks.toml")).unwrap();
    let added = add(&path, None, "first", "ana", &risk).unwrap();
    assert!(added.file.ends_with("risks.toml"), "{}", added.file);
    assert_eq!(Plan::load(&plan_files(&path).unwrap()).unwrap().tables().risk.len(), 1);
}
