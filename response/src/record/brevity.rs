//! The two pages of a record: each section says so much and no more, and what it leaves out stands in the appendix.

use crate::foreign::markdown;

/// Longest text of a line before the appendix, in characters.
const TEXT_CHARS: usize = 100;

/// A line of a section: what stands before and after a text that may be long.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Markdown.
    pub before: String,
    /// Plain, and cut where it is too long.
    pub text: String,
    /// Markdown.
    pub after: String,
    /// Markdown that stands in the appendix alone.
    pub more: String,
}

impl Line {
    /// Makes a line that is nothing but a text.
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    fn is_long(&self) -> bool {
        !self.more.is_empty() || self.text.chars().count() > TEXT_CHARS
    }

    fn short(&self) -> String {
        let is_cut = self.text.chars().count() > TEXT_CHARS;
        let text: String = self.text.chars().take(TEXT_CHARS).collect();
        let dots = if is_cut { "…" } else { "" };
        format!("- {}{}{dots}{}\n", self.before, markdown(text.trim_end()), self.after)
    }

    fn whole(&self) -> String {
        format!("- {}{}{}\n{}", self.before, markdown(&self.text), self.after, self.more)
    }
}

/// A report that is being written.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    /// What fits two pages.
    pub text: String,
    /// What does not.
    pub appendix: String,
}

impl Pages {
    /// Writes lines: of more than `most` the first and the newest, and all of them in the appendix under `title`.
    pub(super) fn lines(&mut self, title: &str, lines: &[Line], most: usize) {
        let count = lines.len();
        for (position, line) in lines.iter().enumerate() {
            if position == most / 2 && count > most {
                self.text.push_str(&format!("- *{} more stand in the appendix*\n", count - most));
            }
            if count <= most || position < most / 2 || position + (most - most / 2) >= count {
                self.text.push_str(&line.short());
            }
        }
        if count > most || lines.iter().any(Line::is_long) {
            self.appendix.push_str(&format!("\n## {title}\n\n"));
            lines.iter().for_each(|line| self.appendix.push_str(&line.whole()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_stands_in_the_appendix() {
        let mut pages = Pages::default();
        let lines: Vec<Line> = ["a", "b", "c", "d"].into_iter().map(Line::of).collect();
        pages.lines("All", &lines, 4);
        assert_eq!((pages.text.as_str(), pages.appendix.as_str()), ("- a\n- b\n- c\n- d\n", ""));
        let mut pages = Pages::default();
        pages.lines("All", &lines, 3);
        assert_eq!(pages.text, "- a\n- *1 more stand in the appendix*\n- c\n- d\n");
        assert_eq!(pages.appendix, "\n## All\n\n- a\n- b\n- c\n- d\n");
        let mut pages = Pages::default();
        pages.lines("All", &[Line { after: " (critical)".into(), ..Line::of(&"long ".repeat(60)) }], 3);
        assert!(pages.text.ends_with("long… (critical)\n") && pages.text.len() < 170, "{}", pages.text);
        assert!(pages.appendix.len() > 300);
    }
}
