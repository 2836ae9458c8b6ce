//! A project in each language, made, built and tested from scratch as its author would; and what the author is told when it
//! changes, and when it is wrong.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use watchfire_tests::peers::{language_tools, root, skip_or_fail};

/// Folder of a new project; `None` where the tools of other languages are not here.
fn project(folder: &Path, language: &str) -> Option<PathBuf> {
    project_of(folder, language, "event")
}

fn project_of(folder: &Path, language: &str, template: &str) -> Option<PathBuf> {
    let Some(_) = language_tools().unwrap() else {
        skip_or_fail("the compilers of other languages");
        return None;
    };
    let made = watchfire(folder, &["plugin", "new", "my-rule", "--lang", language, "--template", template]);
    let told = text(&made);
    assert!(made.status.success() && told.contains(&format!("a detector in {language}")), "{told}");
    let project = folder.join("my-rule");
    if language == "ts" {
        // What `npm install` would bring, pinned.
        std::os::unix::fs::symlink(language_tools().unwrap().unwrap().node_modules, project.join("node_modules"))
            .unwrap();
    }
    if language == "rust" {
        // The same versions as this repository has, so that they are built once.
        std::fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
    }
    Some(project)
}

fn command(folder: &Path) -> Command {
    let tools = language_tools().unwrap().unwrap();
    let mut command = Command::new(watchfire_tests::host::binary().unwrap());
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("PATH", tools.path)
        .env("CARGO_TARGET_DIR", tools.cargo_target);
    command
}

fn watchfire(folder: &Path, args: &[&str]) -> Output {
    command(folder).args(args).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Replaces a part of a project's source.
fn edit(file: &Path, from: &str, to: &str) {
    let source = std::fs::read_to_string(file).unwrap();
    assert!(source.contains(from), "{}: {from}", file.display());
    std::fs::write(file, source.replacen(from, to, 1)).unwrap();
}

/// The one place in a template where the title is made.
const WENT: (&str, &str) = ("moved\"", "went\"");

/// Makes a project, which passes; breaks it, which is told in the words of its language; and spoils what it finds.
fn check(language: &str, source: &str, title: (&str, &str), wrong: (&str, &str), told_of_it: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let Some(project) = project(folder.path(), language) else { return };
    let tested = watchfire(&project, &["plugin", "test", "--junit", "report.xml"]);
    let told = text(&tested);
    assert!(tested.status.success() && told.contains("my-rule, attack: 84 inputs, 3 findings"), "{language}: {told}");
    let report = std::fs::read_to_string(project.join("report.xml")).unwrap();
    assert!(report.contains("tests=\"1\"") && report.contains("failures=\"0\""), "{report}");

    let file = project.join(source);
    edit(&file, title.0, title.1);
    let told = text(&watchfire(&project, &["plugin", "test"]));
    for line in
        ["-    \"title\": \"900000 hUSD moved\"", "+    \"title\": \"900000 hUSD went\"", "`--accept` renews it"]
    {
        assert!(told.contains(line), "{language}: {told}");
    }
    if language == "c" {
        let accepted = watchfire(&project, &["plugin", "test", "--accept"]);
        assert!(text(&accepted).contains("accepted: 3 findings"), "{}", text(&accepted));
        assert!(watchfire(&project, &["plugin", "test"]).status.success());
    }

    edit(&file, wrong.0, wrong.1);
    let broken = watchfire(&project, &["plugin", "test"]);
    let told = text(&broken);
    assert_eq!(broken.status.code(), Some(1), "{language}: {told}");
    for words in told_of_it {
        assert!(told.contains(words), "{language} tells of `{words}`: {told}");
    }
    assert!(!told.contains("`--accept` renews it"), "what a failed run found is not to be accepted: {told}");
}

#[test]
fn a_project_in_rust() {
    let wrong = ("let amount =", "let _ = [1, 2][findings.len() + 5];\n            let amount =");
    check("rust", "src/lib.rs", WENT, wrong, &["panicked at src/lib.rs:", "the len is 2 but the index is 5"]);
}

#[test]
fn a_project_in_typescript() {
    let wrong = ("if (!found", "(undefined as any).oops;\n          if (!found");
    let told = ["TypeError: cannot read property 'oops' of undefined", "at onBatch (src/detector.ts:"];
    check("ts", "src/detector.ts", ("moved`", "went`"), wrong, &told);
}

fn check_types(project: &Path) {
    let checked = Command::new(project.join("node_modules/.bin/tsc")).arg("--noEmit").current_dir(project).output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "{}", text(&checked));
}

#[test]
fn the_sdk_of_typescript_is_sound_in_its_types() {
    let folder = tempfile::tempdir().unwrap();
    let Some(project) = project(folder.path(), "ts") else { return };
    check_types(&project);
}

const ALL: [(&str, &str); 4] = [
    ("outflow", "84 inputs, 3 findings"),
    ("oracle", "84 inputs, 11 findings"),
    ("trace", "5 inputs, 1 findings"),
    ("combiner", "84 inputs, 3 findings"),
];
const TRACE: [(&str, &str); 1] = [ALL[2]];

/// The other templates, whose findings are the same in each language that has them.
fn templates(language: &str, wanted: &[(&str, &str)]) {
    for (template, found) in wanted {
        let folder = tempfile::tempdir().unwrap();
        let Some(project) = project_of(folder.path(), language, template) else { return };
        let tested = watchfire(&project, &["plugin", "test"]);
        let told = text(&tested);
        let expected = format!("my-rule, attack: {found}");
        assert!(tested.status.success() && told.contains(&expected), "{language}, {template}: {told}");
        let readme = std::fs::read_to_string(project.join("README.md")).unwrap();
        assert!(!readme.contains("SUMMARY") && !readme.contains("GRANT"), "{readme}");
        if language == "ts" {
            check_types(&project);
        }
    }
}

#[test]
fn the_other_templates_in_rust() {
    templates("rust", &ALL);
}

#[test]
fn the_other_templates_in_typescript() {
    templates("ts", &ALL);
}

#[test]
fn the_other_templates_in_python() {
    templates("python", &ALL);
}

#[test]
fn the_other_templates_in_go() {
    templates("go", &ALL);
}

#[test]
fn the_trace_template_in_c_and_what_goes_by_c() {
    for language in ["c", "cpp", "zig"] {
        templates(language, &TRACE);
    }
}

#[test]
fn a_template_that_a_language_does_not_have_is_told() {
    let Some(_) = language_tools().unwrap() else { return skip_or_fail("the compilers of other languages") };
    let folder = tempfile::tempdir().unwrap();
    let made = watchfire(folder.path(), &["plugin", "new", "my-rule", "--lang", "zig", "--template", "oracle"]);
    assert!(text(&made).contains("this template is there in go, python, rust, ts, not in zig yet"), "{}", text(&made));
    assert!(!folder.path().join("my-rule").exists());
}

#[test]
fn a_project_in_python() {
    let wrong = ("            amount =", "            [][log.index + 7]\n            amount =");
    let told = ["IndexError: list index out of range", "detector.py\", line", "[][log.index + 7]"];
    check("python", "src/detector.py", WENT, wrong, &told);
}

#[test]
fn a_project_in_go() {
    let wrong = ("subject :=", "var none []int\n\t\t\t_ = none[log.Index()+3]\n\t\t\tsubject :=");
    check(
        "go",
        "detector.go",
        ("%s %s moved", "%s %s went"),
        wrong,
        &["panic: runtime error: index out of range [", "/detector.go:"],
    );
}

#[test]
fn a_project_in_c() {
    let wrong = ("wf_finding *finding", "*(volatile int *)0x7fffffff = 1;\n        wf_finding *finding");
    check("c", "src/detector.c", WENT, wrong, &["out of bounds memory access in on_batch (src/detector.c:"]);
}

#[test]
fn a_project_in_cpp() {
    let wrong = ("wf::u256 value =", "wf::fail(\"the author says why\");\n            wf::u256 value =");
    check("cpp", "src/detector.cpp", WENT, wrong, &["error: the author says why"]);
}

#[test]
fn a_project_in_zig() {
    let wrong = ("const finding =", "if (value > state.limit) unreachable;\n            const finding =");
    check("zig", "src/detector.zig", WENT, wrong, &["panic: reached unreachable code", "src/detector.zig:"]);
}

#[test]
fn what_does_not_compile_is_told_in_the_compilers_words() {
    let folder = tempfile::tempdir().unwrap();
    let Some(project) = project(folder.path(), "c") else { return };
    edit(&project.join("src/detector.c"), "wf_log log =", "wf_lug log =");
    let told = text(&watchfire(&project, &["plugin", "build"]));
    assert!(told.contains("could not build") && told.contains("detector.c:28:9: error:"), "{told}");
    let bare = Command::new(watchfire_tests::host::binary().unwrap())
        .args(["plugin", "build"])
        .arg(&project)
        .env("PATH", "")
        .output()
        .unwrap();
    assert!(text(&bare).contains("`pip install ziglang==0.17.0`"), "{}", text(&bare));
    edit(&project.join("src/detector.c"), "wf_lug log =", "wf_log log =");
    let stale = project.join("build/sdk/c/gone.c");
    std::fs::write(&stale, "#error of another version").unwrap();
    let built = watchfire(&project, &["plugin", "build"]);
    assert!(built.status.success() && !stale.exists(), "{}", text(&built));
    let again = watchfire(folder.path(), &["plugin", "new", "my-rule", "--lang", "c"]);
    assert!(text(&again).contains("`my-rule` is there already, and not empty"), "{}", text(&again));
    let misnamed = watchfire(folder.path(), &["plugin", "new", "My Rule", "--lang", "c"]);
    assert!(text(&misnamed).contains("it is no name for a detector"), "{}", text(&misnamed));
    assert_eq!((again.status.code(), misnamed.status.code()), (Some(3), Some(2)));
}

/// The README's commands, and a case of blocks that are written by hand.
#[test]
fn the_commands_of_a_new_project_run_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let Some(project) = project(folder.path(), "c") else { return };
    let readme = std::fs::read_to_string(project.join("README.md")).unwrap();
    let typed = readme.lines().map(str::trim).filter_map(|line| line.strip_prefix("watchfire "));
    let mut count = 0;
    for line in typed.filter(|line| !line.starts_with("plugin dev")) {
        let line = line.split('#').next().unwrap().replace("tests/*.jsonl.gz", "tests/attack.jsonl.gz");
        let output = watchfire(&project, &line.split_whitespace().collect::<Vec<_>>());
        assert!(output.status.success(), "{line}: {}", text(&output));
        count += 1;
    }
    assert_eq!(count, 5, "{readme}");
    assert!(project.join("flame.svg").is_file());

    let case = std::fs::read_to_string(project.join("tests/attack.toml")).unwrap();
    let config = case.lines().filter(|line| !line.starts_with("recording")).collect::<Vec<_>>().join("\n");
    let token = config.split('"').find(|part| part.starts_with("0x")).unwrap();
    let party = |digit: &str| format!("0x{}", digit.repeat(40));
    let by_hand = format!(
        "{config}\n[[block]]\n[[block.log]]\naddress = \"{token}\"\ntopics = [\"Transfer(address,address,uint256)\", \"{}\", \"{}\"]\n\
         data = [\"1_000_000_000_000_000_000_000_000\"]\n",
        party("a"),
        party("b")
    );
    std::fs::write(project.join("tests/by-hand.toml"), by_hand).unwrap();
    let unexpected = watchfire(&project, &["plugin", "test", "--only", "by-hand"]);
    assert!(text(&unexpected).contains("my-rule, by-hand: 1 inputs, 1 findings"), "{}", text(&unexpected));
    assert!(text(&unexpected).contains("nothing says what is expected"), "{}", text(&unexpected));
    let accepted = watchfire(&project, &["plugin", "test", "--only", "by-hand", "--accept"]);
    assert!(accepted.status.success(), "{}", text(&accepted));
    let bare = watchfire(&project, &["plugin", "bench", "build/my-rule.wasm", "--recording", "tests/attack.jsonl.gz"]);
    assert!(text(&bare).contains("name a file with its keys by `--config`"), "{}", text(&bare));
}

#[test]
fn dev_shows_what_a_change_changed() {
    let folder = tempfile::tempdir().unwrap();
    // Only within a project is `build` what tools write to.
    let above = folder.path().join("build");
    std::fs::create_dir(&above).unwrap();
    let Some(project) = project(&above, "c") else { return };
    let mut child = command(&project).args(["plugin", "dev"]).stdout(Stdio::piped()).spawn().unwrap();
    let (tell, told) = mpsc::channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let until = |end: &str| {
        let mut lines = Vec::new();
        loop {
            let line = told.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("no `{end}`: {lines:#?}"));
            let is_end = line.contains(end);
            lines.push(line);
            if is_end {
                return lines.join("\n");
            }
        }
    };
    assert!(until("waiting for a change").contains("attack: 3 findings, as expected"));
    edit(&project.join("src/detector.c"), "WF_HIGH, \"address\"", "WF_LOW, \"address\"");
    let second = until("waiting for a change");
    assert!(second.contains("attack: 3 findings, not as expected"), "{second}");
    assert!(
        second.contains("-    \"severity\": \"high\"") && second.contains("+    \"severity\": \"low\""),
        "{second}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What `docs/first-detector.md` says, typed block by block, each in an empty folder. TypeScript's needs the registry.
#[test]
fn the_page_on_first_detectors_is_what_a_newcomer_can_type() {
    if language_tools().unwrap().is_none() {
        return skip_or_fail("the compilers of other languages");
    }
    let page = std::fs::read_to_string(watchfire_tests::peers::root().join("docs/first-detector.md")).unwrap();
    let blocks: Vec<&str> = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 7);
    for block in blocks {
        let folder = tempfile::tempdir().unwrap();
        let tools = language_tools().unwrap().unwrap();
        let binary = watchfire_tests::host::binary().unwrap();
        let path = format!("{}:{}", binary.parent().unwrap().display(), tools.path.display());
        let typed = Command::new("sh")
            .args(["-e", "-c", block])
            .current_dir(folder.path())
            .env("PATH", path)
            .env("CARGO_TARGET_DIR", tools.cargo_target)
            .output()
            .unwrap();
        let told = text(&typed);
        assert!(typed.status.success() && told.contains("passed\n"), "{block}{told}");
        assert!(told.contains("Finds large transfers of a token."), "{block}{told}");
    }
}
