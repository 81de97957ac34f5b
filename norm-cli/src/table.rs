//! A plain table: aligned columns, no lines, fit for a terminal and for a log.

use crate::text;

/// Rows under a heading. Columns are as wide as their widest cell.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
    align_right: Vec<bool>,
}

impl Table {
    /// A table with these columns; a heading that begins with `>` aligns its column to the right.
    pub fn new(headings: &[&str]) -> Self {
        let align_right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        let heading = |text: &&str| text.trim_start_matches('>').to_owned();
        Self { rows: vec![headings.iter().map(heading).collect()], align_right }
    }

    /// Adds a row. Foreign text in it is made safe.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| text::plain(&cell).into_owned()).collect());
    }

    /// The lines, heading first, indented by two spaces. None at all without rows.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let columns = self.align_right.len();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let rows = if self.rows.len() > 1 { self.rows.as_slice() } else { &[] };
        rows.iter().map(move |row| {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.align_right) {
                line.push_str("  ");
                line.push_str(&match right {
                    true => format!("{cell:>width$}"),
                    false => format!("{cell:<width$}"),
                });
            }
            line.trim_end().to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_without_rows_is_not_shown() {
        assert_eq!(Table::new(&["name"]).lines().count(), 0);
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["name", ">loss", "result"]);
        table.row(["lab-1".to_owned(), "0.0 %".to_owned(), "complete".to_owned()]);
        table.row(["größer\n".to_owned(), "12.5 %".to_owned(), "lost".to_owned()]);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "  name        loss  result");
        assert_eq!(lines[1], "  lab-1      0.0 %  complete");
        assert_eq!(lines[2], "  größer\\n  12.5 %  lost");
    }
}
