//! Rows of text as an aligned table, for a terminal or for Markdown.

/// Most of a column that is filled up with spaces, in characters.
const WIDEST: usize = 200;

/// A table.
pub(super) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// One without rows.
    pub(super) fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; what would break a line becomes a space.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| cell.replace(char::is_control, " ")).collect());
    }

    /// What stands above each column.
    pub(super) fn heads(&self) -> &[&'static str] {
        &self.heads
    }

    /// The cells of each row.
    pub(super) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// For a terminal: columns side by side, the last as long as it is. What is wider than a terminal stands out of line.
    pub(super) fn pretty(&self) -> String {
        let heads: Vec<String> = self.heads.iter().map(|head| (*head).to_owned()).collect();
        let lines = std::iter::once(&heads).chain(&self.rows);
        let widths: Vec<usize> = (0..heads.len())
            .map(|column| lines.clone().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in lines {
            let padded: Vec<String> = line
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}", width = (*width).min(WIDEST)))
                .collect();
            text.push_str(padded.join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// For Markdown.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let heads: Vec<String> = self.heads.iter().map(|head| (*head).to_owned()).collect();
        let mut text = line(&heads) + &format!("|{}\n", "---|".repeat(heads.len()));
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            text.push_str(&line(&cells));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_its_text_stays_in_its_cell() {
        let mut table = Table::new(&["risk", "says"]);
        table.row(["bent-price".to_owned(), "one | two".to_owned()]);
        table.row(["ü".to_owned(), "three\nfour".to_owned()]);
        assert_eq!(table.pretty(), "risk        says\nbent-price  one | two\nü           three four\n");
        let expected = "| risk | says |\n|---|---|\n| bent-price | one \\| two |\n| ü | three four |\n";
        assert_eq!(table.markdown(), expected);
    }

    #[test]
    fn what_no_terminal_shows_in_a_line_is_printed_all_the_same() {
        let mut table = Table::new(&["class", "count"]);
        table.row(["a".repeat(100_000), "1".to_owned()]);
        assert!(table.pretty().ends_with("a  1\n"));
    }
}
