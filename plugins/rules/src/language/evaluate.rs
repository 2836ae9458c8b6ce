//! Typed nodes, and what they come to.

use std::rc::Rc;

use hashbrown::{HashMap, HashSet};
use watchfire_sdk::Key;
use watchfire_sdk::prelude::*;

use super::function::Function;
use super::number::{Number, NumberError};
use super::value::Value;

/// Why an expression comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvaluationError {
    /// Arithmetic has no result.
    Number(NumberError),
    /// An index past the end of a list.
    Index,
    /// A value that the candidate does not have.
    Missing,
}

impl std::fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EvaluationError::Number(error) => write!(f, "{error}"),
            EvaluationError::Index => f.write_str("an index is past the end of its list"),
            EvaluationError::Missing => f.write_str("a value is not there"),
        }
    }
}

impl From<NumberError> for EvaluationError {
    fn from(error: NumberError) -> Self {
        EvaluationError::Number(error)
    }
}

/// Values of a candidate, by their places: those that all rules of its kind share, and those of one rule.
#[derive(Clone, Copy, Debug)]
pub struct Slots<'a> {
    /// The first places.
    pub shared: &'a [Value],
    /// The places after them.
    pub own: &'a [Value],
}

impl Slots<'_> {
    /// The value at a place.
    pub fn get(&self, at: usize) -> Option<&Value> {
        match at.checked_sub(self.shared.len()) {
            None => self.shared.get(at),
            Some(at) => self.own.get(at),
        }
    }
}

/// What a number must be for a condition to hold; the condition may ask for more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At least this.
    Least(Number),
    /// At most this.
    Most(Number),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A list of addresses, for looking up.
#[derive(Clone, Debug)]
pub(super) struct Set {
    #[allow(dead_code)]
    pub(super) name: String,
    pub(super) addresses: Rc<HashSet<Key<20>>>,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(Value),
    Slot(usize),
    Local(usize),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Compare(Order, Box<Node>, Box<Node>),
    Equal(bool, Box<Node>, Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    InSet(Box<Node>, Set),
    InList(Box<Node>, Box<Node>),
    Index(Box<Node>, Box<Node>),
    Field(Box<Node>, usize),
    List(Vec<Node>),
    Call(Function, Vec<Node>, Option<Rc<HashMap<Address, String>>>),
    /// Range, beginning, condition, step, result; the member is the local `at`, what is carried the one after it.
    Fold {
        at: usize,
        parts: [Box<Node>; 5],
    },
}

/// A value that need not be copied.
enum Lent<'a> {
    Borrowed(&'a Value),
    Owned(Value),
}

impl std::ops::Deref for Lent<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Lent::Borrowed(value) => value,
            Lent::Owned(value) => value,
        }
    }
}

impl Node {
    pub(super) fn evaluate(&self, slots: &Slots<'_>) -> Result<Value, EvaluationError> {
        self.run(slots, &mut Vec::new())
    }

    /// What is there already is lent, so that comparing two values copies neither.
    fn lend<'a>(&'a self, slots: &Slots<'a>, locals: &mut Vec<Value>) -> Result<Lent<'a>, EvaluationError> {
        match self {
            Node::Constant(value) => Ok(Lent::Borrowed(value)),
            Node::Slot(at) => match at.checked_sub(slots.shared.len()) {
                None => Ok(Lent::Borrowed(&slots.shared[*at])),
                Some(at) => slots.own.get(at).map(Lent::Borrowed).ok_or(EvaluationError::Missing),
            },
            other => other.run(slots, locals).map(Lent::Owned),
        }
    }

    /// What a node that gives a bool says; no value is made for it.
    pub(super) fn truth(&self, slots: &Slots<'_>, locals: &mut Vec<Value>) -> Result<bool, EvaluationError> {
        Ok(match self {
            Node::Not(of) => !of.truth(slots, locals)?,
            Node::And(left, right) => left.truth(slots, locals)? && right.truth(slots, locals)?,
            Node::Or(left, right) => left.truth(slots, locals)? || right.truth(slots, locals)?,
            Node::Compare(order, left, right) => {
                let left = left.lend(slots, locals)?;
                let right = right.lend(slots, locals)?;
                let (left, right) = (number(&left)?, number(&right)?);
                match order {
                    Order::Less => left < right,
                    Order::AtMost => left <= right,
                    Order::Greater => left > right,
                    Order::AtLeast => left >= right,
                }
            }
            Node::Equal(is_equal, left, right) => {
                let left = left.lend(slots, locals)?;
                let right = right.lend(slots, locals)?;
                (*left == *right) == *is_equal
            }
            Node::InSet(member, set) => match &*member.lend(slots, locals)? {
                Value::Address(address) => set.addresses.contains(&Key(address.into_array())),
                _ => false,
            },
            Node::InList(member, list) => {
                let member = member.lend(slots, locals)?;
                match &*list.lend(slots, locals)? {
                    Value::List(values) => values.contains(&member),
                    _ => false,
                }
            }
            other => matches!(&*other.lend(slots, locals)?, Value::Bool(true)),
        })
    }

    fn run(&self, slots: &Slots<'_>, locals: &mut Vec<Value>) -> Result<Value, EvaluationError> {
        Ok(match self {
            Node::Constant(_) | Node::Slot(_) => self.lend(slots, locals)?.clone(),
            Node::Local(at) => locals.get(*at).cloned().ok_or(EvaluationError::Missing)?,
            Node::Not(_)
            | Node::And(..)
            | Node::Or(..)
            | Node::Compare(..)
            | Node::Equal(..)
            | Node::InSet(..)
            | Node::InList(..) => Value::Bool(self.truth(slots, locals)?),
            Node::If(condition, yes, no) => match condition.truth(slots, locals)? {
                true => yes.run(slots, locals)?,
                false => no.run(slots, locals)?,
            },
            Node::Arithmetic(operation, left, right) => {
                let left = left.lend(slots, locals)?;
                let right = right.lend(slots, locals)?;
                let (left, right) = (number(&left)?, number(&right)?);
                Value::Number(match operation {
                    Arithmetic::Add => left.add(right),
                    Arithmetic::Subtract => left.subtract(right),
                    Arithmetic::Multiply => left.multiply(right),
                    Arithmetic::Divide => left.divide(right),
                    Arithmetic::Remainder => left.remainder(right),
                }?)
            }
            Node::Negate(of) => Value::Number(number(&*of.lend(slots, locals)?)?.negate()?),
            Node::Index(list, index) => {
                let list = list.lend(slots, locals)?;
                let index = index.lend(slots, locals)?;
                let at = number(&index)?.to_u64().and_then(|at| usize::try_from(at).ok());
                element(&list, at.ok_or(EvaluationError::Index)?)?
            }
            Node::Field(of, at) => element(&*of.lend(slots, locals)?, *at)?,
            Node::List(nodes) => {
                let values: Result<Vec<Value>, _> = nodes.iter().map(|node| node.run(slots, locals)).collect();
                Value::List(values?.into())
            }
            Node::Call(function, nodes, labels) => {
                let values: Result<Vec<Value>, _> = nodes.iter().map(|node| node.run(slots, locals)).collect();
                function.apply(&values?, labels.as_deref())?
            }
            Node::Fold { at, parts: [range, init, condition, step, result] } => {
                let range = range.run(slots, locals)?;
                let Value::List(members) = range else { return Err(EvaluationError::Missing) };
                let mut carried = init.run(slots, locals)?;
                let place = |locals: &mut Vec<Value>, member: Value, carried: Value| {
                    locals.truncate(*at);
                    locals.push(member);
                    locals.push(carried);
                };
                for member in members.iter() {
                    place(locals, member.clone(), carried.clone());
                    if !condition.truth(slots, locals)? {
                        break;
                    }
                    carried = step.run(slots, locals)?;
                }
                place(locals, Value::Bool(false), carried);
                let result = result.run(slots, locals)?;
                locals.truncate(*at);
                result
            }
        })
    }

    /// A node of constants alone as what it comes to.
    pub(super) fn folded(self) -> Self {
        let is_constant = match &self {
            Node::Arithmetic(_, left, right) => {
                matches!((&**left, &**right), (Node::Constant(_), Node::Constant(_)))
            }
            Node::Negate(of) => matches!(**of, Node::Constant(_)),
            _ => false,
        };
        match is_constant.then(|| self.evaluate(&Slots { shared: &[], own: &[] })) {
            Some(Ok(value)) => Node::Constant(value),
            _ => self,
        }
    }

    /// Slots that it reads, each once.
    pub(super) fn reads(&self) -> Vec<usize> {
        let mut reads = Vec::new();
        self.visit(&mut |node| {
            if let Node::Slot(at) = node
                && !reads.contains(at)
            {
                reads.push(*at);
            }
        });
        reads
    }

    fn visit(&self, see: &mut dyn FnMut(&Node)) {
        see(self);
        match self {
            Node::Constant(_) | Node::Slot(_) | Node::Local(_) => {}
            Node::Not(of) | Node::Negate(of) | Node::InSet(of, _) | Node::Field(of, _) => of.visit(see),
            Node::And(left, right)
            | Node::Or(left, right)
            | Node::Compare(_, left, right)
            | Node::Equal(_, left, right)
            | Node::Arithmetic(_, left, right)
            | Node::InList(left, right)
            | Node::Index(left, right) => [left, right].into_iter().for_each(|node| node.visit(see)),
            Node::If(condition, yes, no) => [condition, yes, no].into_iter().for_each(|node| node.visit(see)),
            Node::List(nodes) | Node::Call(_, nodes, _) => nodes.iter().for_each(|node| node.visit(see)),
            Node::Fold { parts, .. } => parts.iter().for_each(|node| node.visit(see)),
        }
    }

    /// The slot whose number must reach or stay below a constant, where that is what this says.
    pub(super) fn bound(&self) -> Option<(usize, Bound)> {
        let Node::Compare(order, left, right) = self else { return None };
        let is_more = matches!(order, Order::Greater | Order::AtLeast);
        let (at, number, is_least) = match (&**left, &**right) {
            (Node::Slot(at), Node::Constant(Value::Number(number))) => (*at, number, is_more),
            (Node::Constant(Value::Number(number)), Node::Slot(at)) => (*at, number, !is_more),
            _ => return None,
        };
        Some((at, if is_least { Bound::Least(number.clone()) } else { Bound::Most(number.clone()) }))
    }

    /// The slot that must hold one of some addresses, where that is what this says.
    pub(super) fn guard(&self) -> Option<(usize, Vec<Address>)> {
        let address = |node: &Node| match node {
            Node::Constant(Value::Address(address)) => Some(*address),
            _ => None,
        };
        match self {
            Node::InSet(member, set) => match **member {
                Node::Slot(at) => Some((at, set.addresses.iter().map(|key| Address::new(key.0)).collect())),
                _ => None,
            },
            Node::InList(member, list) => match (&**member, &**list) {
                (Node::Slot(at), Node::List(nodes)) => {
                    Some((*at, nodes.iter().map(address).collect::<Option<Vec<_>>>()?))
                }
                _ => None,
            },
            Node::Equal(true, left, right) => match (&**left, &**right) {
                (Node::Slot(at), other) | (other, Node::Slot(at)) => Some((*at, vec![address(other)?])),
                _ => None,
            },
            _ => None,
        }
    }
}

fn number(value: &Value) -> Result<&Number, EvaluationError> {
    match value {
        Value::Number(number) => Ok(number),
        _ => Err(EvaluationError::Missing),
    }
}

fn element(list: &Value, at: usize) -> Result<Value, EvaluationError> {
    match list {
        Value::List(values) => values.get(at).cloned().ok_or(EvaluationError::Index),
        _ => Err(EvaluationError::Missing),
    }
}
