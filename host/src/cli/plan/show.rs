//! `watchfire plan show`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::Exit;
use crate::app::live::output::Format;
use crate::cli::given::{PlanPlace, plan_of, put};
use crate::plan::show::{markdown, mermaid, picture, pretty, svg};

/// The shape of what is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Lines for a terminal.
    #[default]
    Pretty,
    /// Tables for documents.
    Markdown,
    /// A Mermaid flowchart.
    Mermaid,
    /// An image.
    Svg,
    /// One JSON object.
    Json,
}

/// What is shown, and how.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    place: PlanPlace,
    /// The shape of what is shown.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    /// The file that it is written to; the terminal, where absent.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let Some(path) = args.place.plan(Format::Pretty)? else { return Ok(Exit::Refused) };
    let Some(plan) = plan_of(&path)? else { return Ok(Exit::Refused) };
    let picture = picture(&plan);
    let text = match args.format {
        Shape::Pretty => pretty(&picture),
        Shape::Markdown => markdown(&picture),
        Shape::Mermaid => mermaid(&picture),
        Shape::Svg => svg(&picture),
        Shape::Json => format!("{}\n", serde_json::to_string_pretty(&picture)?),
    };
    put(&text, args.output.as_deref())?;
    Ok(Exit::Good)
}
