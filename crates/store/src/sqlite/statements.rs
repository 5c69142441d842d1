//! Every statement of the books, as it stands in the source, tried on SQLite and on PostgreSQL.
//!
//! A statement is a text in the source that begins with a verb of SQL, once the constants that it
//! names are put in. Those that no test runs are among them, too. PostgreSQL's tables are made from
//! what SQLite's catalogue says after all migrations, so that there is one schema to keep.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use super::{BOOKS_FILE, Books};

/// Where the PostgreSQL is that statements are tried on, as `psql` takes it.
const POSTGRESQL: &str = "OUTLAY_POSTGRESQL";
const VERBS: [&str; 8] =
    ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "SAVEPOINT", "ROLLBACK", "RELEASE"];

/// A text between quotation marks, and the name of the constant that it is the value of.
struct Text {
    line: usize,
    constant: Option<String>,
    value: String,
}

/// SQL that can be prepared, and where it is from.
struct Statement {
    place: String,
    sql: String,
}

impl Statement {
    fn new(place: &str, sql: &str) -> Self {
        Self { place: place.to_owned(), sql: sql.to_owned() }
    }

    /// Whether it is about a transaction itself, which is said and not prepared.
    fn is_control(&self) -> bool {
        VERBS[5..].iter().any(|verb| self.sql.starts_with(verb))
    }
}

fn is_statement(text: &str) -> bool {
    VERBS.iter().any(|verb| {
        text.strip_prefix(verb).is_some_and(|rest| rest.starts_with(char::is_whitespace))
    })
}

// Reading the source

/// The sources below a folder, but for how the file itself is opened and tended, and for this.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let own = [folder.join("mod.rs"), folder.join("statements.rs")];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") && !own.contains(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The texts of a source, but for those of its comments.
fn texts(source: &str) -> Vec<Text> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(letter) = source[at..].chars().next() {
        let rest = &source[at..];
        at += if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if letter == '\'' {
            length_of_letter(rest)
        } else if letter == '"' {
            let (value, length) = unquoted(rest);
            let line = source[..at].lines().count();
            found.push(Text { line, constant: constant_before(&source[..at]), value });
            length
        } else {
            letter.len_utf8()
        };
    }
    found
}

/// How long a letter in quotation marks is, or the mark of a lifetime.
fn length_of_letter(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(1, |end| end + 4),
        Some(_) => letters.next().filter(|(_, mark)| *mark == '\'').map_or(1, |(end, _)| end + 1),
        None => 1,
    }
}

/// What stands in quotation marks at the beginning of `rest`, and how long it is with them.
fn unquoted(rest: &str) -> (String, usize) {
    let mut value = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, at + 1),
            '\\' => match letters.next().unwrap().1 {
                '\n' => while letters.next_if(|(_, next)| next.is_whitespace()).is_some() {},
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            _ => value.push(letter),
        }
    }
    panic!("a text does not end: {rest}");
}

/// The constant that what follows is the value of, as in `const RULES: &str = `.
fn constant_before(source: &str) -> Option<String> {
    let declared = source.trim_end().strip_suffix('=')?.trim_end().strip_suffix(": &str")?;
    let (_, name) = declared.rsplit_once("const ")?;
    Some(name.to_owned())
}

/// Puts in what is named in braces: a constant, or `{user}` for `USER_COLUMNS`. What it names is
/// noted in `used`.
fn put_together(
    text: &str,
    constants: &BTreeMap<String, String>,
    used: &mut BTreeSet<String>,
) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, inner)| Some((before, inner.split_once('}')?)))
    {
        let names = [name.to_owned(), format!("{}_COLUMNS", name.to_uppercase())];
        let found = names.iter().find(|name| constants.contains_key(*name));
        whole.push_str(before);
        match found {
            Some(name) => {
                used.insert(name.clone());
                whole.push_str(&put_together(&constants[name], constants, used));
            }
            None => write!(whole, "{{{name}}}").unwrap(),
        }
        rest = after;
    }
    whole + rest
}

/// The statements of one source; what is part of none of them stands in the second list.
fn statements_of(file: &str, source: &str) -> (Vec<Statement>, Vec<String>) {
    let texts = texts(source.split("#[cfg(test)]").next().unwrap());
    let constants: BTreeMap<String, String> = texts
        .iter()
        .filter_map(|text| Some((text.constant.clone()?, text.value.clone())))
        .collect();
    let mut used = BTreeSet::new();
    let mut statements = Vec::new();
    for text in &texts {
        let mut parts = BTreeSet::new();
        let whole = put_together(&text.value, &constants, &mut parts);
        if is_statement(whole.trim()) {
            used.extend(parts);
            used.extend(text.constant.clone());
            let name = text.constant.as_deref().unwrap_or_default();
            let place = format!("{file}:{} {name}", text.line);
            statements.push(Statement::new(place.trim(), whole.trim()));
        }
    }
    let left = constants.into_keys().filter(|name| !used.contains(name)).collect();
    (statements, left)
}

/// Every statement of the books. Panics where one cannot be read off the source.
fn statements() -> Vec<Statement> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite");
    let mut all = Vec::new();
    for path in sources(&folder) {
        let file = path.strip_prefix(&folder).unwrap().display().to_string();
        let source = std::fs::read_to_string(&path).unwrap();
        let (statements, left) = statements_of(&file, &source);
        assert!(left.is_empty(), "{file}: no statement has {left:?} in it");
        all.extend(statements);
    }
    all
}

/// Whether one of the calls of `name` in `sql` has several arguments.
fn has_several_arguments(sql: &str, name: &str) -> bool {
    sql.match_indices(&format!("{name}(")).any(|(at, call)| {
        let is_of_word = |letter: char| letter.is_alphanumeric() || "_.".contains(letter);
        if sql[..at].ends_with(is_of_word) {
            return false;
        }
        let mut depth = 1;
        for letter in sql[at + call.len()..].chars() {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                ',' if depth == 1 => return true,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        false
    })
}

// Speaking PostgreSQL

/// The tables and indexes of the books in PostgreSQL's words, for as long as a session lasts.
fn schema(books: &Connection) -> String {
    let mut schema = String::new();
    for table in strings(
        books,
        "SELECT name FROM pragma_table_list WHERE schema = 'main'
                                 AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        "",
    ) {
        let columns = columns(books, &table);
        let unique = "SELECT (SELECT group_concat(name, ', ') FROM pragma_index_info(list.name))
                      FROM pragma_index_list(?1) AS list WHERE origin IN ('u', 'pk')";
        let keys = strings(books, unique, &table).into_iter().map(|key| format!("UNIQUE ({key})"));
        let lines: Vec<_> = columns.into_iter().chain(keys).collect();
        writeln!(schema, "CREATE TEMP TABLE {table} ({});", lines.join(", ")).unwrap();
        let indexes = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql <> ''
                       AND tbl_name = ?1";
        for index in strings(books, indexes, &table) {
            writeln!(schema, "{index};").unwrap();
        }
    }
    schema
}

/// The first column of the rows that `sql` finds for `?1`.
fn strings(books: &Connection, sql: &str, of: &str) -> Vec<String> {
    let mut statement = books.prepare(sql).unwrap();
    let bound: &[&dyn rusqlite::ToSql] = if sql.contains("?1") { &[&of] } else { &[] };
    let rows = statement.query_map(bound, |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn columns(books: &Connection, table: &str) -> Vec<String> {
    let sql = "SELECT name, type, \"notnull\", dflt_value, pk,
                      (SELECT count(*) FROM pragma_table_info(?1) WHERE pk > 0)
               FROM pragma_table_info(?1)";
    let mut statement = books.prepare(sql).unwrap();
    let column = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
        let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
        let (is_required, default): (bool, Option<String>) = (row.get(2)?, row.get(3)?);
        let is_row_id =
            kind == "INTEGER" && row.get::<_, i64>(4)? == 1 && row.get::<_, i64>(5)? == 1;
        let kind = match kind.as_str() {
            "INTEGER" => "bigint",
            "TEXT" => "text",
            "BLOB" => "bytea",
            other => panic!("{table}.{name} is of a type without a counterpart, {other}"),
        };
        let rest = match default {
            _ if is_row_id => " PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY".to_owned(),
            Some(value) => format!(" DEFAULT {value}"),
            None => String::new(),
        };
        Ok(format!("\"{name}\" {kind}{}{rest}", if is_required { " NOT NULL" } else { "" }))
    };
    let columns = statement.query_map([table], column).unwrap();
    columns.collect::<Result<_, _>>().unwrap()
}

/// The same statement with its parameters as PostgreSQL writes them.
fn numbered(sql: &str) -> String {
    let pieces = sql.split('\'').enumerate().map(|(index, piece)| {
        // Every other piece is a text in quotation marks.
        if index % 2 == 0 { piece.replace('?', "$") } else { piece.to_owned() }
    });
    pieces.collect::<Vec<_>>().join("'")
}

/// What `psql` is to do: each statement is prepared and planned, because what `ON CONFLICT` needs
/// is looked for by the planner. Those that are refused are said, one a line.
fn script(schema: &str, statements: &[(&Statement, usize)]) -> String {
    let mut script = format!(
        "\\set ON_ERROR_STOP on\n\\o /dev/null\nSET plan_cache_mode = force_generic_plan;\n\
         {schema}\\set ON_ERROR_STOP off\n"
    );
    let said = |place: &str| format!("\\if :ERROR\n\\echo {place}: :LAST_ERROR_MESSAGE\n\\endif\n");
    for (Statement { place, sql }, parameters) in
        statements.iter().filter(|(statement, _)| !statement.is_control())
    {
        let nulls = vec!["NULL"; *parameters].join(", ");
        let bound = if nulls.is_empty() { nulls } else { format!("({nulls})") };
        let said = said(place);
        write!(
            script,
            "PREPARE tried AS {};\n{said}\\if :ERROR\n\\else\nEXPLAIN EXECUTE tried{bound};\n{said}\
             DEALLOCATE tried;\n\\endif\n",
            numbered(sql)
        )
        .unwrap();
    }
    script.push_str("BEGIN;\n");
    for (Statement { place, sql }, _) in
        statements.iter().filter(|(statement, _)| statement.is_control())
    {
        write!(script, "{sql};\n{}", said(place)).unwrap();
    }
    script.push_str("ROLLBACK;\n\\o\n");
    // A number for machines; the test wants to know that it came this far, and with what.
    script.push_str("SELECT current_setting('server_version_num');\n");
    script
}

/// The books of a new folder.
fn new_books() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    drop(Books::open(folder.path()).unwrap());
    let books = Connection::open(folder.path().join(BOOKS_FILE)).unwrap();
    (folder, books)
}

/// Tries the statements on a PostgreSQL, and returns its version and what it refused.
fn tried_on_postgresql(statements: &[(&Statement, usize)]) -> (u32, Vec<String>) {
    let server = std::env::var(POSTGRESQL)
        .unwrap_or_else(|_| panic!("{POSTGRESQL} is not set; run scripts/postgresql.sh"));
    let (folder, books) = new_books();
    let path = folder.path().join("script.sql");
    std::fs::write(&path, script(&schema(&books), statements)).unwrap();
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=VERBOSITY=terse"])
        .arg(format!("--file={}", path.display()))
        .arg(server)
        .output()
        .unwrap();
    let (said, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
    let version = lines.pop().and_then(|line| line.parse().ok());
    assert!(output.status.success() && version.is_some(), "psql did not come to its end: {errors}");
    (version.unwrap(), lines)
}

#[test]
fn texts_are_read_as_the_compiler_reads_them() {
    let source = r#"
        // "No text."
        const ONE: &str = "SELECT '\"' \
                           FROM one";
        fn two<'a>(quote: &'a str) -> bool { quote.contains('"') || quote == "\\" }
    "#;

    let found: Vec<_> = texts(source).into_iter().map(|text| (text.constant, text.value)).collect();

    assert_eq!(found, [(Some("ONE".into()), "SELECT '\"' FROM one".into()), (None, "\\".into())]);
}

#[test]
fn statements_are_put_together_from_their_parts() {
    let source = r#"
        const KEY_COLUMNS: &str = "key_id, name";
        const KEY: &str = "SELECT {key} FROM keys";
        const ROWS: &str = "SELECT id FROM rows";
        const BY_ID: &str = "WHERE id = ?1";
        const FORGOTTEN: &str = "ORDER BY id";
        fn one() -> String { format!("{ROWS} {BY_ID}") }
        #[cfg(test)]
        const OF_TESTS: &str = "SELECT 1";
    "#;

    let (statements, left) = statements_of("rows.rs", source);

    let sql: Vec<_> = statements.iter().map(|statement| statement.sql.as_str()).collect();
    assert_eq!(
        sql,
        [
            "SELECT key_id, name FROM keys",
            "SELECT id FROM rows",
            "SELECT id FROM rows WHERE id = ?1"
        ]
    );
    assert_eq!(left, ["FORGOTTEN"]);
}

#[test]
fn every_statement_of_the_source_is_known_to_sqlite() {
    let (_folder, books) = new_books();

    let statements = statements();

    let refused: Vec<_> = statements
        .iter()
        .filter_map(|Statement { place, sql }| {
            books.prepare(sql).err().map(|error| format!("{place}: {error}"))
        })
        .collect();
    assert_eq!(refused, [""; 0]);
    assert!(statements.len() > 130, "{} statements were found", statements.len());
}

#[test]
fn statements_are_in_words_that_other_databases_understand_too() {
    let (_folder, books) = new_books();
    let mut found = Vec::new();
    for Statement { place, sql } in &statements() {
        for word in ["INSERT OR ", "ifnull(", "instr(", "NOCASE", "json_"] {
            if sql.contains(word) {
                found.push(format!("{place} says `{word}`"));
            }
        }
        let scalar = ["max", "min"].into_iter().filter(|name| has_several_arguments(sql, name));
        found.extend(scalar.map(|word| format!("{place} compares by `{word}`")));
        let prepared = books.prepare(sql).unwrap();
        let names = (1..=prepared.parameter_count()).filter_map(|at| prepared.parameter_name(at));
        found.extend(
            names.filter(|name| !name.starts_with('?')).map(|name| format!("{place} names {name}")),
        );
    }

    assert_eq!(found, [""; 0]);
}

#[test]
#[ignore = "asks a PostgreSQL, which scripts/postgresql.sh starts"]
fn every_statement_is_prepared_by_postgresql() {
    let (_folder, books) = new_books();
    let statements = statements();
    let counted: Vec<_> = statements
        .iter()
        .map(|statement| (statement, books.prepare(&statement.sql).unwrap().parameter_count()))
        .collect();

    let (version, refused) = tried_on_postgresql(&counted);

    assert_eq!(refused, [""; 0]);
    assert!(version >= 150_000, "PostgreSQL {version} is older than 15");
    println!("{} statements are prepared by PostgreSQL {version}", statements.len());
}

#[test]
#[ignore = "asks a PostgreSQL, which scripts/postgresql.sh starts"]
fn statements_that_only_sqlite_understands_are_refused_by_postgresql() {
    let wrong = [
        ("INSERT OR REPLACE INTO heartbeat (one, beats) VALUES (1, ?1)", 1, "syntax error"),
        ("SELECT ifnull(beats, ?1) FROM heartbeat", 1, "function ifnull"),
        ("SELECT beat FROM heartbeat", 0, "column \"beat\" does not exist"),
        // Found by the planner only.
        (
            "INSERT INTO budgets (budget_id, budget) VALUES (?1, '?') ON CONFLICT (budget) DO NOTHING",
            1,
            "no unique or exclusion constraint",
        ),
        ("SAVEPOINT 'attempt'", 0, "syntax error"),
    ];
    let statements: Vec<_> =
        wrong.iter().map(|(sql, ..)| Statement::new("wrong.rs", sql)).collect();
    let right =
        Statement::new("right.rs", "SELECT beats FROM heartbeat WHERE one = ?1 AND '?1' <> ''");
    let mut counted: Vec<_> = statements.iter().zip(wrong.map(|(_, count, _)| count)).collect();
    counted.push((&right, 1));

    let (_, refused) = tried_on_postgresql(&counted);

    assert_eq!(refused.len(), wrong.len(), "{refused:?}");
    for (said, (_, _, reason)) in refused.iter().zip(wrong) {
        assert!(said.starts_with("wrong.rs: ") && said.contains(reason), "{said}");
    }
}
