//! Standard output of a run: pretty lines for people, or JSON lines for machines.

use std::collections::BTreeMap;
use std::io::Write;

use clap::ValueEnum;

use crate::block::ChainId;
use crate::deliver::json;
use crate::deliver::pretty::Pretty;
use crate::entry::Entry;

/// The shape of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Prints entries to standard output.
pub struct Output {
    format: Format,
    pretty: Pretty,
    out: Box<dyn Write + Send>,
    broken: bool,
}

impl Output {
    /// Prints to standard output, without colours if that is no terminal.
    pub fn stdout(format: Format, chains: BTreeMap<ChainId, String>, blocks: bool) -> Self {
        let out: Box<dyn Write + Send> = match format {
            Format::Pretty => Box::new(anstream::stdout()),
            Format::Json => Box::new(std::io::stdout()),
        };
        Self { format, pretty: Pretty { chains, blocks, width: width(), ..Pretty::default() }, out, broken: false }
    }

    /// Prints nothing.
    pub fn silent() -> Self {
        Self { format: Format::Json, pretty: Pretty::default(), out: Box::new(std::io::sink()), broken: false }
    }

    /// Prints an entry. That the reader has gone away is logged once; the run goes on without it.
    pub fn print(&mut self, seq: u64, entry: &Entry) {
        if self.broken {
            return;
        }
        let written = match self.format {
            Format::Pretty => self.pretty.lines(entry).iter().try_for_each(|line| writeln!(self.out, "{line}")),
            Format::Json => writeln!(self.out, "{}", json::object(seq, entry)),
        };
        if let Err(error) = written.and_then(|()| self.out.flush()) {
            tracing::warn!("standard output is closed ({error}): nothing more is printed. The journal has everything");
            self.broken = true;
        }
    }

    /// Flushes what is left.
    pub fn finish(&mut self) {
        if !self.broken && self.out.flush().is_err() {
            self.broken = true;
        }
    }
}

/// Returns the columns of the terminal; as many as a log is read with if there is none.
fn width() -> usize {
    terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0).min(160))
}
