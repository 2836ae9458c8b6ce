//! Makes the adapter of WASI's first preview binary, and sees to it that what is built in is built in anew.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in ["src/plugin/build/adapter.wat", "../sdk", "../wit/detector", "templates"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let adapter = wat::parse_file("src/plugin/build/adapter.wat")?;
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("adapter.wasm"), adapter)?;
    Ok(())
}
