//! Makes the pages' folder known to cargo, so that a new web build makes a new server, and packs the
//! program's relocations where they can be loaded.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    follow_pages();
    pack_relocations();
}

fn follow_pages() {
    let web = Path::new("../../web");
    let built = web.join("dist");
    // A path that is missing would count as changed at every build.
    if web.is_dir() && !built.exists() {
        // Without it the server is built without pages, and says so.
        let _ = std::fs::create_dir(&built);
    }
    if built.exists() {
        println!("cargo::rerun-if-changed={}", built.display());
    }
}

/// Lets the linker pack the places that are corrected when the program is loaded: they take 7 MB
/// otherwise, all of which are read into memory at each start.
///
/// glibc loads them from 2.36 on; `OUTLAY_GLIBC` names the one that is built for, where that is not
/// this machine's.
fn pack_relocations() {
    println!("cargo::rerun-if-env-changed=OUTLAY_GLIBC");
    let is_gnu = std::env::var("TARGET").is_ok_and(|target| target.ends_with("-linux-gnu"));
    let wanted = std::env::var("OUTLAY_GLIBC").ok().or_else(own_glibc);
    if is_gnu && wanted.as_deref().and_then(minor).is_some_and(|minor| minor >= 36) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// This machine's, e.g. `2.36`; nothing where it has another library.
fn own_glibc() -> Option<String> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?.stdout;
    Some(String::from_utf8(told).ok()?.trim().strip_prefix("glibc ")?.to_owned())
}

/// The second number of version 2.
fn minor(glibc: &str) -> Option<u32> {
    glibc.strip_prefix("2.")?.split('.').next()?.parse().ok()
}
