//! Where a rule belongs, by what it looks at.

use alloy_json_abi::JsonAbi;
use watchfire_sdk::Key;
use watchfire_sdk::prelude::*;

use crate::abi::{EventLayout, FunctionLayout};
use crate::config::{Calls, Outcome, span_s};
use crate::constants;
use crate::language::literal::{self, Literal};
use crate::language::{Expression, Scope, Slots};
use crate::rule::{Builder, Rule};
use crate::set::Rules;
use crate::trigger::call::{Asks, CallGroup};
use crate::trigger::event::EventGroup;
use crate::trigger::level::{self, Every, LevelRule, Read};
use crate::trigger::silence::{self, Awaited, SilenceRule};

/// What `on` may begin with.
const KINDS: &str = "`event`, `call`, `transaction`, `native transfer`, `creation`, `storage`, `view`, `balance`, \
                     `no event`, `no feed`, `feed`, `finding`";
/// Most addresses that one rule reads of the chain on a block.
const TARGETS_AT_MOST: usize = 64;

impl Rules {
    /// Checks a rule and puts it where it belongs.
    pub(crate) fn add(&mut self, builder: &Builder<'_>, abis: &[JsonAbi]) -> Result<(), ConfigError> {
        let contracts = constants::contracts(builder.config.contract.as_ref(), &self.constants)
            .map_err(|message| builder.wrong("contract", message))?;
        let contracts = contracts.as_deref();
        let on = builder.config.on.trim();
        let (word, rest) = on.split_once(char::is_whitespace).map_or((on, ""), |(word, rest)| (word, rest.trim()));
        builder.expect_keys(word, rest)?;
        let rule = match (word, rest) {
            ("event", signature) => self.add_event(builder, contracts, signature, abis)?,
            ("call", signature) => {
                let layout = match signature {
                    "" => None,
                    signature => Some(function(signature, abis).map_err(|message| builder.wrong("on", message))?),
                };
                let asks = Asks {
                    calls: builder.config.calls.unwrap_or(Calls::All),
                    outcome: builder.config.status.unwrap_or(Outcome::Success),
                    with_value: false,
                };
                let name = signature.split('(').next().unwrap_or_default();
                let title =
                    format!("{{caller}} called {} of {{target}}", if name.is_empty() { "a function" } else { name });
                self.add_call(builder, contracts, layout, asks, &title)?
            }
            ("transaction", "") => {
                let outcome = builder.config.status.unwrap_or(Outcome::Any);
                let asks = Asks { calls: Calls::Top, outcome, with_value: false };
                self.add_call(builder, contracts, None, asks, "A transaction of {from} to {to}")?
            }
            ("native", "transfer") => {
                let calls = builder.config.calls.unwrap_or(Calls::All);
                let outcome = builder.config.status.unwrap_or(Outcome::Success);
                let asks = Asks { calls, outcome, with_value: true };
                self.add_call(builder, contracts, None, asks, "{value} wei from {from} to {to}")?
            }
            ("creation", "") => {
                let rule = builder.build(&self.creations.scope, contracts, "{creator} made the contract {address}")?;
                self.creations.rules.push(self.rules.len());
                rule
            }
            ("storage", "") => {
                let slot = builder.config.slot.as_deref().map(slot).transpose();
                let slot = slot.map_err(|message| builder.wrong("slot", message))?;
                let rule = builder.build(&self.storage.scope, contracts, "Slot {slot} of {contract} changed")?;
                self.storage.rules.push((self.rules.len(), slot));
                rule
            }
            ("view", signature) => {
                let layout = function(signature, abis).map_err(|message| builder.wrong("on", message))?;
                if layout.outputs.is_empty() {
                    let message = "say what the function returns: `view totalSupply() returns (uint256)`";
                    return Err(builder.wrong("on", message));
                }
                let calldata = self.calldata(builder, &layout)?;
                let name = signature.split('(').next().unwrap_or_default().trim();
                let title = format!("{name} of {{contract}} is {{value}}");
                self.add_level(builder, contracts, Read::View(layout, calldata), &title)?
            }
            ("balance", "") => self.add_level(builder, contracts, Read::Balance, "{contract} has {value} wei")?,
            ("feed", name) if !name.is_empty() => {
                let rule = builder.build(&self.feeds.scope, contracts, &format!("The feed {name} says {{text}}"))?;
                self.feeds.rules.push((self.rules.len(), name.to_owned()));
                rule
            }
            ("finding", of) => {
                let (detector, kind) = of.split_once('/').unwrap_or((of, ""));
                let some = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty() && name != "*");
                let rule = builder.build(&self.others.scope, contracts, "{detector}: {title}")?;
                self.others.rules.push((self.rules.len(), some(detector), some(kind)));
                rule
            }
            ("no", awaited) => self.add_silence(builder, contracts, awaited, abis)?,
            _ => return Err(builder.wrong("on", format!("`{on}` is nothing that a rule looks at; there are {KINDS}"))),
        };
        self.rules.push(rule);
        Ok(())
    }

    fn add_event(
        &mut self,
        builder: &Builder<'_>,
        contracts: Option<&[Address]>,
        signature: &str,
        abis: &[JsonAbi],
    ) -> Result<Rule, ConfigError> {
        let layout = event(signature, abis).map_err(|message| builder.wrong("on", message))?;
        let at = match self.events.iter().position(|group| group.layout == layout) {
            Some(at) => at,
            None => {
                self.by_topic.entry(Key(layout.topic.0)).or_default().push(self.events.len());
                self.events.push(EventGroup::new(layout, self.explain));
                self.events.len() - 1
            }
        };
        let title = format!("{} of {{contract}}", signature.split('(').next().unwrap_or_default().trim());
        let rule = builder.build(&self.events[at].scope, contracts, &title)?;
        self.events[at].add(self.rules.len(), &rule);
        Ok(rule)
    }

    fn add_call(
        &mut self,
        builder: &Builder<'_>,
        contracts: Option<&[Address]>,
        layout: Option<FunctionLayout>,
        asks: Asks,
        title: &str,
    ) -> Result<Rule, ConfigError> {
        let at = match self.calls.iter().position(|group| group.layout == layout && group.asks == asks) {
            Some(at) => at,
            None => {
                self.calls.push(CallGroup::new(layout, asks, self.explain));
                self.calls.len() - 1
            }
        };
        let rule = builder.build(&self.calls[at].scope, contracts, title)?;
        self.calls[at].add(self.rules.len(), &rule);
        Ok(rule)
    }

    fn calldata(&self, builder: &Builder<'_>, layout: &FunctionLayout) -> Result<Vec<u8>, ConfigError> {
        let scope = Scope::default();
        let value = |text: &String| {
            let expression: Expression = builder.expression("args", text, &scope, None)?;
            let value = expression.evaluate(&Slots { shared: &[], own: &[] });
            value.map_err(|error| builder.wrong("args", error.to_string()))
        };
        let values = builder.config.args.iter().map(value).collect::<Result<Vec<_>, _>>()?;
        layout.encode_input(&values).map_err(|message| builder.wrong("args", message))
    }

    fn add_level(
        &mut self,
        builder: &Builder<'_>,
        contracts: Option<&[Address]>,
        read: Read,
        title: &str,
    ) -> Result<Rule, ConfigError> {
        let targets = contracts.ok_or_else(|| builder.wrong("contract", "say whom it is read of"))?.to_vec();
        if targets.len() > TARGETS_AT_MOST {
            let message = format!("a rule reads at most {TARGETS_AT_MOST} addresses, and here are {}", targets.len());
            return Err(builder.wrong("contract", message));
        }
        let every = match builder.config.every.as_deref() {
            None => Every::Blocks(1),
            Some(text) => every(text).map_err(|message| builder.wrong("every", message))?,
        };
        let (scope, mut commons) = level::scope(&read);
        let rule = builder.build(&scope, contracts, title)?;
        if rule.when.parts.is_empty() {
            return Err(builder.wrong("when", "say what must hold of `value`, `change_percent` or `unchanged_s`"));
        }
        commons.keep_read(std::iter::once(&rule));
        self.levels.push(LevelRule { position: self.rules.len(), read, targets, every, commons });
        Ok(rule)
    }

    fn add_silence(
        &mut self,
        builder: &Builder<'_>,
        contracts: Option<&[Address]>,
        awaited: &str,
        abis: &[JsonAbi],
    ) -> Result<Rule, ConfigError> {
        let (word, rest) = awaited.split_once(char::is_whitespace).unwrap_or((awaited, ""));
        let awaited = match (word, rest.trim()) {
            ("event", signature) => {
                Awaited::Event(event(signature, abis).map_err(|message| builder.wrong("on", message))?)
            }
            ("feed", name) if !name.is_empty() => Awaited::Feed(name.to_owned()),
            _ => return Err(builder.wrong("on", "what is awaited is an event or a feed: `no event …`, `no feed NAME`")),
        };
        let within_s = builder.span("within", &builder.config.within)?;
        let within_s = within_s.ok_or_else(|| builder.wrong("within", "say for how long it may be silent: `6 h`"))?;
        let (scope, mut commons) = silence::scope(&awaited);
        let title = format!("Silent for {{silent_s}} s: {} {}", word, rest.split('(').next().unwrap_or_default());
        let rule = builder.build(&scope, contracts, &title)?;
        if let Awaited::Event(layout) = &awaited
            && let Some(at) = (0..layout.parameters.len()).find(|at| rule.says(*at))
        {
            let message = format!("`{}` is not known of an event that did not come", scope.name(at));
            return Err(builder.wrong("title", message));
        }
        commons.keep_read(std::iter::once(&rule));
        self.silences.push(SilenceRule { position: self.rules.len(), awaited, within_s, commons });
        Ok(rule)
    }
}

impl Builder<'_> {
    /// Refuses keys that have no use with what the rule looks at.
    fn expect_keys(&self, word: &str, rest: &str) -> Result<(), ConfigError> {
        let config = self.config;
        let is_level = matches!(word, "view" | "balance");
        let is_call = matches!(word, "call" | "native");
        let keys = [
            ("calls", config.calls.is_some(), is_call),
            ("status", config.status.is_some(), is_call || word == "transaction"),
            ("slot", config.slot.is_some(), word == "storage"),
            ("args", !config.args.is_empty(), word == "view"),
            ("every", config.every.is_some(), is_level),
            ("within", config.within.is_some(), word == "no"),
            ("window", config.window.is_some(), !is_level && word != "no"),
            ("first", config.first.is_some(), !is_level && word != "no"),
            ("forget", config.forget.is_some(), config.first.is_some()),
            ("contract", config.contract.is_some(), word != "feed" && !(word == "no" && rest.starts_with("feed"))),
        ];
        match keys.iter().find(|(_, is_set, has_use)| *is_set && !has_use) {
            Some((key, ..)) => Err(self.wrong(key, format!("it has no use with `{}`; leave it out", self.config.on))),
            None => Ok(()),
        }
    }
}

/// An event by its signature, or by its name alone where an ABI has it.
fn event(signature: &str, abis: &[JsonAbi]) -> Result<EventLayout, String> {
    if signature.contains('(') {
        return EventLayout::parse(&format!("event {signature}"));
    }
    let known: Vec<_> = abis.iter().flat_map(|abi| abi.events.get(signature)).flatten().collect();
    match known.as_slice() {
        [event] => EventLayout::of(event),
        [] => Err(format!("no ABI has the event `{signature}`; write its signature, or give its ABI in `abi`")),
        _ => Err(format!("several events are called `{signature}`; write the signature of the one that is meant")),
    }
}

/// A function by its signature, or by its name alone where an ABI has it.
fn function(signature: &str, abis: &[JsonAbi]) -> Result<FunctionLayout, String> {
    if signature.contains('(') {
        return FunctionLayout::parse(&format!("function {signature}"));
    }
    let known: Vec<_> = abis.iter().flat_map(|abi| abi.functions.get(signature)).flatten().collect();
    match known.as_slice() {
        [function] => FunctionLayout::of(function),
        [] => Err(format!("no ABI has the function `{signature}`; write its signature, or give its ABI in `abi`")),
        _ => Err(format!("several functions are called `{signature}`; write the signature of the one that is meant")),
    }
}

/// A storage slot: 32 bytes or fewer, or a number.
fn slot(text: &str) -> Result<B256, String> {
    let put = literal::put_aside(text.trim()).map_err(|wrong| wrong.message)?;
    let number = match put.literals.as_slice() {
        [Literal::Number(number)] => number.to_u256(),
        [Literal::Hex(bytes)] => U256::try_from_be_slice(bytes),
        _ => text.trim().parse::<u64>().ok().map(U256::from),
    };
    number.map(|number| B256::from(number.to_be_bytes::<32>())).ok_or_else(|| format!("`{text}` is no slot"))
}

/// `10 blocks`, or a span of time.
fn every(text: &str) -> Result<Every, String> {
    let count = text.trim().strip_suffix("blocks").or_else(|| text.trim().strip_suffix("block"));
    match count {
        Some(count) => {
            let count = count.trim().parse::<u64>().ok().filter(|count| *count > 0);
            count.map(Every::Blocks).ok_or_else(|| format!("`{text}` is no number of blocks; write `10 blocks`"))
        }
        None => span_s(text).map(Every::Seconds).map_err(|error| format!("{error}, or `10 blocks`")),
    }
}
