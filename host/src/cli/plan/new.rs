//! `watchfire plan new`: a starter.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args as ClapArgs;

use super::Exit;
use crate::app::live::main_loop::wall_clock_ms;
use crate::plan::starter::Kind;

/// What is begun with.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The kind of protocol.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The protocol's name.
    #[arg(long, default_value = "Your Protocol")]
    name: String,
    /// The folder that is made for it.
    #[arg(long, default_value = "response", value_name = "FOLDER")]
    into: PathBuf,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let files = args.kind.files(&args.name, wall_clock_ms(), false);
    let taken: Vec<String> = files
        .iter()
        .map(|(name, _)| args.into.join(name))
        .filter(|path| path.exists())
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if !taken.is_empty() {
        anstream::eprintln!(
            "error: {} is there already, and nothing was written; name another folder by --into",
            taken.join(", ")
        );
        return Ok(Exit::Refused);
    }
    std::fs::create_dir_all(&args.into).with_context(|| format!("`{}` can't be made", args.into.display()))?;
    for (name, text) in &files {
        let path = args.into.join(name);
        // Never over what somebody wrote meanwhile.
        let mut file =
            std::fs::File::create_new(&path).with_context(|| format!("`{}` can't be made", path.display()))?;
        file.write_all(text.as_bytes()).with_context(|| format!("`{}` can't be written", path.display()))?;
    }
    let into = args.into.display();
    println!("{into}: a plan for a {} protocol, in {} files", args.kind.name(), files.len());
    println!("next: put in your people and addresses, then `watchfire check --plan {into}` says what is left;");
    println!("      `watchfire drill nomad --plan {into}` shows how it would have gone");
    Ok(Exit::Good)
}
