//! Tables for people: as wide as the terminal, numbers to the right.

use crate::store::{Cell, Sheet};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use console::Term;

/// The rows with their column names; "no rows" where there are none. Ends with a newline.
pub(super) fn table(sheet: &Sheet) -> String {
    if sheet.rows.is_empty() {
        return "no rows\n".into();
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(&sheet.columns);
    match terminal_width() {
        Some(width) => table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic),
        // Into a file or another program: one line for each row.
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    for row in &sheet.rows {
        table.add_row(row.iter().map(text));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        if is_numeric(sheet, index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n")
}

/// `None`: stdout is no terminal.
fn terminal_width() -> Option<u16> {
    let terminal = Term::stdout();
    // A serial console does not tell its width.
    terminal.is_term().then(|| terminal.size_checked().map_or(80, |(_, width)| width))
}

/// Nothing but numbers, and at least one.
fn is_numeric(sheet: &Sheet, column: usize) -> bool {
    let mut values = sheet.rows.iter().filter_map(|row| row.get(column)).filter(|cell| **cell != Cell::Null).peekable();
    values.peek().is_some() && values.all(|cell| matches!(cell, Cell::Integer(_) | Cell::Real(_)))
}

/// A value in words; nothing where nothing is known.
pub(super) fn text(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        // A line end would break the table, an escape could move the cursor.
        Cell::Text(text) => text.replace(char::is_control, " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_no_cell_breaks_its_line() {
        let sheet = Sheet {
            columns: vec!["app".into(), "used".into()],
            rows: vec![
                vec![Cell::Text("Café 店\n\u{1b}[31m".into()), Cell::Integer(7)],
                vec![Cell::Null, Cell::Integer(1200)],
            ],
        };
        let table = table(&sheet);
        assert!(table.contains("    7 │"), "{table}");
        assert!(!table.contains('\u{1b}'));
        assert_eq!(table.lines().count(), 6, "{table}");
    }
}
