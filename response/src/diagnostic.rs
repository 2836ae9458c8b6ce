//! Diagnostics: what is wrong in a file that people wrote, where, and how to mend it.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Whether a file can be used in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gravity {
    /// The file can't be used until it is mended.
    Error,
    /// It can be used, but somebody should look.
    Warning,
}

impl fmt::Display for Gravity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Gravity::Error => "error",
            Gravity::Warning => "warning",
        })
    }
}

/// One thing that is wrong, at its place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file's name as it was given.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1 in characters.
    pub column: usize,
    /// Whether the file can be used in spite of it.
    pub severity: Gravity,
    /// Code of the check that found it, as `WF-E01`; empty for what keeps a file from being read as it is meant.
    #[serde(default)]
    pub code: String,
    /// Dotted path of the key, as `signal.drain.interventions`; empty for the whole file.
    pub key: String,
    /// What is wrong, in a clause without a full stop.
    pub message: String,
    /// How to mend it, in a clause without a full stop; empty if the message says so.
    pub help: String,
    /// Why it matters, in a sentence; empty if there is no code.
    #[serde(default)]
    pub why: String,
}

impl Diagnostic {
    /// Makes a diagnostic that stands at `span`, in bytes, of `text`, the content of `file`.
    pub fn at(severity: Gravity, file: &str, text: &str, span: Range<usize>, key: &str, message: String) -> Self {
        let (line, column) = position(text, span.start);
        let (code, help, why) = (String::new(), String::new(), String::new());
        Self { file: file.into(), line, column, severity, code, key: key.into(), message, help, why }
    }

    /// Adds the code of the check that found it, and why it matters.
    pub fn with_code(mut self, code: &str, why: &str) -> Self {
        self.code = code.into();
        self.why = why.into();
        self
    }

    /// Adds how to mend it.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Whether the file can't be used until this is mended.
    pub fn is_error(&self) -> bool {
        self.severity == Gravity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.severity)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "; {}", self.help)?;
        }
        Ok(())
    }
}

/// Returns line and column of a byte of `text`, both counted from 1, the column in characters.
pub fn position(text: &str, byte: usize) -> (usize, usize) {
    let byte = (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let before = &text[..byte];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Returns the one of `known` that `given` was most likely meant to be; `None` if nothing is near.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &str| {
        let whole = strsim::jaro_winkler(given, candidate);
        let begins = given.len() >= 3 && (candidate.starts_with(given) || given.starts_with(candidate));
        let part = given.len() >= 4
            && candidate.split(['-', '_']).any(|part| part.len() >= 4 && strsim::damerau_levenshtein(part, given) <= 1);
        if begins || part { whole.max(0.9) } else { whole }
    };
    known
        .into_iter()
        .map(|candidate| (near(candidate), candidate))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| y.cmp(x)))
        .map(|(_, candidate)| candidate)
}

/// Returns the end of a message about an unknown name: "did you mean `x`?", or the names that are known; empty if none is.
pub fn suggestion<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(given, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => String::new(),
        None if known.len() > 12 => format!("known are `{}` and {} more", known[..12].join("`, `"), known.len() - 12),
        None => format!("known are `{}`", known.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        assert_eq!(position("ab\ncd", 0), (1, 1));
        assert_eq!(position("ab\ncd", 4), (2, 2));
        assert_eq!(position("é = 1", 3), (1, 3));
        assert_eq!(position("ab", 99), (1, 3));
    }

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let known = ["pause-vault", "freeze-borrowing", "cap-withdrawals"];
        assert_eq!(nearest("puase-vault", known), Some("pause-vault"));
        assert_eq!(nearest("pause", known), Some("pause-vault"));
        assert_eq!(nearest("puase", known), Some("pause-vault"));
        assert_eq!(nearest("xyzzy", known), None);
        assert_eq!(suggestion("xyzzy", ["a", "b"]), "known are `a`, `b`");
    }

    #[test]
    fn a_diagnostic_reads_as_one_line() {
        let text = "[signal.drain]\ninterventions = [\"puase\"]\n";
        let span = text.find("\"puase\"").unwrap()..text.len();
        let message = "no intervention is called `puase`".to_owned();
        let found =
            Diagnostic::at(Gravity::Error, "response/signals.toml", text, span, "signal.drain.interventions", message)
                .with_help("did you mean `pause-vault`?");
        assert_eq!(
            found.to_string(),
            "response/signals.toml:2:18: error: signal.drain.interventions: no intervention is called `puase`; \
             did you mean `pause-vault`?"
        );
        let coded = found.with_code("WF-E01", "Nobody would act.").to_string();
        assert!(coded.starts_with("response/signals.toml:2:18: error WF-E01: signal.drain"), "{coded}");
    }
}
