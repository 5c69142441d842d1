//! Makes the pages' folder known to cargo, so that a new web build makes a new server.

use std::path::Path;

fn main() {
    let web = Path::new("../../web");
    let built = web.join("dist");
    // A path that is missing would count as changed at every build.
    if web.is_dir() && !built.exists() {
        // Without it the server is built without pages, and says so.
        let _ = std::fs::create_dir(&built);
    }
    println!("cargo::rerun-if-changed=build.rs");
    if built.exists() {
        println!("cargo::rerun-if-changed={}", built.display());
    }
}
