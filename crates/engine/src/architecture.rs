//! What ARCHITECTURE says of the crates, held against their sources.

use std::path::{Path, PathBuf};

/// What only `store` knows of: its database and the columns of its files.
const OF_THE_STORE: [&str; 5] = ["rusqlite", "libsqlite3_sys", "datafusion", "arrow", "parquet"];

/// Where databases of other programs are read, which is an importer's own business.
const READS_FOREIGN_DATABASES: &str = "engine/src/import/leadfactory";

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn only_the_store_knows_how_things_are_stored() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["engine/src", "server/src", "domain/src", "analytics/src"] {
        sources(&crates.join(folder), &mut files);
    }
    files.retain(|file| !file.starts_with(crates.join(READS_FOREIGN_DATABASES)));
    assert!(files.len() > 300, "{} files", files.len());

    let mut found = Vec::new();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        for name in OF_THE_STORE {
            if source.contains(&format!("{name}::")) {
                found.push(format!("{} names `{name}`", file.display()));
            }
        }
    }

    assert_eq!(found, [""; 0]);
}
