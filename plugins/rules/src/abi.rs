//! Events and functions by their signatures, and what their bytes say. A decoder of our own, so that the work is bounded by the
//! bytes: an offset that points back, so that one tail is read a million times, ends the decoding.

use std::rc::Rc;

use alloy_json_abi::{Event, Function, Param};
use alloy_sol_type_parser::TypeSpecifier;
use watchfire_sdk::prelude::*;

use crate::language::{Type, Value};

/// Deepest nesting of a type.
const DEPTH_AT_MOST: usize = 8;

/// A Solidity type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Abi {
    /// Unsigned, of so many bits.
    Uint(usize),
    /// Signed, of so many bits.
    Int(usize),
    /// `address`.
    Address,
    /// `bool`.
    Bool,
    /// `bytes1` to `bytes32`.
    Fixed(usize),
    /// `bytes`.
    Bytes,
    /// `string`.
    Text,
    /// An array, of a fixed length or not.
    Array(Box<Abi>, Option<usize>),
    /// A struct.
    Tuple(Vec<(String, Abi)>),
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; `arg0`, `arg1`, … where it has none.
    pub name: String,
    /// Its type.
    pub abi: Abi,
    /// Whether it is a topic.
    pub is_indexed: bool,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLayout {
    /// Its first topic.
    pub topic: B256,
    /// In the order of the signature.
    pub parameters: Vec<Parameter>,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionLayout {
    /// First four bytes of its calldata.
    pub selector: [u8; 4],
    /// What it takes.
    pub inputs: Vec<Parameter>,
    /// What it gives back.
    pub outputs: Vec<Parameter>,
}

impl Abi {
    fn of(param_type: &str, components: &[Param]) -> Result<Self, String> {
        let specifier = TypeSpecifier::parse(param_type).map_err(|error| format!("`{param_type}`: {error}"))?;
        let root = specifier.stem.span();
        let bits = |digits: &str| match digits {
            "" => Ok(256),
            digits => digits.parse::<usize>().ok().filter(|bits| bits % 8 == 0 && (8..=256).contains(bits)).ok_or(()),
        };
        let unknown = || format!("`{root}` is no type that is known");
        let mut abi = match root {
            "address" => Abi::Address,
            "bool" => Abi::Bool,
            "bytes" => Abi::Bytes,
            "string" => Abi::Text,
            "tuple" => Abi::Tuple(
                components
                    .iter()
                    .enumerate()
                    .map(|(at, part)| Ok((named(&part.name, at), Abi::of(&part.ty, &part.components)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => {
                if let Some(digits) = other.strip_prefix("uint") {
                    Abi::Uint(bits(digits).map_err(|()| unknown())?)
                } else if let Some(digits) = other.strip_prefix("int") {
                    Abi::Int(bits(digits).map_err(|()| unknown())?)
                } else if let Some(count) = other.strip_prefix("bytes").and_then(|count| count.parse().ok()) {
                    Abi::Fixed(Some(count).filter(|count| (1..=32).contains(count)).ok_or_else(unknown)?)
                } else {
                    return Err(unknown());
                }
            }
        };
        for size in &specifier.sizes {
            abi = Abi::Array(Box::new(abi), size.map(|size| size.get()));
        }
        if abi.depth() > DEPTH_AT_MOST {
            return Err(format!("`{param_type}` is nested more than {DEPTH_AT_MOST} deep"));
        }
        Ok(abi)
    }

    fn depth(&self) -> usize {
        match self {
            Abi::Array(of, _) => 1 + of.depth(),
            Abi::Tuple(parts) => 1 + parts.iter().map(|(_, part)| part.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The type of what it decodes to.
    pub fn of_value(&self) -> Type {
        match self {
            Abi::Uint(_) | Abi::Int(_) => Type::Number,
            Abi::Address => Type::Address,
            Abi::Bool => Type::Bool,
            Abi::Fixed(_) | Abi::Bytes => Type::Bytes,
            Abi::Text => Type::Text,
            Abi::Array(of, _) => Type::List(Rc::new(of.of_value())),
            Abi::Tuple(parts) => {
                Type::Tuple(Rc::new(parts.iter().map(|(name, part)| (name.clone(), part.of_value())).collect()))
            }
        }
    }

    fn is_dynamic(&self) -> bool {
        match self {
            Abi::Bytes | Abi::Text | Abi::Array(_, None) => true,
            Abi::Array(of, Some(_)) => of.is_dynamic(),
            Abi::Tuple(parts) => parts.iter().any(|(_, part)| part.is_dynamic()),
            _ => false,
        }
    }

    /// Whether a topic holds the value itself and not its hash.
    fn is_word(&self) -> bool {
        !matches!(self, Abi::Bytes | Abi::Text | Abi::Array(..) | Abi::Tuple(_))
    }

    /// Bytes that its head takes.
    fn head(&self) -> usize {
        match self {
            Abi::Array(of, Some(count)) if !of.is_dynamic() => count.saturating_mul(of.head()),
            Abi::Tuple(parts) if !self.is_dynamic() => parts.iter().map(|(_, part)| part.head()).sum(),
            _ => 32,
        }
    }

    /// What one word says; `None` where it is not of this type.
    pub fn word(&self, word: &[u8; 32]) -> Option<Value> {
        let number = || U256::from_be_bytes(*word);
        Some(match self {
            Abi::Uint(bits) => Value::number(Some(number()).filter(|number| number.bit_len() <= *bits)?),
            Abi::Int(bits) => {
                let number = I256::from_raw(number());
                let limit = I256::from_raw(U256::ONE << (bits - 1));
                let fits = *bits == 256 || (number < limit && number >= -limit);
                Value::number(Some(number).filter(|_| fits)?)
            }
            Abi::Address => Value::Address(
                Some(word).filter(|word| word[..12] == [0; 12]).map(|word| Address::from_slice(&word[12..]))?,
            ),
            Abi::Bool => Value::Bool(Some(number()).filter(|number| *number <= U256::ONE)? == U256::ONE),
            Abi::Fixed(count) => {
                Value::Bytes(Some(word).filter(|word| word[*count..].iter().all(|byte| *byte == 0))?[..*count].into())
            }
            _ => return None,
        })
    }
}

fn named(name: &str, at: usize) -> String {
    if name.is_empty() { format!("arg{at}") } else { name.to_owned() }
}

fn parameters<'a>(
    params: impl Iterator<Item = (&'a str, &'a str, &'a [Param], bool)>,
) -> Result<Vec<Parameter>, String> {
    params
        .enumerate()
        .map(|(at, (name, of, components, is_indexed))| {
            Ok(Parameter { name: named(name, at), abi: Abi::of(of, components)?, is_indexed })
        })
        .collect()
}

impl EventLayout {
    /// Reads a signature as in Solidity: `event Transfer(address indexed from, …)`.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn parse(signature: &str) -> Result<Self, String> {
        Self::of(&Event::parse(signature).map_err(|error| format!("this is no event as Solidity has it: {error}"))?)
    }

    /// Takes an event of a JSON ABI.
    ///
    /// # Errors
    ///
    /// If a type of it is not known.
    pub fn of(event: &Event) -> Result<Self, String> {
        let inputs = event.inputs.iter();
        let parameters =
            parameters(inputs.map(|p| (p.name.as_str(), p.ty.as_str(), p.components.as_slice(), p.indexed)))?;
        Ok(Self { topic: event.selector(), parameters })
    }

    /// How many topics its logs have.
    pub fn topics(&self) -> usize {
        1 + self.parameters.iter().filter(|parameter| parameter.is_indexed).count()
    }

    /// The type of a parameter's value: of one whose hash is the topic, bytes.
    pub fn type_of(parameter: &Parameter) -> Type {
        if parameter.is_indexed && !parameter.abi.is_word() { Type::Bytes } else { parameter.abi.of_value() }
    }

    /// The position of the topic that holds a parameter, where one does.
    pub fn topic_of(&self, parameter: usize) -> Option<usize> {
        let before = self.parameters[..parameter].iter().filter(|parameter| parameter.is_indexed).count();
        self.parameters[parameter].is_indexed.then_some(before + 1)
    }

    /// What a log says, parameter by parameter; `None` where it is no such event.
    pub fn decode(&self, topic: impl Fn(usize) -> B256, topics: usize, data: &[u8]) -> Option<Vec<Value>> {
        if topics != self.topics() {
            return None;
        }
        let plain: Vec<&Abi> = self.parameters.iter().filter(|p| !p.is_indexed).map(|p| &p.abi).collect();
        let mut plain = sequence(&plain, data)?.into_iter();
        let mut position = 0;
        let mut values = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            values.push(match parameter.is_indexed {
                true => {
                    position += 1;
                    let word = topic(position);
                    match parameter.abi.is_word() {
                        true => parameter.abi.word(&word.0)?,
                        false => Value::Bytes(word.0.as_slice().into()),
                    }
                }
                false => plain.next()?,
            });
        }
        Some(values)
    }
}

impl FunctionLayout {
    /// Reads a signature as in Solidity: `function transfer(address to, uint256 value) returns (bool)`.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn parse(signature: &str) -> Result<Self, String> {
        let function =
            Function::parse(signature).map_err(|error| format!("this is no function as Solidity has it: {error}"))?;
        Self::of(&function)
    }

    /// Takes a function of a JSON ABI.
    ///
    /// # Errors
    ///
    /// If a type of it is not known.
    pub fn of(function: &Function) -> Result<Self, String> {
        let of = |params: &[Param]| {
            parameters(params.iter().map(|p| (p.name.as_str(), p.ty.as_str(), p.components.as_slice(), false)))
        };
        Ok(Self { selector: function.selector().0, inputs: of(&function.inputs)?, outputs: of(&function.outputs)? })
    }

    /// What a call asks, parameter by parameter; `None` where it is no such call.
    pub fn decode_input(&self, input: &[u8]) -> Option<Vec<Value>> {
        let data = input.strip_prefix(&self.selector)?;
        sequence(&self.inputs.iter().map(|input| &input.abi).collect::<Vec<_>>(), data)
    }

    /// What a call returned; `None` where it is something else.
    pub fn decode_output(&self, output: &[u8]) -> Option<Vec<Value>> {
        sequence(&self.outputs.iter().map(|output| &output.abi).collect::<Vec<_>>(), output)
    }

    /// Calldata with values.
    ///
    /// # Errors
    ///
    /// If a value is not of its parameter's type.
    pub fn encode_input(&self, values: &[Value]) -> Result<Vec<u8>, String> {
        let mut head = self.selector.to_vec();
        if values.len() != self.inputs.len() {
            return Err(format!("the function takes {}, and `args` has {}", self.inputs.len(), values.len()));
        }
        for (parameter, value) in self.inputs.iter().zip(values) {
            let word = encode_word(&parameter.abi, value)
                .ok_or_else(|| format!("`{value}` does not fit the parameter `{}`", parameter.name))?;
            head.extend_from_slice(&word);
        }
        Ok(head)
    }
}

fn encode_word(abi: &Abi, value: &Value) -> Option<[u8; 32]> {
    let mut word = [0; 32];
    match (abi, value) {
        (Abi::Uint(_), Value::Number(number)) => word = number.to_u256()?.to_be_bytes(),
        (Abi::Int(_), Value::Number(number)) => word = number.to_i256()?.to_be_bytes(),
        (Abi::Address, Value::Address(address)) => word[12..].copy_from_slice(address.as_slice()),
        (Abi::Bool, Value::Bool(value)) => word[31] = u8::from(*value),
        (Abi::Fixed(count), Value::Bytes(bytes)) if bytes.len() == *count => word[..*count].copy_from_slice(bytes),
        _ => return None,
    }
    // What does not come back does not fit.
    abi.word(&word).map(|_| word)
}

/// Decodes values that follow each other.
pub fn sequence(types: &[&Abi], data: &[u8]) -> Option<Vec<Value>> {
    let mut budget = data.len() / 32 + 8;
    tail(types.iter().copied(), data, &mut budget)
}

fn tail<'a>(types: impl Iterator<Item = &'a Abi>, data: &[u8], budget: &mut usize) -> Option<Vec<Value>> {
    let (mut values, mut at) = (Vec::new(), 0);
    for abi in types {
        values.push(one(abi, data, at, budget)?);
        at += abi.head();
    }
    Some(values)
}

/// The value whose head stands at a byte of the block of values around it.
fn one(abi: &Abi, block: &[u8], at: usize, budget: &mut usize) -> Option<Value> {
    *budget = budget.checked_sub(1)?;
    if !abi.is_dynamic() {
        return match abi {
            Abi::Array(of, Some(count)) => {
                let size = of.head();
                let values = (0..*count).map(|n| one(of, block, at.checked_add(n.checked_mul(size)?)?, budget));
                Some(Value::List(values.collect::<Option<Vec<_>>>()?.into()))
            }
            Abi::Tuple(parts) => {
                let values = tail(parts.iter().map(|(_, part)| part), block.get(at..)?, budget)?;
                Some(Value::List(values.into()))
            }
            word => word.word(block.get(at..)?.first_chunk()?),
        };
    }
    let own = block.get(size(block, at)?..)?;
    match abi {
        Abi::Bytes | Abi::Text => {
            let bytes = own.get(32..)?.get(..size(own, 0)?)?;
            *budget = budget.checked_sub(bytes.len() / 32)?;
            Some(match abi {
                Abi::Bytes => Value::Bytes(bytes.into()),
                _ => Value::text(&String::from_utf8_lossy(bytes)),
            })
        }
        Abi::Array(of, count) => {
            let (count, rest) = match count {
                Some(count) => (*count, own),
                None => (size(own, 0)?, own.get(32..)?),
            };
            if count > *budget {
                return None;
            }
            Some(Value::List(tail(std::iter::repeat_n(&**of, count), rest, budget)?.into()))
        }
        Abi::Tuple(parts) => Some(Value::List(tail(parts.iter().map(|(_, part)| part), own, budget)?.into())),
        _ => None,
    }
}

/// An offset or a length.
fn size(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..)?.first_chunk::<32>()?;
    usize::try_from(U256::from_be_bytes(*word)).ok()
}
