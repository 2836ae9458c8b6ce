//! A rule, checked: its condition, its memory, its words.

use hashbrown::HashSet;
use watchfire_sdk::Key;
use watchfire_sdk::alloy_primitives::keccak256;
use watchfire_sdk::prelude::*;

use crate::config::{RuleConfig, span_s};
use crate::language::{Condition, Constants, Expression, Mistake, Scope, Template, Type};
use crate::memory::RuleId;

/// The kind of findings of rules without a name.
pub const UNNAMED: &str = "rule-matched";
/// How long a first value is remembered where nothing else is said.
const FORGET_S: u64 = 30 * 86_400;

/// A rule.
pub struct Rule {
    /// Names its state.
    pub id: RuleId,
    /// The kind of its findings.
    pub kind: String,
    /// What `watchfire rule` calls it.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub confidence_percent: u8,
    /// Contracts that it is about; any where `None`.
    pub contracts: Option<HashSet<Key<20>>>,
    /// Names of its values.
    pub scope: Scope,
    /// What must hold.
    pub when: Condition,
    /// What is counted.
    pub window: Option<Counted>,
    /// What must be new, and for how long it is not, in seconds.
    pub first: Option<(Expression, u64)>,
    /// Its words.
    pub title: Template,
    /// Its words.
    pub description: Option<Template>,
    /// What its findings are about.
    pub subject: Option<Template>,
    /// What makes two findings one condition.
    pub key: Option<Template>,
    /// How much moved.
    pub amount: Option<Expression>,
    /// Of what.
    pub asset: Option<Template>,
}

/// What a rule counts.
pub struct Counted {
    /// Its span, seconds.
    pub span_s: u64,
    /// What is counted apart.
    pub by: Vec<Expression>,
    /// What is summed up.
    pub sum: Option<Expression>,
    /// What must hold of `count` and `sum`.
    pub having: Condition,
}

/// Checks the parts of rules, each error at its key.
pub struct Builder<'a> {
    /// Position of the rule in the config.
    pub at: usize,
    /// What the operator wrote.
    pub config: &'a RuleConfig,
    /// Names of the config.
    pub constants: &'a Constants,
}

impl<'a> Builder<'a> {
    /// An error at a key of the rule.
    pub fn wrong(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::at(format!("rule.{}.{key}", self.at), message)
    }

    fn mistake<'s>(&'s self, key: &'s str) -> impl Fn(Mistake) -> ConfigError + use<'s, 'a> {
        move |mistake| self.wrong(key, mistake.to_string())
    }

    fn template(&self, key: &str, text: &Option<String>, scope: &Scope) -> Result<Option<Template>, ConfigError> {
        let read = |text: &String| Template::new(text, scope, self.constants).map_err(self.mistake(key));
        text.as_ref().map(read).transpose()
    }

    fn condition(&self, key: &str, text: &Option<String>, scope: &Scope) -> Result<Condition, ConfigError> {
        match text {
            Some(text) => Condition::new(text, scope, self.constants).map_err(self.mistake(key)),
            None => Ok(Condition::default()),
        }
    }

    /// An expression at a key.
    ///
    /// # Errors
    ///
    /// If it is wrong, or of another type where one is asked for.
    pub fn expression(
        &self,
        key: &str,
        text: &str,
        scope: &Scope,
        of: Option<Type>,
    ) -> Result<Expression, ConfigError> {
        let expression = Expression::new(text, scope, self.constants).map_err(self.mistake(key))?;
        match of {
            Some(of) if of != expression.of => {
                Err(self.wrong(key, format!("this must be {of}, and it is {}", expression.of)))
            }
            _ => Ok(expression),
        }
    }

    /// A span of time at a key, in seconds.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn span(&self, key: &str, text: &Option<String>) -> Result<Option<u64>, ConfigError> {
        text.as_deref().map(|text| span_s(text).map_err(|message| self.wrong(key, message))).transpose()
    }

    /// Checks all of a rule over the values that its candidates have.
    ///
    /// # Errors
    ///
    /// If a part of it is wrong.
    pub fn build(
        &self,
        scope: &Scope,
        contracts: Option<&[Address]>,
        default_title: &str,
    ) -> Result<Rule, ConfigError> {
        let config = self.config;
        if let Some(name) = &config.name {
            let is_kebab = name.len() <= 64
                && name.starts_with(|char: char| char.is_ascii_lowercase())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !is_kebab {
                return Err(self.wrong("name", "a name is kebab-case: `big-exit`"));
            }
        }
        let when = self.condition("when", &config.when, scope)?;
        let mut own = scope.clone();
        let window = match self.span("window", &config.window)? {
            None => {
                let alone =
                    [("by", !config.by.is_empty()), ("sum", config.sum.is_some()), ("having", config.having.is_some())];
                if let Some((key, _)) = alone.iter().find(|(_, is_set)| *is_set) {
                    return Err(self.wrong(key, "it counts within a `window`; set one, such as `1 h`"));
                }
                None
            }
            Some(span_s) => {
                let by =
                    config.by.iter().map(|text| self.expression("by", text, scope, None)).collect::<Result<_, _>>()?;
                let sum = config.sum.as_ref().map(|text| self.expression("sum", text, scope, Some(Type::Number)));
                own.add("count", Type::Number);
                own.add("sum", Type::Number);
                if config.having.is_none() {
                    return Err(self.wrong("having", "say what must hold of `count` or `sum`"));
                }
                let having = self.condition("having", &config.having, &own)?;
                Some(Counted { span_s, by, sum: sum.transpose()?, having })
            }
        };
        let first = match &config.first {
            None => None,
            Some(text) => {
                let forget_s = self.span("forget", &config.forget)?.unwrap_or(FORGET_S);
                Some((self.expression("first", text, scope, None)?, forget_s))
            }
        };
        let amount = config.amount.as_ref();
        let amount = amount.map(|text| self.expression("amount", text, &own, Some(Type::Number))).transpose()?;
        let kind = config.name.clone().unwrap_or_else(|| UNNAMED.to_owned());
        let said = format!(
            "{:?}",
            (
                &kind,
                &config.on,
                &config.contract,
                &config.when,
                &config.window,
                &config.by,
                &config.sum,
                &config.first,
                &config.slot,
                &config.args
            )
        );
        let mut id = [0; 8];
        id.copy_from_slice(&keccak256(said)[..8]);
        let title = Some(config.title.clone().unwrap_or_else(|| default_title.to_owned()));
        let title = self.template("title", &title, &own)?;
        Ok(Rule {
            id,
            name: config.name.clone().unwrap_or_else(|| format!("rule.{}", self.at)),
            kind,
            severity: config.severity.unwrap_or(Severity::Medium),
            confidence_percent: config.confidence_percent.unwrap_or(100),
            contracts: contracts.map(|all| all.iter().map(|address| Key(address.into_array())).collect()),
            when,
            window,
            first,
            title: title.ok_or_else(|| self.wrong("title", "there is none"))?,
            description: self.template("description", &config.description, &own)?,
            subject: self.template("subject", &config.subject, &own)?,
            key: self.template("key", &config.key, &own)?,
            amount,
            asset: self.template("asset", &config.asset, &own)?,
            scope: own,
        })
    }
}

impl Rule {
    /// Whether it is about a contract.
    pub fn is_about(&self, contract: &Address) -> bool {
        self.contracts.as_ref().is_none_or(|contracts| contracts.contains(&Key(contract.into_array())))
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let others = [&self.description, &self.subject, &self.key, &self.asset];
        std::iter::once(&self.title).chain(others.into_iter().flatten())
    }

    /// Whether its words have a place in them.
    pub fn says(&self, slot: usize) -> bool {
        self.templates().any(|template| template.reads().any(|at| at == slot))
    }

    /// Whether it reads a place.
    pub fn reads(&self, slot: usize) -> bool {
        let expressions = self.amount.iter().chain(self.first.as_ref().map(|(first, _)| first));
        let window = self.window.iter().flat_map(|counted| counted.by.iter().chain(&counted.sum));
        self.says(slot)
            || expressions.chain(window).any(|expression| expression.reads.contains(&slot))
            || self.when.reads().any(|at| at == slot)
            || self.window.as_ref().is_some_and(|counted| counted.having.reads().any(|at| at == slot))
    }
}
