//! What an expression can name.

use std::rc::Rc;

use hashbrown::{HashMap, HashSet};
use watchfire_sdk::Key;
use watchfire_sdk::prelude::*;

use super::value::{Type, Value};

/// Names of values that a candidate has, by their place. A name may have points: `block.number`.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    slots: Vec<(String, Type)>,
    /// Last slot of each name.
    places: HashMap<String, usize>,
}

impl Scope {
    /// Adds a name and gives its place. A name that is there already stands for the new one from here on.
    pub fn add(&mut self, name: &str, of: Type) -> usize {
        self.slots.push((name.to_owned(), of));
        self.places.insert(name.to_owned(), self.slots.len() - 1);
        self.slots.len() - 1
    }

    /// Adds a name unless it is there, and gives the place of what was added.
    pub fn add_below(&mut self, name: &str, of: Type) -> usize {
        let before = self.places.get(name).copied();
        let at = self.add(name, of);
        if let Some(before) = before {
            self.places.insert(name.to_owned(), before);
        }
        at
    }

    /// The place and type of a name.
    pub fn find(&self, name: &str) -> Option<(usize, &Type)> {
        let at = *self.places.get(name)?;
        Some((at, &self.slots[at].1))
    }

    /// The name at a place.
    pub fn name(&self, at: usize) -> &str {
        self.slots.get(at).map_or("", |(name, _)| name)
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All names, in order of their places.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|(name, _)| name.as_str())
    }
}

/// A list that has a name.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its members' type.
    pub of: Type,
    /// Its members in order.
    pub values: Rc<[Value]>,
    /// Members that are addresses.
    pub addresses: Rc<HashSet<Key<20>>>,
}

impl Named {
    /// A list of values, which are all of one type.
    pub fn new(of: Type, values: Vec<Value>) -> Self {
        let addresses = values.iter().filter_map(|value| match value {
            Value::Address(address) => Some(Key(address.into_array())),
            _ => None,
        });
        Self { of, addresses: Rc::new(addresses.collect()), values: values.into() }
    }
}

/// What a config names for all of its rules.
#[derive(Clone, Debug, Default)]
pub struct Constants {
    /// Addresses by name.
    pub addresses: HashMap<String, Address>,
    /// What findings call an address.
    pub labels: HashMap<Address, String>,
    /// Lists by name.
    pub lists: HashMap<String, Named>,
}

impl Constants {
    /// What findings call an address: its label, or its digits.
    pub fn call(&self, address: &Address) -> String {
        self.labels.get(address).cloned().unwrap_or_else(|| address.to_string())
    }

    /// A value as findings show it.
    pub fn show(&self, value: &Value) -> String {
        match value {
            Value::Address(address) => self.call(address),
            other => other.to_string(),
        }
    }
}

/// The name that somebody may have meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &str| {
        let (left, right): (Vec<char>, Vec<char>) = (name.chars().collect(), other.chars().collect());
        let mut row: Vec<usize> = (0..=right.len()).collect();
        for (i, a) in left.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, b) in right.iter().enumerate() {
                let change = diagonal + usize::from(!a.eq_ignore_ascii_case(b));
                diagonal = row[j + 1];
                row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
            }
        }
        row[right.len()]
    };
    let best = known.map(|other| (distance(other), other)).min()?;
    (best.0 * 2 <= name.len().max(3)).then_some(best.1)
}
