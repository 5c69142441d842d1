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

/// All that a dialect has: its folders.
const DIALECT_FOLDERS: [&str; 2] =
    ["server/src/dialects/leadfactory", "engine/src/import/leadfactory"];

/// And the lines that name it elsewhere: it is a module, registered, a system whose databases are
/// read, and the name of a price list.
const DIALECT_LINES: [(&str, usize); 4] = [
    ("engine/src/import/mod.rs", 2),
    ("engine/src/prices/import/sets.rs", 1),
    ("server/src/dialects/mod.rs", 1),
    ("server/src/dialects/registered.rs", 1),
];

/// What stands in a file besides its tests.
fn without_tests(file: &Path) -> String {
    let source = std::fs::read_to_string(file).unwrap();
    let is_tests = file.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"));
    match source.find("#[cfg(test)]") {
        _ if is_tests => String::new(),
        Some(at) => source[..at].to_owned(),
        None => source,
    }
}

#[test]
fn a_dialect_is_its_folders_and_the_lines_that_register_it() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["analytics/src", "domain/src", "engine/src", "server/src", "store/src"] {
        sources(&crates.join(folder), &mut files);
    }
    files.retain(|file| !DIALECT_FOLDERS.iter().any(|own| file.starts_with(crates.join(own))));
    // This file is the list of what is allowed.
    files.retain(|file| !file.ends_with("architecture.rs"));
    assert!(files.len() > 300, "{} files", files.len());
    files.sort();

    let mut found = Vec::new();
    for file in &files {
        let source = without_tests(file).to_lowercase();
        let lines = source.lines().filter(|line| line.contains("leadfactory")).count();
        if lines > 0 {
            let name = file.strip_prefix(crates).unwrap().display().to_string();
            found.push((name, lines));
        }
    }

    let allowed = DIALECT_LINES.map(|(file, lines)| (file.to_owned(), lines));
    assert_eq!(found, allowed);
}
