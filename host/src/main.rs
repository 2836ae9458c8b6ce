//! The `watchfire` command.

use std::process::ExitCode;

/// `cargo xtask dist` sets the variable. It is read here and not in the library, so that another commit costs a link only.
const COMMIT: Option<&str> = option_env!("WATCHFIRE_COMMIT");

fn main() -> ExitCode {
    watchfire::cli::main(COMMIT)
}
