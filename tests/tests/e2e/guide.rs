//! The guide's commands, typed in order in an empty folder.

use std::process::Command;

use watchfire_tests::host::binary;

#[test]
fn the_guide_is_what_a_newcomer_can_type() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = format!("{}:{}", binary().unwrap().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut typed = 0;
    let blocks = guide.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    for line in blocks.flat_map(str::lines) {
        let shell =
            Command::new("sh").current_dir(folder.path()).env("PATH", &path).args(["-c", line]).output().unwrap();
        let told = [&shell.stdout[..], &shell.stderr[..]].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(shell.status.success(), "`{line}` ends with {}: {told}", shell.status);
        if line.starts_with("watchfire plan diff") {
            assert!(told.contains("pause-everything may now last 21 d instead of 3 d"), "{told}");
        }
        typed += 1;
    }
    assert!(typed >= 18, "{typed} commands");
    for file in ["PLAN.md", "plan.svg", "playbook.json"] {
        assert!(folder.path().join(file).metadata().unwrap().len() > 1_000, "{file}");
    }
}
