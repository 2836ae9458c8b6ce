//! `watchfire plan diff`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::Exit;
use crate::cli::given::plan_of;
use crate::plan::diff::{diff, markdown, pretty};

/// The shape of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Lines for a terminal.
    #[default]
    Pretty,
    /// Lists for a review.
    Markdown,
    /// One JSON object a line.
    Json,
}

/// Which plans are compared.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The plan before, a folder or a file.
    before: PathBuf,
    /// The plan after.
    after: PathBuf,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    /// Exit with 1 where anything is different.
    #[arg(long)]
    exit_code: bool,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let (Some(before), Some(after)) = (plan_of(&args.before)?, plan_of(&args.after)?) else { return Ok(Exit::Refused) };
    let changes = diff(&before, &after);
    match args.format {
        Shape::Pretty => print!("{}", pretty(&changes)),
        Shape::Markdown => print!("{}", markdown(&changes)),
        Shape::Json => {
            for change in &changes {
                println!("{}", serde_json::to_string(change)?);
            }
        }
    }
    Ok(if args.exit_code && !changes.is_empty() { Exit::No } else { Exit::Good })
}
