//! The Debian package: an `ar` archive of what installs it and of its files.

use anyhow::bail;

use crate::binary::Binary;
use crate::tree::Tree;

/// Files that the machine's owner edits: an upgrade asks before it replaces them.
const CONFIG_FILES: &str = "/etc/watchfire/watchfire.toml\n";

/// Scripts that dpkg runs.
const SCRIPTS: [(&str, &str); 3] = [
    ("postinst", include_str!("../files/postinst")),
    ("prerm", include_str!("../files/prerm")),
    ("postrm", include_str!("../files/postrm")),
];

/// Returns the package of these files.
///
/// # Errors
///
/// If the binary needs a library that no known package of Debian brings.
pub(crate) fn package(files: &Tree, binary: &Binary, mtime_s: u64) -> anyhow::Result<Vec<u8>> {
    let mut control = Tree::default();
    control.file("control", description(files, binary)?);
    control.file("conffiles", CONFIG_FILES);
    for (name, text) in SCRIPTS {
        control.program(name, text);
    }
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", control.tar_gz(mtime_s)?),
        ("data.tar.gz", files.tar_gz(mtime_s)?),
    ];
    let mut archive = ar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = ar::Header::new(name.as_bytes().to_vec(), bytes.len() as u64);
        header.set_mode(0o100_644);
        header.set_mtime(mtime_s);
        archive.append(&header, bytes.as_slice())?;
    }
    Ok(archive.into_inner()?)
}

fn description(files: &Tree, binary: &Binary) -> anyhow::Result<String> {
    Ok(format!(
        "\
Package: watchfire
Version: {}
Architecture: {}
Maintainer: Watchfire's maintainers <maintainers@watchfire.dev>
Installed-Size: {}
Depends: {}
Section: net
Priority: optional
Homepage: https://watchfire.dev
Description: watches a protocol on chain and decides by its response plan
 Watchfire streams chain data and off-chain feeds through sandboxed WebAssembly
 detectors, gathers what they find into incidents, and decides by the protocol's
 own response plan who may do what. It brings three detectors and a demo:
 `watchfire demo`.
",
        binary.version,
        binary.machine.debian(),
        files.size_bytes().div_ceil(1_024),
        depends(binary)?.join(", "),
    ))
}

/// Returns the packages that this one needs: those of its libraries, and those that its set-up and its TLS need.
fn depends(binary: &Binary) -> anyhow::Result<Vec<String>> {
    let (major, minor) = binary.glibc;
    let mut depends = vec!["adduser".to_owned(), "ca-certificates".to_owned(), format!("libc6 (>= {major}.{minor})")];
    for library in &binary.needs {
        match library.as_str() {
            "libc.so.6" | "libm.so.6" | "libdl.so.2" | "libpthread.so.0" | "librt.so.1" => {}
            loader if loader.starts_with("ld-linux-") => {}
            "libgcc_s.so.1" => depends.push("libgcc-s1".to_owned()),
            other => bail!("it is not known which package of Debian brings `{other}`"),
        }
    }
    Ok(depends)
}
