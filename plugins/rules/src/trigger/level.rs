//! What is read from the chain again and again: view functions and balances. A finding comes when the condition begins to hold.

use watchfire_sdk::chain::ChainError;
use watchfire_sdk::prelude::*;

use crate::abi::FunctionLayout;
use crate::judge::{Candidate, Judge};
use crate::language::{Number, Scope, Type, Value};
use crate::memory::Level;
use crate::rule::Rule;
use crate::trigger::common::{Commons, Origin, Senders};
use crate::trigger::words::changes;

/// How often something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// On each block whose number is a multiple.
    Blocks(u64),
    /// On the first block after so many seconds.
    Seconds(u64),
}

/// What a rule reads.
pub enum Read {
    /// A view function, with calldata.
    View(FunctionLayout, Vec<u8>),
    /// The native balance.
    Balance,
}

/// A rule that reads the chain.
pub struct LevelRule {
    /// Its position.
    pub position: usize,
    /// What it reads.
    pub read: Read,
    /// Of whom.
    pub targets: Vec<Address>,
    /// How often.
    pub every: Every,
    /// Names of its values.
    pub commons: Commons,
}

/// The names of a view's or a balance's values: what the function returns, and how it compares with the last look.
pub fn scope(read: &Read) -> (Scope, Commons) {
    let mut scope = Scope::default();
    if let Read::View(layout, _) = read {
        for output in &layout.outputs {
            scope.add(&output.name, output.abi.of_value());
        }
    }
    let names = ["value", "before", "change", "change_percent", "unchanged_s"];
    for name in names {
        scope.add(name, Type::Number);
    }
    let commons = Commons::add(&mut scope, false, false);
    (scope, commons)
}

impl LevelRule {
    /// Reads, and judges what it reads.
    ///
    /// # Errors
    ///
    /// If the state can't be read or written.
    pub fn look(&self, batch: &Batch<'_>, senders: &Senders, judge: &mut Judge<'_>) -> Result<(), state::StateError> {
        if let Every::Blocks(blocks) = self.every
            && !batch.block_number().is_multiple_of(blocks)
        {
            return Ok(());
        }
        for target in &self.targets {
            self.look_at(target, batch, senders, judge)?;
        }
        Ok(())
    }

    fn look_at(
        &self,
        target: &Address,
        batch: &Batch<'_>,
        senders: &Senders,
        judge: &mut Judge<'_>,
    ) -> Result<(), state::StateError> {
        let rule: &Rule = &judge.rules[self.position];
        let (id, now_s) = (rule.id, judge.now_s);
        let mut level = Level::load(id, target.as_slice())?;
        if let Every::Seconds(seconds) = self.every
            && level.looked_s > 0
            && now_s < level.looked_s.saturating_add(seconds)
        {
            return Ok(());
        }
        let outputs = match self.ask(target) {
            Ok(outputs) => outputs,
            Err(reason) => {
                // Told when it begins, as a condition is.
                if !level.failed {
                    judge.fail(self.position, format!("{}: {reason}", judge.constants.call(target)));
                }
                level.failed = true;
                return level.save(id, target.as_slice());
            }
        };
        let value = outputs.iter().find_map(as_number).unwrap_or(Number::ZERO);
        let before = level.before().unwrap_or_else(|| value.clone());
        if level.value.is_none() || before != value {
            level.changed_s = now_s;
        }
        let mut values = match self.read {
            Read::View(..) => outputs,
            Read::Balance => Vec::new(),
        };
        values.push(Value::Number(value.clone()));
        values.extend(changes(&before, &value));
        values.push(Value::number(now_s.saturating_sub(level.changed_s)));
        let contract = Some(*target);
        self.commons.fill(&mut values, &Origin { batch, transaction: None, contract, log_index: None, senders });
        let began = format!("{}", batch.block_number());
        let candidate = Candidate {
            shared: &values,
            contract,
            unique: &String::new,
            evidence: &|finding| finding.attribute("block", &began),
        };
        if let Some(holds) = judge.holds(self.position, &candidate) {
            if holds && !level.held {
                judge.tell(self.position, &candidate, &[]);
            }
            level.held = holds;
        }
        level.value = Some(value.to_string());
        (level.looked_s, level.failed) = (now_s, false);
        level.save(id, target.as_slice())
    }

    fn ask(&self, target: &Address) -> Result<Vec<Value>, String> {
        let why = |error: ChainError| error.to_string();
        match &self.read {
            Read::Balance => Ok(vec![Value::number(chain::balance(*target).map_err(why)?)]),
            Read::View(layout, calldata) => {
                let output = chain::call_raw(*target, calldata).map_err(why)?;
                let decoded = layout.decode_output(&output);
                decoded
                    .ok_or_else(|| format!("{} bytes came back, which are not what the function returns", output.len()))
            }
        }
    }
}

/// What is compared with the last look: the first output that is a number or can be taken for one.
fn as_number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::Bool(value) => Some(Number::Small((*value).into())),
        Value::Address(address) => Some(U256::from_be_slice(address.as_slice()).into()),
        Value::Bytes(bytes) => U256::try_from_be_slice(bytes).map(Number::from),
        _ => None,
    }
}
