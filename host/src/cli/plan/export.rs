//! `watchfire plan export`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::Exit;
use crate::app::live::main_loop::wall_clock_ms;
use crate::app::live::output::Format;
use crate::cli::given::{PlanPlace, plan_of, put};
use crate::plan::cacao::cacao;

/// The shape of what is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// A CACAO v2.0 playbook.
    #[default]
    Cacao,
}

/// What is exported, and where to.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    place: PlanPlace,
    /// The shape of what is exported.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    /// The file that it is written to; the terminal, where absent.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    let Some(path) = args.place.plan(Format::Pretty)? else { return Ok(Exit::Refused) };
    let Some(plan) = plan_of(&path)? else { return Ok(Exit::Refused) };
    let text = match args.format {
        Shape::Cacao => format!("{}\n", serde_json::to_string_pretty(&cacao(&plan, wall_clock_ms()))?),
    };
    put(&text, args.output.as_deref())?;
    Ok(Exit::Good)
}
