//! Small guests written by hand: the base in `tests/hostile` with some of its functions replaced by a trick, as
//! components. `host/tests` brings this file in by its path.

use std::path::{Path, PathBuf};

use anyhow::Context;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The parts of a trick: its file in `tests/hostile` without the line that says what is expected.
pub fn trick(name: &str) -> anyhow::Result<String> {
    let path = root().join("tests/hostile").join(format!("{name}.wat"));
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(text.split_once('\n').context("a trick begins with what is expected")?.1.to_owned())
}

/// The base with the parts of a trick in place of its own, as text; the base as it is where the trick is empty.
pub fn module(trick: &str) -> anyhow::Result<String> {
    let base = std::fs::read_to_string(root().join("tests/hostile/base.wat"))?;
    let (imports, parts) = trick.split_once(";;; ").map_or((trick, ""), |(before, _)| (before, &trick[before.len()..]));
    let mut text = base.replacen("  (memory ", &format!("{imports}\n  (memory "), 1);
    for part in parts.split(";;; ").skip(1) {
        let (name, code) = part.split_once('\n').context("a part has a name")?;
        let start = text.find(&format!(";;; {name}\n")).with_context(|| format!("the base has no `{name}`"))?;
        let end = start + 4 + text[start + 4..].find(";;; ").context("the base has an end")?;
        text.replace_range(start..end, &format!(";;; {name}\n{code}\n  "));
    }
    Ok(text)
}

/// A core module, as text, as a component of the detectors' world.
pub fn component(module: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = wat::parse_str(module)?;
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit/detector"))?;
    let world = resolve.select_world(&[package], Some("detector"))?;
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&bytes)?.validate(true).encode()
}

/// The component of a trick, or of the base where the name is empty.
pub fn guest(name: &str) -> anyhow::Result<Vec<u8>> {
    let trick = if name.is_empty() { String::new() } else { trick(name)? };
    component(&module(&trick)?)
}
