//! From CEL's tree to typed nodes: each name is found, each type fits, or the mistake has a place.

use std::ops::Range;
use std::rc::Rc;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, SourceInfo, operators};
use watchfire_sdk::prelude::*;

use super::Mistake;
use super::evaluate::{Arithmetic, Node, Order, Set};
use super::function::Function;
use super::literal::{self, Literal};
use super::names::{Constants, Scope, nearest};
use super::number::Number;
use super::value::{Type, Value};

/// A node and what it gives.
pub(super) struct Typed {
    pub(super) node: Node,
    pub(super) of: Type,
}

/// Checks one expression.
#[derive(Clone)]
pub(super) struct Checker<'a> {
    source: &'a str,
    scope: &'a Scope,
    constants: &'a Constants,
    literals: Rc<Vec<Literal>>,
    info: Rc<SourceInfo>,
    /// Variables of `exists`, `all` and their like around what is checked.
    locals: Vec<(String, Type)>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        source: &'a str,
        scope: &'a Scope,
        constants: &'a Constants,
        literals: Vec<Literal>,
        info: SourceInfo,
    ) -> Self {
        Self { source, scope, constants, literals: Rc::new(literals), info: Rc::new(info), locals: Vec::new() }
    }

    /// Characters at which an expression begins and ends.
    fn span(&self, expr: &IdedExpr) -> Range<usize> {
        let own = self.info.offset_for(expr.id).map_or(0..0, |(start, end)| start as usize..end as usize + 1);
        // An operator stands between what it joins.
        match &expr.expr {
            Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).fold(own, |span, part| {
                let part = self.span(part);
                span.start.min(part.start)..span.end.max(part.end)
            }),
            Expr::Select(select) => {
                let operand = self.span(&select.operand);
                operand.start.min(own.start)..own.end.max(operand.end)
            }
            _ => own,
        }
    }

    fn wrong<T>(&self, expr: &IdedExpr, message: impl Into<String>) -> Result<T, Mistake> {
        Err(Mistake::at(self.source, self.span(expr).start, message))
    }

    /// The parts of a condition that must all hold, and where they stand.
    pub(super) fn conjuncts<'t>(&self, tree: &'t IdedExpr) -> Vec<(&'t IdedExpr, Range<usize>)> {
        let mut parts = Vec::new();
        self.split(tree, &mut parts);
        // Parentheses are in no tree: a part goes on to the `&&` after it.
        let starts: Vec<usize> = parts.iter().map(|(_, span)| span.start).collect();
        let chars: Vec<char> = self.source.chars().collect();
        for (at, (_, span)) in parts.iter_mut().enumerate() {
            let limit = starts.get(at + 1).copied().unwrap_or(chars.len());
            let slice: String = chars[span.start.min(limit)..limit].iter().collect();
            let end = match at + 1 < starts.len() {
                true => slice.rfind("&&").map_or(slice.len(), |end| slice[..end].trim_end().len()),
                false => slice.trim_end().len(),
            };
            span.end = span.start + slice[..end].chars().count();
        }
        parts
    }

    fn split<'t>(&self, tree: &'t IdedExpr, parts: &mut Vec<(&'t IdedExpr, Range<usize>)>) {
        match &tree.expr {
            Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
                call.args.iter().for_each(|part| self.split(part, parts));
            }
            _ => parts.push((tree, self.span(tree))),
        }
    }

    /// Checks an expression; hexadecimal digits by themselves are what their length says.
    pub(super) fn settled(&mut self, expr: &IdedExpr) -> Result<Typed, Mistake> {
        let typed = self.check(expr)?;
        Ok(settle(typed))
    }

    /// Checks an expression that must be of a type.
    fn expect(&mut self, expr: &IdedExpr, of: &Type, what: &str) -> Result<Node, Mistake> {
        let typed = self.check(expr)?;
        let found = settle_type(&typed);
        match coerce(typed, of) {
            Ok(node) => Ok(node),
            Err(_) => self.wrong(expr, format!("{what} is {of}, and this is {found}")),
        }
    }

    fn check(&mut self, expr: &IdedExpr) -> Result<Typed, Mistake> {
        match &expr.expr {
            Expr::Literal(value) => self.literal(expr, value),
            Expr::Ident(name) => self.name(expr, &[name.as_str()]),
            Expr::Select(select) => self.select(expr, select),
            Expr::Call(call) => self.call(expr, call),
            Expr::List(list) => {
                let mut nodes = Vec::new();
                let mut of: Option<Type> = None;
                for element in &list.elements {
                    let typed = self.settled(element)?;
                    match &of {
                        None => of = Some(typed.of.clone()),
                        Some(of) if *of != typed.of => {
                            let message = format!("this is {}, and the list begins with {of}", typed.of);
                            return self.wrong(element, message);
                        }
                        Some(_) => {}
                    }
                    nodes.push(typed.node);
                }
                let of = of.unwrap_or(Type::Address);
                Ok(Typed { node: Node::List(nodes), of: Type::List(Rc::new(of)) })
            }
            Expr::Comprehension(fold) => self.fold(expr, fold),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                self.wrong(expr, "maps and messages have no use here")
            }
        }
    }

    fn literal(&self, expr: &IdedExpr, value: &LiteralValue) -> Result<Typed, Mistake> {
        let constant = |value, of| Ok(Typed { node: Node::Constant(value), of });
        match value {
            LiteralValue::Boolean(value) => constant(Value::Bool(*value.inner()), Type::Bool),
            LiteralValue::Int(value) => constant(Value::number(i128::from(*value.inner())), Type::Number),
            LiteralValue::UInt(value) => constant(Value::number(i128::from(*value.inner())), Type::Number),
            LiteralValue::String(value) => constant(Value::text(value.inner()), Type::Text),
            LiteralValue::Bytes(value) => constant(Value::Bytes(value.inner().into()), Type::Bytes),
            LiteralValue::Double(_) | LiteralValue::Null => {
                self.wrong(expr, "there is no such value here; write numbers as `2.5` and bytes as `0x…`")
            }
        }
    }

    fn name(&self, expr: &IdedExpr, path: &[&str]) -> Result<Typed, Mistake> {
        if let [name] = path {
            if let Some(at) = self.locals.iter().rposition(|(local, _)| local == name) {
                return Ok(Typed { node: Node::Local(at), of: self.locals[at].1.clone() });
            }
            if let Some(literal) = literal::position(name).and_then(|at| self.literals.get(at)) {
                return Ok(match literal {
                    Literal::Number(number) => {
                        Typed { node: Node::Constant(Value::Number(number.clone())), of: Type::Number }
                    }
                    Literal::Hex(bytes) => {
                        Typed { node: Node::Constant(Value::Bytes(bytes.as_slice().into())), of: Type::Hex }
                    }
                });
            }
        }
        if let Some((node, of)) = self.local_fields(path) {
            return self.fields(expr, node, of, &path[1..]);
        }
        // The longest name that is known; the rest are fields of its tuple.
        for known in (1..=path.len()).rev() {
            let name = path[..known].join(".");
            if let Some((at, of)) = self.scope.find(&name) {
                return self.fields(expr, Node::Slot(at), of.clone(), &path[known..]);
            }
        }
        if let [name] = path {
            if let Some(address) = self.constants.addresses.get(*name) {
                return Ok(Typed { node: Node::Constant(Value::Address(*address)), of: Type::Address });
            }
            if let Some(list) = self.constants.lists.get(*name) {
                let of = Type::List(Rc::new(list.of.clone()));
                return Ok(Typed { node: Node::Constant(Value::List(list.values.clone())), of });
            }
        }
        let name = path.join(".");
        let known = || self.scope.names().chain(self.constants.addresses.keys().map(String::as_str));
        let known = || known().chain(self.constants.lists.keys().map(String::as_str));
        let mut all: Vec<&str> = known().collect();
        all.sort_unstable();
        all.dedup();
        let meant = nearest(&name, all.iter().copied()).map(|name| format!("; did you mean `{name}`?"));
        let message = format!("there is no `{name}`{} Known are {}", meant.as_deref().unwrap_or("."), all.join(", "));
        self.wrong(expr, message)
    }

    fn local_fields(&self, path: &[&str]) -> Option<(Node, Type)> {
        let at = self.locals.iter().rposition(|(local, _)| local == path.first().copied().unwrap_or_default())?;
        (path.len() > 1).then(|| (Node::Local(at), self.locals[at].1.clone()))
    }

    fn fields(&self, expr: &IdedExpr, mut node: Node, mut of: Type, path: &[&str]) -> Result<Typed, Mistake> {
        for field in path {
            let Type::Tuple(fields) = &of else {
                return self.wrong(expr, format!("`{field}` is asked of {of}, which has no fields"));
            };
            let Some(at) = fields.iter().position(|(name, _)| name == field) else {
                let known: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                return self.wrong(expr, format!("there is no field `{field}`; there are {}", known.join(", ")));
            };
            node = Node::Field(Box::new(node), at);
            of = fields[at].1.clone();
        }
        Ok(Typed { node, of })
    }

    fn select(&mut self, expr: &IdedExpr, select: &SelectExpr) -> Result<Typed, Mistake> {
        let mut path = vec![select.field.as_str()];
        let mut inner = &select.operand;
        loop {
            match &inner.expr {
                Expr::Ident(name) => {
                    path.push(name);
                    path.reverse();
                    return self.name(expr, &path);
                }
                Expr::Select(select) => {
                    path.push(&select.field);
                    inner = &select.operand;
                }
                _ => break,
            }
        }
        path.reverse();
        let typed = self.settled(inner)?;
        self.fields(expr, typed.node, typed.of, &path)
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Result<Typed, Mistake> {
        let (bool, number) = (Type::Bool, Type::Number);
        let made = |node, of| Ok(Typed { node, of });
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [of]) => {
                made(Node::Not(Box::new(self.expect(of, &bool, "what `!` turns around")?)), bool)
            }
            (operators::NOT_STRICTLY_FALSE, [of]) => self.check(of),
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
                let left = Box::new(self.expect(left, &bool, "a side of `&&` or `||`")?);
                let right = Box::new(self.expect(right, &bool, "a side of `&&` or `||`")?);
                let is_and = call.func_name == operators::LOGICAL_AND;
                made(if is_and { Node::And(left, right) } else { Node::Or(left, right) }, bool)
            }
            (operators::CONDITIONAL, [condition, yes, no]) => {
                let condition = self.expect(condition, &bool, "the question before `?`")?;
                let (yes, no_at) = (self.settled(yes)?, no);
                let no = self.expect(no_at, &yes.of, "what follows `?`")?;
                made(Node::If(Box::new(condition), Box::new(yes.node), Box::new(no)), yes.of)
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                let (left, right, _) = self.alike(expr, left, right)?;
                made(Node::Equal(call.func_name == operators::EQUALS, Box::new(left), Box::new(right)), bool)
            }
            (
                name @ (operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS),
                [left, right],
            ) => {
                let order = match name {
                    operators::LESS => Order::Less,
                    operators::LESS_EQUALS => Order::AtMost,
                    operators::GREATER => Order::Greater,
                    _ => Order::AtLeast,
                };
                let left = self.expect(left, &number, "what is compared by size")?;
                let right = self.expect(right, &number, "what is compared by size")?;
                made(Node::Compare(order, Box::new(left), Box::new(right)), bool)
            }
            (
                name @ (operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO),
                [left, right],
            ) => {
                let operation = match name {
                    operators::ADD => Arithmetic::Add,
                    operators::SUBSTRACT => Arithmetic::Subtract,
                    operators::MULTIPLY => Arithmetic::Multiply,
                    operators::DIVIDE => Arithmetic::Divide,
                    _ => Arithmetic::Remainder,
                };
                let left = self.expect(left, &number, "what is calculated with")?;
                let right = self.expect(right, &number, "what is calculated with")?;
                made(Node::Arithmetic(operation, Box::new(left), Box::new(right)).folded(), number)
            }
            (operators::NEGATE, [of]) => {
                made(Node::Negate(Box::new(self.expect(of, &number, "what has a sign")?)).folded(), number)
            }
            (operators::IN, [member, list]) => self.member(member, list),
            (operators::INDEX, [list, index]) => {
                let list_typed = self.settled(list)?;
                let Type::List(of) = list_typed.of else {
                    return self.wrong(list, format!("an index is of a list, and this is {}", list_typed.of));
                };
                let index = self.expect(index, &number, "an index")?;
                made(Node::Index(Box::new(list_typed.node), Box::new(index)), of.as_ref().clone())
            }
            (name, _) => self.function(expr, name, call),
        }
    }

    fn function(&mut self, expr: &IdedExpr, name: &str, call: &CallExpr) -> Result<Typed, Mistake> {
        let Some(function) = Function::named(name) else {
            let meant = nearest(name, Function::names()).map(|name| format!("; did you mean `{name}`?"));
            let known: Vec<&str> = Function::names().collect();
            let known = format!("Known are {}", known.join(", "));
            return self.wrong(expr, format!("there is no function `{name}`{} {known}", meant.unwrap_or(".".into())));
        };
        let given: Vec<&IdedExpr> = call.target.iter().map(AsRef::as_ref).chain(&call.args).collect();
        let takes = function.takes();
        if given.len() != takes.len() {
            return self.wrong(expr, format!("`{name}` takes {}, and here are {}", takes.len(), given.len()));
        }
        let mut nodes = Vec::new();
        for (argument, wanted) in given.into_iter().zip(takes) {
            match wanted {
                Some(wanted) => nodes.push(self.expect(argument, wanted, &format!("what `{name}` takes"))?),
                None => {
                    let typed = self.settled(argument)?;
                    if !function.fits(&typed.of) {
                        return self.wrong(argument, format!("`{name}` has no answer about {}", typed.of));
                    }
                    nodes.push(typed.node);
                }
            }
        }
        let constants = function.needs_labels().then(|| Rc::new(self.constants.labels.clone()));
        Ok(Typed { node: Node::Call(function, nodes, constants), of: function.gives() })
    }

    /// Two sides that are of one type, and which.
    fn alike(&mut self, whole: &IdedExpr, left: &IdedExpr, right: &IdedExpr) -> Result<(Node, Node, Type), Mistake> {
        let (mut left, mut right) = (self.check(left)?, self.check(right)?);
        if left.of == Type::Hex && right.of == Type::Hex {
            (left, right) = (settle(left), settle(right));
        }
        let of = if left.of == Type::Hex { right.of.clone() } else { left.of.clone() };
        let (left_of, right_of) = (settle_type(&left), settle_type(&right));
        match (coerce(left, &of), coerce(right, &of)) {
            (Ok(left), Ok(right)) => Ok((left, right, of)),
            _ => self.wrong(whole, format!("{left_of} is never equal to {right_of}")),
        }
    }

    fn member(&mut self, member: &IdedExpr, list: &IdedExpr) -> Result<Typed, Mistake> {
        if let Expr::Ident(name) = &list.expr
            && self.scope.find(name).is_none()
            && let Some(named) = self.constants.lists.get(name).filter(|named| named.of == Type::Address)
        {
            let set = Set { name: name.clone(), addresses: named.addresses.clone() };
            let node = self.expect(member, &Type::Address, &format!("what is looked up in `{name}`"))?;
            return Ok(Typed { node: Node::InSet(Box::new(node), set), of: Type::Bool });
        }
        let list_typed = self.settled(list)?;
        let Type::List(of) = list_typed.of else {
            return self.wrong(list, format!("`in` looks into a list, and this is {}", list_typed.of));
        };
        let node = self.expect(member, &of, "a member of the list")?;
        Ok(Typed { node: Node::InList(Box::new(node), Box::new(list_typed.node)), of: Type::Bool })
    }

    fn fold(&mut self, expr: &IdedExpr, fold: &ComprehensionExpr) -> Result<Typed, Mistake> {
        let range = self.settled(&fold.iter_range)?;
        let Type::List(of) = range.of else {
            return self.wrong(&fold.iter_range, format!("this is {}, and not a list", range.of));
        };
        if fold.iter_var2.is_some() {
            return self.wrong(expr, "members are named one at a time");
        }
        let init = self.settled(&fold.accu_init)?;
        if matches!(init.of, Type::List(_)) {
            return self.wrong(expr, "`map` and `filter` have no use here; take `exists`, `exists_one` or `all`");
        }
        let at = self.locals.len();
        self.locals.push((fold.iter_var.clone(), of.as_ref().clone()));
        self.locals.push((fold.accu_var.clone(), init.of.clone()));
        let parts = (|| {
            let condition = self.expect(&fold.loop_cond, &Type::Bool, "a condition")?;
            let step = self.expect(&fold.loop_step, &init.of, "a condition")?;
            let result = self.settled(&fold.result)?;
            Ok((condition, step, result))
        })();
        self.locals.truncate(at);
        let (condition, step, result) = parts?;
        let parts = [range.node, init.node, condition, step, result.node].map(Box::new);
        Ok(Typed { node: Node::Fold { at, parts }, of: result.of })
    }
}

/// What hexadecimal digits are by themselves.
fn settle(typed: Typed) -> Typed {
    let of = settle_type(&typed);
    if typed.of != Type::Hex {
        return typed;
    }
    match coerce(typed, &of) {
        Ok(node) => Typed { node, of },
        Err(typed) => typed,
    }
}

fn settle_type(typed: &Typed) -> Type {
    match (&typed.of, &typed.node) {
        (Type::Hex, Node::Constant(Value::Bytes(bytes))) => match bytes.len() {
            20 => Type::Address,
            4 | 32 => Type::Bytes,
            _ => Type::Number,
        },
        (of, _) => of.clone(),
    }
}

/// A node as one of a type; hexadecimal digits are what is asked for.
fn coerce(typed: Typed, of: &Type) -> Result<Node, Typed> {
    if typed.of == *of {
        return Ok(typed.node);
    }
    let (Type::Hex, Node::Constant(Value::Bytes(bytes))) = (&typed.of, &typed.node) else { return Err(typed) };
    let value = match of {
        Type::Address => Address::try_from(bytes.as_ref()).ok().map(Value::Address),
        Type::Bytes => Some(Value::Bytes(bytes.clone())),
        Type::Number => U256::try_from_be_slice(bytes).map(|number| Value::Number(Number::from(number))),
        _ => None,
    };
    value.map(Node::Constant).ok_or(typed)
}
