//! Which rules may match a row, so that not each of them is asked about each row.

use hashbrown::{HashMap, HashSet};
use watchfire_sdk::Key;
use watchfire_sdk::prelude::*;

use crate::language::{Bound, Number, Value};
use crate::rule::Rule;

/// Which rules may match, by what is quickest to look at. A rule stands in one place.
#[derive(Default)]
pub struct Index {
    /// By the address that a value must be: the value's place, and rules by address.
    by_value: Vec<(usize, HashMap<Key<20>, Vec<usize>>)>,
    by_contract: HashMap<Key<20>, Vec<usize>>,
    /// By the number that a value must reach or stay below.
    by_number: Vec<Numbers>,
    any: Vec<usize>,
    /// Contracts of rules that stand in `by_value`; `None` where one of them takes any.
    contracts: HashMap<usize, Option<HashSet<Address>>>,
    /// Whether rules are asked also where a number says that they can't match.
    explain: bool,
}

/// Rules that ask for the size of one value.
struct Numbers {
    at: usize,
    /// Rules whose value must be at least the number, by number.
    least: Vec<(Number, usize)>,
    /// Rules whose value must be at most the number, by number.
    most: Vec<(Number, usize)>,
}

impl Index {
    /// An index without rules. With `explain`, numbers rule nothing out: what became of each candidate is told.
    pub fn new(explain: bool) -> Self {
        Self { explain, ..Self::default() }
    }

    /// Adds a rule; `is_value` says which places can be looked up.
    pub fn add(&mut self, position: usize, rule: &Rule, is_value: impl Fn(usize) -> bool) {
        let guard = rule.when.guards().filter(|(at, _)| is_value(*at)).min_by_key(|(_, addresses)| addresses.len());
        let contracts = rule.contracts.as_ref();
        match (guard, contracts) {
            (Some((at, addresses)), _) => {
                let place = match self.by_value.iter().position(|(place, _)| *place == at) {
                    Some(place) => place,
                    None => {
                        self.by_value.push((at, HashMap::new()));
                        self.by_value.len() - 1
                    }
                };
                for address in addresses {
                    self.by_value[place].1.entry(Key(address.into_array())).or_default().push(position);
                }
                let known = self.contracts.entry(at).or_insert_with(|| Some(HashSet::new()));
                match (contracts, known) {
                    (Some(contracts), Some(known)) => known.extend(contracts.iter().map(|key| Address::new(key.0))),
                    (_, known) => *known = None,
                }
            }
            (None, Some(contracts)) => {
                contracts.iter().for_each(|key| self.by_contract.entry(*key).or_default().push(position));
            }
            (None, None) => match rule.when.bounds().find(|(at, _)| is_value(*at)) {
                Some((at, bound)) if !self.explain => self.add_bound(position, at, bound),
                _ => self.any.push(position),
            },
        }
    }

    fn add_bound(&mut self, position: usize, at: usize, bound: Bound) {
        let place = match self.by_number.iter().position(|numbers| numbers.at == at) {
            Some(place) => place,
            None => {
                self.by_number.push(Numbers { at, least: Vec::new(), most: Vec::new() });
                self.by_number.len() - 1
            }
        };
        let numbers = &mut self.by_number[place];
        let (rules, number) = match bound {
            Bound::Least(number) => (&mut numbers.least, number),
            Bound::Most(number) => (&mut numbers.most, number),
        };
        let before = rules.partition_point(|(other, _)| *other <= number);
        rules.insert(before, (number, position));
    }

    /// Rules that may match, by the row's contract and values.
    pub fn candidates<'i>(&'i self, contract: &Address, values: &'i [Value]) -> impl Iterator<Item = usize> + 'i {
        let by_value = self.by_value.iter().filter_map(|(at, rules)| match values.get(*at) {
            Some(Value::Address(address)) => rules.get(&Key(address.into_array())),
            _ => None,
        });
        let by_contract = self.by_contract.get(&Key(contract.into_array()));
        let by_number = self.by_number.iter().flat_map(|numbers| numbers.fitting(values));
        by_value.chain(by_contract).flatten().chain(by_number).chain(&self.any).copied()
    }

    /// Whether a row of a contract may match anything, before it is decoded.
    pub fn may_match(&self, contract: &Address) -> bool {
        self.takes_any() || !self.by_value.is_empty() || self.by_contract.contains_key(&Key(contract.into_array()))
    }

    /// Whether a rule asks for neither an address nor a contract.
    pub fn takes_any(&self) -> bool {
        !self.any.is_empty() || !self.by_number.is_empty()
    }

    /// Contracts of rules that ask for nothing else; `None` where there are none.
    pub fn named_contracts(&self) -> Option<impl Iterator<Item = Address> + '_> {
        (!self.by_contract.is_empty()).then(|| self.by_contract.keys().map(|key| Address::new(key.0)))
    }

    /// Places that rules look addresses up by: the addresses, and the contracts where all of these rules name some.
    pub fn looked_up(
        &self,
    ) -> impl Iterator<Item = (usize, impl Iterator<Item = Address> + '_, Option<&HashSet<Address>>)> {
        self.by_value.iter().map(|(at, rules)| {
            let addresses = rules.keys().map(|key| Address::new(key.0));
            (*at, addresses, self.contracts.get(at).and_then(Option::as_ref))
        })
    }

    /// Contracts of all rules; `None` where one takes any.
    pub fn all_contracts(&self) -> Option<Vec<Address>> {
        if self.takes_any() || self.contracts.values().any(Option::is_none) {
            return None;
        }
        let mut all: Vec<Address> = self.by_contract.keys().map(|key| Address::new(key.0)).collect();
        all.extend(self.contracts.values().flatten().flatten());
        all.sort_unstable();
        all.dedup();
        Some(all)
    }

    /// The rules.
    pub fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        let by_value = self.by_value.iter().flat_map(|(_, rules)| rules.values());
        let by_number = self.by_number.iter().flat_map(|numbers| numbers.least.iter().chain(&numbers.most));
        let by_number = by_number.map(|(_, position)| position);
        by_value.chain(self.by_contract.values()).flatten().chain(by_number).chain(&self.any).copied()
    }
}

impl Numbers {
    /// Rules whose number the value fits.
    fn fitting<'i>(&'i self, values: &[Value]) -> impl Iterator<Item = &'i usize> + 'i {
        let (least, most) = match values.get(self.at) {
            Some(Value::Number(value)) => (
                self.least.partition_point(|(number, _)| number <= value),
                self.most.partition_point(|(number, _)| number < value),
            ),
            _ => (self.least.len(), 0),
        };
        self.least[..least].iter().chain(&self.most[most..]).map(|(_, position)| position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_thousand_rules_those_are_asked_whose_number_fits() {
        let mut index = Index::default();
        for position in 0..1_000_u64 {
            // Not in order, and each number twice.
            let number = Number::from((position * 7 % 1_000) / 2);
            let bound = if position.is_multiple_of(2) { Bound::Least(number) } else { Bound::Most(number) };
            index.add_bound(position as usize, 3, bound);
        }
        let asked = |value: u64| {
            let values = [Value::Bool(true), Value::Bool(true), Value::Bool(true), Value::number(value)];
            let mut asked: Vec<usize> = index.candidates(&Address::ZERO, &values).collect();
            asked.sort_unstable();
            asked
        };
        for value in [0, 1, 250, 499, 500] {
            let fits = |position: &usize| {
                let number = (*position as u64 * 7 % 1_000) / 2;
                if position.is_multiple_of(2) { value >= number } else { value <= number }
            };
            let expected: Vec<usize> = (0..1_000).filter(fits).collect();
            assert_eq!(asked(value), expected, "{value}");
        }
        assert!(asked(499).len() < 510, "a look-up, not a thousand questions");
        assert_eq!(index.candidates(&Address::ZERO, &[]).count(), 1_000, "a value that is not there rules nothing out");
    }
}
