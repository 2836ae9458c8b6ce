//! `cargo xtask soak NAME`: a test that runs for hours, for as long as is wanted, by a seed that can be given again.

use anyhow::{Context, bail};

use crate::compile::{cargo, compile};
use crate::step::{run, say};

/// Names, each with its test and how long it takes unless told otherwise, seconds.
const SOAKS: [(&str, &str, u64); 3] = [
    ("nodes", "an_hour_among_nodes_that_misbehave", 3_600),
    ("everything", "two_hours_of_everything_at_once", 7_200),
    ("courses", "a_soak_leaves_descriptors_and_memory_flat", 3_600),
];

/// What is asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
struct Asked<'a> {
    test: &'static str,
    seconds: u64,
    seed: Option<&'a str>,
}

fn asked<'a>(args: &[&'a str]) -> anyhow::Result<Asked<'a>> {
    let names = || SOAKS.map(|(name, _, _)| name).join(", ");
    let Some((name, mut options)) = args.split_first() else {
        bail!("name a soak, as in `cargo xtask soak nodes --seconds 600`: {}", names());
    };
    let known = SOAKS.iter().find(|(known, _, _)| known == name);
    let (_, test, seconds) = *known.with_context(|| format!("no soak `{name}`; there are {}", names()))?;
    let mut asked = Asked { test, seconds, seed: None };
    while let [option, value, rest @ ..] = options {
        match *option {
            "--seconds" => asked.seconds = value.parse().context("`--seconds` takes a number")?,
            "--seed" => {
                value.parse::<u64>().context("`--seed` takes a number")?;
                asked.seed = Some(*value);
            }
            other => bail!("there is no `{other}` here, but `--seconds` and `--seed`"),
        }
        options = rest;
    }
    if let [odd] = options {
        bail!("`{odd}` stands alone: `--seconds` and `--seed` take a number each");
    }
    Ok(asked)
}

pub fn soak(args: &[&str], set_up: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let Asked { test, seconds, seed } = asked(args)?;
    set_up()?;
    say(&format!("{test}: {seconds} s"));
    let has_nextest = cargo().args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success());
    let mut command = match has_nextest {
        true => compile(&["nextest", "run", "--workspace", "--run-ignored", "only", "--no-capture"]),
        false => compile(&["test", "--workspace", "--", "--ignored", "--nocapture"]),
    };
    if has_nextest {
        command.args(["-E", &format!("test(/(^|::){test}$/)")]);
    } else {
        command.arg(test);
    }
    command.env("WATCHFIRE_SOAK_S", seconds.to_string());
    command.envs(seed.map(|seed| ("WATCHFIRE_SEED", seed)));
    run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_one_that_there_is() {
        let nodes = asked(&["nodes"]).unwrap();
        assert_eq!((nodes.seconds, nodes.seed), (3_600, None));
        let short = asked(&["everything", "--seed", "7", "--seconds", "60"]).unwrap();
        assert_eq!((short.test, short.seconds, short.seed), (SOAKS[1].1, 60, Some("7")));
        for (wrong, says) in [
            (&[][..], "name a soak"),
            (&["hours"], "no soak `hours`"),
            (&["nodes", "--seconds"], "stands alone"),
            (&["nodes", "--seconds", "long"], "takes a number"),
            (&["nodes", "--days", "1"], "there is no `--days`"),
        ] {
            let said = format!("{:#}", asked(wrong).unwrap_err());
            assert!(said.contains(says), "{wrong:?}: {said}");
        }
    }

    /// Each is a test that is there, and is ignored.
    #[test]
    fn each_is_a_test_that_is_run_by_hand_alone() {
        let root = crate::root();
        let files = ["tests/tests/e2e/chaos.rs", "tests/tests/e2e/soak.rs", "host/tests/late/courses.rs"];
        for ((name, test, _), file) in SOAKS.iter().zip(files) {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            let (before, _) = text.split_once(&format!("fn {test}(")).unwrap_or_else(|| panic!("{name}: no {test}"));
            assert!(before.rsplit("\n\n").next().unwrap().contains("#[ignore"), "{name}");
        }
        let workflow = std::fs::read_to_string(root.join(".github/workflows/nightly.yml")).unwrap();
        assert!(workflow.contains(&format!("name: [{}]", SOAKS.map(|(name, _, _)| name).join(", "))));
    }
}
