//! The language of rules: CEL's grammar by the crate `cel`, typed and evaluated here over exact 256-bit values.

mod check;
mod evaluate;
mod function;
pub mod literal;
pub mod names;
pub mod number;
pub mod template;
pub mod value;

use std::ops::Range;

use cel::parser::Parser;

use check::Checker;
use evaluate::Node;
pub use evaluate::{Bound, EvaluationError, Slots};
pub use names::{Constants, Scope};
pub use number::Number;
pub use template::Template;
pub use value::{Type, Value};

/// Longest expression, bytes.
const BYTES_AT_MOST: usize = 4_096;

/// What is wrong in an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line of the expression, from 1.
    pub line: usize,
    /// Column in that line, from 1.
    pub column: usize,
    /// What is wrong and what is known.
    pub message: String,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl Mistake {
    pub(crate) fn at(source: &str, at: usize, message: impl Into<String>) -> Self {
        let before: Vec<char> = source.chars().take(at).collect();
        let line = before.iter().filter(|char| **char == '\n').count() + 1;
        let column = before.iter().rev().take_while(|char| **char != '\n').count() + 1;
        Self { line, column, message: message.into() }
    }
}

/// An expression that was checked.
#[derive(Clone, Debug)]
pub struct Expression {
    node: Node,
    /// What it gives.
    pub of: Type,
    /// Slots that it reads.
    pub reads: Vec<usize>,
}

impl Expression {
    /// Checks an expression.
    ///
    /// # Errors
    ///
    /// If it is none, or its types do not fit: the first mistake.
    pub fn new(source: &str, scope: &Scope, constants: &Constants) -> Result<Self, Mistake> {
        let (tree, checker) = parse(source, scope, constants)?;
        Self::of_tree(&tree, checker)
    }

    fn of_tree(tree: &cel::IdedExpr, mut checker: Checker<'_>) -> Result<Self, Mistake> {
        let typed = checker.settled(tree)?;
        let reads = typed.node.reads();
        Ok(Self { node: typed.node, of: typed.of, reads })
    }

    /// Evaluates it over the values of a scope.
    ///
    /// # Errors
    ///
    /// If a number is too large, a division is by zero, or an index is past a list.
    pub fn evaluate(&self, slots: &Slots<'_>) -> Result<Value, EvaluationError> {
        self.node.evaluate(slots)
    }
}

/// A condition, by the parts that must all hold.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// In the order in which they stand.
    pub parts: Vec<Part>,
}

/// A part of a condition.
#[derive(Clone, Debug)]
pub struct Part {
    /// As it is written.
    pub text: String,
    expression: Expression,
}

/// What a condition says of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it holds.
    Holds,
    /// This part does not.
    Fails(usize),
}

impl Condition {
    /// Checks a condition.
    ///
    /// # Errors
    ///
    /// If it is none, its types do not fit, or it gives no bool.
    pub fn new(source: &str, scope: &Scope, constants: &Constants) -> Result<Self, Mistake> {
        let (tree, checker) = parse(source, scope, constants)?;
        let spans = checker.conjuncts(&tree);
        let mut parts = Vec::new();
        for (part, Range { start, end }) in spans {
            let text: String = source.chars().skip(start).take(end.saturating_sub(start)).collect();
            let expression = Expression::of_tree(part, checker.clone())?;
            if expression.of != Type::Bool {
                let message = format!("a condition is a bool, and this is {}", expression.of);
                return Err(Mistake::at(source, start, message));
            }
            parts.push(Part { text: text.trim().to_owned(), expression });
        }
        Ok(Self { parts })
    }

    /// Judges values.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`].
    pub fn judge(&self, slots: &Slots<'_>) -> Result<Verdict, EvaluationError> {
        for (at, part) in self.parts.iter().enumerate() {
            if !part.expression.node.truth(slots, &mut Vec::new())? {
                return Ok(Verdict::Fails(at));
            }
        }
        Ok(Verdict::Holds)
    }

    /// Slots that it reads.
    pub fn reads(&self) -> impl Iterator<Item = usize> + '_ {
        self.parts.iter().flat_map(|part| part.expression.reads.iter().copied())
    }

    /// The slot and the addresses of which it must be one, by the first part that says so.
    pub fn guards(&self) -> impl Iterator<Item = (usize, Vec<watchfire_sdk::prelude::Address>)> + '_ {
        self.parts.iter().filter_map(|part| part.expression.node.guard())
    }

    /// Slots whose numbers must reach or stay below another, by the parts that say so.
    pub fn bounds(&self) -> impl Iterator<Item = (usize, Bound)> + '_ {
        self.parts.iter().filter_map(|part| part.expression.node.bound())
    }
}

impl Part {
    /// Slots that it reads.
    pub fn reads(&self) -> &[usize] {
        &self.expression.reads
    }
}

fn parse<'a>(
    source: &'a str,
    scope: &'a Scope,
    constants: &'a Constants,
) -> Result<(cel::IdedExpr, Checker<'a>), Mistake> {
    if source.trim().is_empty() {
        return Err(Mistake::at(source, 0, "there is no expression"));
    }
    if source.len() > BYTES_AT_MOST {
        return Err(Mistake::at(source, 0, format!("an expression has at most {BYTES_AT_MOST} bytes")));
    }
    let put = literal::put_aside(source).map_err(|wrong| {
        let at = source[..wrong.at].chars().count();
        Mistake::at(source, at, wrong.message)
    })?;
    match Parser::new().max_recursion_depth(64).parse_with_source_info(&put.text) {
        Ok((tree, info)) => Ok((tree, Checker::new(source, scope, constants, put.literals, info))),
        Err(errors) => {
            let first = errors.errors.into_iter().next();
            let (line, column) = first.as_ref().map_or((1, 1), |error| error.pos);
            let message = first.map_or_else(String::new, |error| error.msg);
            let message = match message.strip_prefix("Syntax error: ") {
                Some(rest) => format!("this can't be read: {rest}"),
                None => message,
            };
            Err(Mistake { line: line.max(1) as usize, column: column.max(0) as usize + 1, message })
        }
    }
}
