//! Lines have at most 100 columns, cells of tables at most 120 characters.
//!
//! Lines with a URL and blocks of code in documents may be longer. What does not fit into a cell
//! becomes a paragraph below the table.

use crate::documents::{all, cells, prose};
use crate::sources::{CRATES, Source, assert_none, files};

const MAX_COLUMNS: usize = 100;
const MAX_CELL: usize = 120;

#[test]
fn rust_has_at_most_100_columns() {
    let mut found = Vec::new();
    for file in CRATES.iter().flat_map(|name| files(name, ".rs")) {
        check_lines(&file, file.lines(), &mut found);
    }
    assert_none("lines of Rust over 100 columns", &found);
}

#[test]
fn documents_have_at_most_100_columns() {
    let mut found = Vec::new();
    for file in all() {
        let lines = prose(&file).into_iter().filter(|(_, line)| !line.starts_with('|'));
        check_lines(&file, lines, &mut found);
    }
    assert_none("lines of documents over 100 columns", &found);
}

#[test]
fn cells_of_tables_have_at_most_120_characters() {
    let mut found = Vec::new();
    for file in all() {
        for (number, row) in prose(&file).into_iter().filter(|(_, line)| line.starts_with('|')) {
            for length in cells(row).map(|cell| cell.chars().count()) {
                if length > MAX_CELL {
                    found.push(format!("{}:{number}: {length} characters", file.path));
                }
            }
        }
    }
    assert_none("cells of tables over 120 characters", &found);
}

fn check_lines<'a>(
    file: &Source,
    lines: impl Iterator<Item = (usize, &'a str)>,
    found: &mut Vec<String>,
) {
    for (number, line) in lines {
        let columns = line.chars().count();
        if columns > MAX_COLUMNS && !line.contains("://") {
            found.push(format!("{}:{number}: {columns} columns", file.path));
        }
    }
}
