//! The command line: what a person types, and what the exit code means to a script.

mod asked;
mod backtest;
mod callout;
mod callout_report;
mod channel;
mod check;
mod demo;
mod drill;
mod fetch;
mod given;
mod import;
mod incident;
mod init;
mod inspect;
mod journal;
mod live_drill;
mod man;
mod operate;
mod plan;
mod plugin;
mod probe;
mod readiness;
mod record;
mod release;
mod replay;
mod risk;
mod rule;
mod run;
mod schema;
mod settings;
mod table;
mod version;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::app::deploy::sandbox::{CacheChoice, Sandboxes, own_binary};
use crate::app::live::output::Format;
use crate::diagnostic::Diagnostic;
use crate::plugin::{COMPILE_COMMAND, compile_from_stdin};

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It went well.
    Good = 0,
    /// The answer is no: a check found errors, a replay differs, a journal was tampered with.
    No = 1,
    /// It could not start: config, plan or plugins are wrong, and each mistake was reported.
    Refused = 3,
    /// It broke off: the journal, a file or the network failed.
    Broken = 4,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  it went well
  1  the answer is no: a check found errors, a replay differs, a journal was tampered with
  2  the command line is wrong
  3  it could not start: config, plan or plugins are wrong
  4  it broke off: the journal, a file or the network failed";

/// Streams chain data to sandboxed WebAssembly detectors and decides by the protocol's response plan.
#[derive(Debug, Parser)]
#[command(name = "watchfire", version, after_help = EXIT_CODES)]
struct Cli {
    /// How much is logged to standard error: error, warn, info, debug, trace, or a filter as `RUST_LOG` takes it.
    #[arg(long, global = true, env = "WATCHFIRE_LOG", default_value = "info", value_name = "LEVEL")]
    log: String,
    /// Where compiled detectors are kept, in place of what the config says: a folder, or `off`.
    #[arg(long, global = true, env = "WATCHFIRE_CACHE", value_name = "FOLDER")]
    cache: Option<CacheChoice>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch: follow chains and feeds, run detectors, decide, and journal all of it.
    Run(run::Args),
    /// Feed a journal or a recording again, and say whether the same comes of it.
    Replay(replay::Args),
    /// Record blocks and observations to a file, without detectors.
    Record(record::Args),
    /// Record blocks of the past: by range, transaction or address, from any node.
    Fetch(fetch::Args),
    /// Run detectors over long recordings, and score what they find against labels.
    Backtest(backtest::Args),
    /// Begin a deployment: write a commented watchfire.toml, and a starter plan on your chain.
    Init(init::Args),
    /// Check config, plan and plugins: every error with file, line, key and remedy.
    Check(check::Args),
    Readiness(readiness::Args),
    /// Build, inspect and test detectors; ask and tell those of a running host.
    #[command(
        subcommand,
        after_help = "\
Examples:
  watchfire plugin build my-rule --out my-rule.wasm
  watchfire plugin inspect my-rule.wasm
  watchfire plugin test my-rule.wasm --recording attack.jsonl.gz --config my-rule.toml
  watchfire plugin status
  watchfire plugin swap my-rule mended.wasm"
    )]
    Plugin(plugin::Command),
    /// Run the rules of a config over a recording, or over a node's last blocks, and say what matched and why not.
    #[command(
        subcommand,
        after_help = "\
Examples:
  watchfire rule test watchfire.toml --recording attack.jsonl.gz
  watchfire rule try watchfire.toml --node $RPC_URL --last 50
  watchfire rule test erc20.toml --recording attack.jsonl.gz --format json"
    )]
    Rule(rule::Command),
    /// Read the configuration of another monitor, and write rules and channels that do the same.
    Import(import::Args),
    /// List, filter and verify what happened.
    #[command(
        subcommand,
        after_help = "\
Examples:
  watchfire journal list --kind decision --last 5
  watchfire journal verify
  watchfire journal size"
    )]
    Journal(journal::Command),
    /// See how people are reached, and send a test to see that they are.
    #[command(
        subcommand,
        after_help = "\
Examples:
  watchfire channel list
  watchfire channel test pager
  watchfire channel test texts --to sms:+41791234567"
    )]
    Channel(channel::Command),
    Callout(callout::Args),
    /// See and handle incidents: answer, decide, agree, say what was done, close.
    #[command(
        subcommand,
        after_help = "\
Examples:
  watchfire incident list
  watchfire incident show 17
  watchfire incident ack 17 --by ana
  watchfire incident decide 17 pause-vault --why \"two sources agree, funds are leaving\" --by ana

Acts go to the running host over the socket beside its journal, and stand in it with who did them."
    )]
    Incident(incident::Command),
    /// Begin a plan, read it, and review what changed in it.
    #[command(
        subcommand,
        after_help = "\
Examples:
  watchfire plan new --kind lending --name \"Harbor Lending\"
  watchfire plan show --plan response
  watchfire plan diff response-before/ response/"
    )]
    Plan(plan::Command),
    /// Rehearse the plan: a scripted timeline on a virtual clock, and what the plan makes of it.
    Drill(drill::Args),
    /// Keep the register of risks: what may go wrong, who has it, and what was made of it from release to release.
    #[command(
        subcommand,
        after_help = "\
Examples:
  watchfire risk list --plan response/
  watchfire risk link bent-price --incident 17
  watchfire risk accept slow-upgrade --until 2027-05-31 --why \"two days are what users were promised\"
  watchfire risk history --release v1.4"
    )]
    Risk(risk::Command),
    /// Say whether a release may go out, and what stands against it.
    #[command(
        subcommand,
        after_help = "\
Examples:
  watchfire release check v1.4
  watchfire release list"
    )]
    Release(release::Command),
    /// Watch a lending protocol being attacked, from a recording.
    Demo(demo::Args),
    /// Print the JSON Schema of a file, for editors.
    Schema(schema::Args),
    /// Compile a component from standard input: what a host starts for each that it does not know.
    #[command(name = COMPILE_COMMAND, hide = true)]
    CompileComponent {
        /// What the host asks for, as JSON.
        request: String,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages: one for `watchfire`, and one for each command.
    Man(man::Args),
}

/// Runs the command line of this process. `commit` is the one that the binary was built from, if that is known.
pub fn main(commit: Option<&str>) -> ExitCode {
    let matches = Cli::command().long_version(&*version::long(commit).leak()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Command::CompileComponent { request } = &cli.command {
        return compile_component(request);
    }
    // A reader that has had enough, as `head`, ends a command that only prints something; a watch goes on without one. Who
    // speaks with a registry must outlive a connection that the registry closes.
    let goes_on = match &cli.command {
        Command::Run(_) | Command::Record(_) => true,
        Command::Plugin(command) => command.asks_registries(),
        _ => false,
    };
    if !goes_on {
        sigpipe::reset();
    }
    let filter = EnvFilter::try_new(quiet_about_secrets(&cli.log)).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(false)
        .init();
    match dispatch(cli.command, cli.cache.unwrap_or_default()) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::from(Exit::Broken as u8)
        }
    }
}

/// Libraries that log what they send at their lowest levels, keys in URLs among it.
const TALKATIVE: [&str; 8] =
    ["h2", "hyper", "hyper_util", "lettre", "reqwest", "rustls", "tokio_tungstenite", "tungstenite"];

/// Keeps libraries that would log secrets at `info`, unless the filter names them itself.
fn quiet_about_secrets(filter: &str) -> String {
    let is_named = |library: &&str| {
        filter.split(',').any(|part| part.split(['=', '[', ':']).next().is_some_and(|target| target.trim() == *library))
    };
    let quiet = TALKATIVE.iter().filter(|library| !is_named(library)).map(|library| format!(",{library}=info"));
    format!("{filter}{}", quiet.collect::<String>())
}

/// This process's standard error is read by a host, which passes on what it says: no log, no colours.
fn compile_component(request: &str) -> ExitCode {
    match compile_from_stdin(request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(Exit::No as u8)
        }
    }
}

fn dispatch(command: Command, cache: CacheChoice) -> anyhow::Result<Exit> {
    let sandboxes = Sandboxes::of_binary(own_binary()?, cache);
    match command {
        Command::Run(args) => run::main(args, sandboxes),
        Command::Replay(args) => replay::main(args, &sandboxes),
        Command::Record(args) => record::main(args),
        Command::Fetch(args) => fetch::main(args, &sandboxes),
        Command::Backtest(args) => backtest::main(&args, &sandboxes),
        Command::Init(args) => init::main(args),
        Command::Check(args) => check::main(args, &sandboxes),
        Command::Readiness(args) => readiness::main(&args),
        Command::Plugin(command) => plugin::main(command, &sandboxes),
        Command::Rule(command) => rule::main(&command, &sandboxes),
        Command::Import(args) => import::main(&args),
        Command::Journal(command) => journal::main(command, &sandboxes),
        Command::Plan(command) => plan::main(command),
        Command::Risk(command) => risk::main(command),
        Command::Release(command) => release::main(command),
        Command::CompileComponent { request } => Ok(compile_from_stdin(&request).map(|()| Exit::Good)?),
        Command::Channel(command) => channel::main(command),
        Command::Callout(args) => callout::main(&args),
        Command::Incident(command) => incident::main(command),
        Command::Drill(args) => drill::main(&args, &sandboxes),
        Command::Demo(args) => demo::main(args, &sandboxes),
        Command::Schema(args) => schema::main(args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "watchfire", &mut std::io::stdout());
            Ok(Exit::Good)
        }
        Command::Man(args) => man::main(&args, Cli::command()),
    }
}

/// Tells what is wrong in people's files, to standard error or as JSON lines to standard output.
fn tell(diagnostics: &[Diagnostic], format: Format) -> anyhow::Result<()> {
    for diagnostic in diagnostics {
        match format {
            Format::Json => println!("{}", serde_json::to_string(diagnostic)?),
            Format::Pretty => anstream::eprintln!("{diagnostic}"),
        }
    }
    Ok(())
}

/// Stack of a worker, bytes. Following a chain nests futures that take 2 MiB in a debug build, tokio's default.
const STACK_BYTES: usize = 16 << 20;

/// An async runtime for commands that need one.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.enable_all().thread_stack_size(STACK_BYTES).build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_level_logs_what_libraries_send() {
        let filter = quiet_about_secrets("trace");
        assert!(filter.starts_with("trace,") && filter.contains(",tungstenite=info"), "{filter}");
        assert!(filter.parse::<EnvFilter>().is_ok());
        let named = quiet_about_secrets("debug,tungstenite=trace");
        assert!(!named.contains(",tungstenite=info"), "whoever asks for it gets it: {named}");
    }
}
