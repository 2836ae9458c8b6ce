//! Lines that fit a terminal, with colour where it is one.

use anstyle::{AnsiColor, Style};

use crate::finding::Severity;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Columns that lines may take: those of the terminal, at most 100; 80 where it is none.
pub(super) fn width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0).clamp(40, 100))
}

/// Breaks text into lines of at most `width` columns; each after the first stands behind `indent` spaces. A word that is longer
/// stays whole, so that hashes and commands can be copied.
pub(super) fn wrapped(text: &str, first: usize, indent: usize, width: usize) -> String {
    let mut lines = " ".repeat(first);
    let (mut used, mut is_empty) = (first, true);
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if !is_empty && used + 1 + length > width {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            (used, is_empty) = (indent, true);
        }
        if !is_empty {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
        is_empty = false;
    }
    lines
}

/// Prints text that is broken so.
pub(super) fn say(text: &str, first: usize, indent: usize) {
    anstream::println!("{}", wrapped(text, first, indent, width()));
}

/// Prints a heading.
pub(super) fn heading(text: &str) {
    anstream::println!("\n{BOLD}{text}{BOLD:#}");
}

/// The colour of a severity.
pub(super) fn style(severity: Severity) -> Style {
    match severity {
        Severity::Info => DIM,
        Severity::Low => AnsiColor::Blue.on_default(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Critical => BAD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_long_words_stay_whole() {
        assert_eq!(wrapped("one two three four", 2, 4, 12), "  one two\n    three\n    four");
        assert_eq!(wrapped("0xabababababab is it", 0, 2, 8), "0xabababababab\n  is it");
        assert_eq!(wrapped("a\u{1b}[31mb\nc", 0, 0, 80), "a [31mb c");
        assert_eq!(wrapped("", 3, 3, 80), "   ");
    }
}
