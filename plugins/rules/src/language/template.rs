//! Titles and descriptions: text with expressions in braces.

use super::names::{Constants, Scope};
use super::{EvaluationError, Expression, Mistake, Slots};

/// A text with expressions in it.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Expression(Expression),
}

impl Template {
    /// Reads a template: `{{` and `}}` stand for braces.
    ///
    /// # Errors
    ///
    /// If a brace has no other, or an expression is wrong, at its place in the template.
    pub fn new(source: &str, scope: &Scope, constants: &Constants) -> Result<Self, Mistake> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let chars: Vec<char> = source.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            match (chars[at], chars.get(at + 1)) {
                ('{', Some('{')) | ('}', Some('}')) => {
                    text.push(chars[at]);
                    at += 2;
                }
                ('{', _) => {
                    let end = end(&chars, at + 1).ok_or_else(|| {
                        Mistake::at(source, at, "this brace is not closed; write `{{` for a brace itself")
                    })?;
                    let inner: String = chars[at + 1..end].iter().collect();
                    let expression = Expression::new(&inner, scope, constants).map_err(|mistake| {
                        let start = Mistake::at(source, at + 1, "");
                        let column = if mistake.line == 1 { start.column + mistake.column - 1 } else { mistake.column };
                        Mistake { line: start.line + mistake.line - 1, column, message: mistake.message }
                    })?;
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                    }
                    parts.push(Part::Expression(expression));
                    at = end + 1;
                }
                ('}', _) => {
                    return Err(Mistake::at(source, at, "this brace closes nothing; write `}}` for a brace itself"));
                }
                (char, _) => {
                    text.push(char);
                    at += 1;
                }
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self { parts })
    }

    /// Fills it in.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`].
    pub fn fill(&self, slots: &Slots<'_>, constants: &Constants) -> Result<String, EvaluationError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Expression(expression) => text.push_str(&constants.show(&expression.evaluate(slots)?)),
            }
        }
        Ok(text)
    }

    /// Slots that it reads.
    pub fn reads(&self) -> impl Iterator<Item = usize> + '_ {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Text(_) => &[][..],
                Part::Expression(expression) => &expression.reads,
            })
            .copied()
    }
}

/// The brace that closes an expression; those in texts do not count.
fn end(chars: &[char], start: usize) -> Option<usize> {
    let mut quote = None;
    let mut at = start;
    while at < chars.len() {
        match (chars[at], quote) {
            ('\\', Some(_)) => at += 1,
            (char, Some(open)) if char == open => quote = None,
            (char @ ('"' | '\''), None) => quote = Some(char),
            ('}', None) => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
