//! `watchfire import`.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args as ClapArgs, ValueEnum};

use super::Exit;
use crate::app::import::{Kind, read, to_toml};

/// Whose configuration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    /// OpenZeppelin Monitor 1.x: a folder with `monitors`, `networks` and `triggers`.
    Ozm,
    /// Sentinels exported from Defender, as JSON.
    Defender,
}

/// Read the configuration of another monitor.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire import ozm openzeppelin-monitor/config --out watchfire.toml
  watchfire import defender sentinels.json

What could not be carried over stands at the head of the file, and is printed. No secret is copied: each is named as an environment
variable. The exit code is 0 if all was carried over, 1 if something is left to do by hand.")]
pub struct Args {
    /// Whose configuration it is.
    from: From,
    /// Its folder or file.
    path: PathBuf,
    /// Where the config goes; standard output by default. A file that is there is left as it is.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The component of rules, in place of the one that ships with the host.
    #[arg(long, value_name = "FILE")]
    component: Option<String>,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let kind = match args.from {
        From::Ozm => Kind::Ozm,
        From::Defender => Kind::Defender,
    };
    let imported = read(kind, &args.path)?;
    anyhow::ensure!(
        !imported.monitors.is_empty() || !imported.by_hand.is_empty(),
        "`{}` has no monitor",
        args.path.display()
    );
    let text = to_toml(&imported, args.component.as_deref())?;
    match &args.out {
        None => print!("{text}"),
        Some(out) => {
            let open = std::fs::File::options().write(true).create_new(true).open(out);
            let what = || format!("`{}` can't be written", out.display());
            std::io::Write::write_all(&mut open.with_context(what)?, text.as_bytes()).with_context(what)?;
            let rules: usize = imported.monitors.iter().map(|monitor| monitor.rules.len()).sum();
            let (chains, channels) = (imported.chains.len(), imported.channels.len());
            println!("{}: {chains} chains, {rules} rules, {channels} channels", out.display());
        }
    }
    for what in &imported.by_hand {
        anstream::eprintln!("by hand: {what}");
    }
    Ok(if imported.by_hand.is_empty() { Exit::Good } else { Exit::No })
}
