//! The documents, line by line.

use crate::sources::{Source, files};

/// What is written for readers.
pub fn all() -> Vec<Source> {
    let top = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    [top.iter().flat_map(|name| files("", name)).collect(), files("docs", ".md")].concat()
}

/// The lines of a document outside of blocks of code.
pub fn prose(file: &Source) -> Vec<(usize, &str)> {
    let mut in_code = false;
    file.lines()
        .filter(|(_, line)| {
            let is_fence = line.trim_start().starts_with("```");
            in_code ^= is_fence;
            !in_code && !is_fence
        })
        .collect()
}

/// A line of a document, and what stands above it.
pub struct Line<'a> {
    pub number: usize,
    pub text: &'a str,
    /// First word of the heading.
    pub heading: &'a str,
    /// Cells of the head of the table.
    pub heads: Vec<&'a str>,
}

impl<'a> Line<'a> {
    pub fn is_heading(&self) -> bool {
        self.text.starts_with('#')
    }

    /// Each cell of the row with the head of its column; none outside of a table.
    pub fn cells(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.heads.clone().into_iter().zip(cells(self.text))
    }
}

/// Calls `visit` with each line of `documents` that is not code.
pub fn each_line(documents: &[Source], mut visit: impl FnMut(&Source, &Line)) {
    for file in documents {
        let mut heading = "";
        let mut heads = Vec::new();
        for (number, text) in prose(file) {
            if let Some(title) = text.trim_start_matches('#').strip_prefix(' ')
                && text.starts_with('#')
            {
                heading = title.split([' ', ',']).next().unwrap_or_default();
            }
            if !text.starts_with('|') {
                heads.clear();
            } else if heads.is_empty() {
                heads = cells(text).collect();
            }
            visit(file, &Line { number, text, heading, heads: heads.clone() });
        }
    }
}

/// The cells of a row of a table.
pub fn cells(row: &str) -> impl Iterator<Item = &str> {
    row.trim().trim_start_matches('|').trim_end_matches('|').split('|').map(str::trim)
}

/// What stands in backticks.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
