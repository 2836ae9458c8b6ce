//! `watchfire schema`.

use clap::{Args as ClapArgs, ValueEnum};

use super::Exit;

/// Print the JSON Schema of a file, for editors.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  watchfire schema config > watchfire.schema.json
  watchfire schema plan > plan.schema.json
  watchfire schema effect > effect.schema.json")]
pub struct Args {
    /// Which file.
    #[arg(value_enum)]
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// `watchfire.toml`.
    Config,
    /// The response plan's files.
    Plan,
    /// A drill.
    Drill,
    /// An effect, as a webhook's body holds it.
    Effect,
}

pub(super) fn main(args: Args) -> anyhow::Result<Exit> {
    let schema = match args.of {
        Of::Config => crate::app::config::config_schema().to_value(),
        Of::Plan => crate::plan::schema(),
        Of::Drill => crate::drill::schema(),
        Of::Effect => crate::effect::schema(),
    };
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(Exit::Good)
}
