//! Commands in the pages: each is one that the program has, with options that it has.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::{files, lines, root};

/// What the program says of its commands, asked once for each.
#[derive(Default)]
struct Helps(BTreeMap<Vec<String>, String>);

impl Helps {
    fn of(&mut self, command: &[String]) -> String {
        let ask = || {
            let mut program = Command::new(env!("CARGO_BIN_EXE_watchfire"));
            let output = program.args(command).arg("--help").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        self.0.entry(command.to_vec()).or_insert_with(ask).clone()
    }

    /// Names of the commands below a command.
    fn below(&mut self, command: &[String]) -> Vec<String> {
        let help = self.of(command);
        let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
        let list = list.lines().take_while(|line| line.starts_with("  "));
        let names = list.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
        names.map(str::to_owned).collect()
    }
}

/// The words of a command line up to a comment or the end of the command, quotes taken off.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '|' | '>' | ';' | '&') => break,
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Command lines of a page: in blocks for a shell, in indented blocks, and between backquotes. With a `\` at its end, a
/// line goes on in the next.
fn command_lines(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut typed = String::new();
    for (line, block) in lines(text) {
        let is_typed = matches!(block, Some("sh")) || (block.is_none() && line.starts_with("    "));
        if is_typed {
            typed.push_str(line.trim());
            match typed.strip_suffix('\\').map(str::to_owned) {
                Some(rest) => typed = rest,
                None => found.push(std::mem::take(&mut typed)),
            }
        }
        if block.is_none() {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// The arguments of `watchfire` in a command line; `None` if it is another program's.
fn arguments(line: &str) -> Option<Vec<String>> {
    let words = words(line);
    let words = match words.as_slice() {
        [sudo, user, _, rest @ ..] if sudo == "sudo" && user == "-u" => rest.to_vec(),
        _ => words,
    };
    words.split_first().filter(|(program, _)| *program == "watchfire").map(|(_, rest)| rest.to_vec())
}

/// What is wrong with a command; `None` if the program has it so.
fn wrong(helps: &mut Helps, arguments: &[String]) -> Option<String> {
    let mut command = Vec::new();
    let mut rest = arguments;
    while let ([name, after @ ..], below) = (rest, helps.below(&command)) {
        if below.is_empty() || name.starts_with('-') {
            break;
        }
        if ["…", "COMMAND"].contains(&name.as_str()) {
            return None;
        }
        if !below.contains(name) {
            return Some(format!("there is no `{name}` among {}", below.join(", ")));
        }
        command.push(name.clone());
        rest = after;
    }
    let help = helps.of(&command);
    let is_end = |c: char| !(c.is_alphanumeric() || c == '-');
    let has = |option: &str| {
        help.match_indices(option).any(|(at, _)| {
            let (before, after) = (help[..at].chars().next_back(), help[at + option.len()..].chars().next());
            before.is_none_or(is_end) && after.is_none_or(is_end)
        })
    };
    let options = rest.iter().filter(|word| word.starts_with('-') && word.len() > 1);
    let mut unknown = options.map(|word| word.split('=').next().unwrap_or(word)).filter(|option| !has(option));
    unknown.next().map(|option| format!("`watchfire {}` has no option `{option}`", command.join(" ")))
}

#[test]
fn every_command_in_the_pages_exists() {
    let mut pages = files(&root().join("docs"), ".md");
    pages.push(root().join("README.md"));
    let mut helps = Helps::default();
    let (mut checked, mut mistakes) = (0, Vec::new());
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for line in command_lines(&text) {
            let Some(arguments) = arguments(&line) else { continue };
            checked += 1;
            if let Some(why) = wrong(&mut helps, &arguments) {
                mistakes.push(format!("{}: `{line}`: {why}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert!(checked > 100, "only {checked} commands were found");
}

/// Each command and each group of commands has its row.
#[test]
fn the_page_on_the_command_line_has_every_command() {
    let page = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let mut helps = Helps::default();
    let commands = helps.below(&[]);
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands.iter().filter(|command| *command != "help") {
        let is_there = [format!("`watchfire {command}`"), format!("`watchfire {command} …`"), format!("`{command}`")];
        assert!(is_there.iter().any(|row| page.contains(row)), "docs/cli.md lacks `watchfire {command}`");
    }
    for group in ["plugin", "journal"] {
        let (_, rest) = page.split_once(&format!("| `watchfire {group} …` | ")).unwrap();
        let table = rest.split("\n\n").next().unwrap();
        for command in helps.below(&[group.to_owned()]).iter().filter(|command| *command != "help") {
            assert!(table.contains(&format!("`{command}`")), "docs/cli.md lacks `watchfire {group} {command}`");
        }
    }
}

#[test]
fn mistakes_in_commands_are_named() {
    let mut helps = Helps::default();
    let mut check = |line: &str, expected: Option<&str>| {
        let why = wrong(&mut helps, &arguments(line).unwrap());
        assert_eq!(why.is_some(), expected.is_some(), "{line}: {why:?}");
        assert!(why.unwrap_or_default().contains(expected.unwrap_or_default()), "{line}");
    };
    check("watchfire journal list --kind decision   # the newest", None);
    check("sudo -u watchfire watchfire check --config=/etc/watchfire/watchfire.toml", None);
    check("watchfire incident note 1 'it has --no-such word' --by ana", None);
    check("watchfire plugin …", None);
    check("watchfire plugin --help", None);
    check("watchfire jornal list", Some("there is no `jornal`"));
    check("watchfire plugin status --watch", Some("has no option `--watch`"));
    check("watchfire run --conf x", Some("has no option `--conf`"));
    assert_eq!(arguments("cargo xtask demo"), None);
    assert_eq!(command_lines("a `watchfire run` b\n```sh\nx \\\n  y\n```\n"), ["watchfire run", "x y"]);
}
