//! Sees to it that what is built in is built in anew.

fn main() {
    for path in ["../sdk", "../wit/detector", "templates"] {
        println!("cargo::rerun-if-changed={path}");
    }
}
