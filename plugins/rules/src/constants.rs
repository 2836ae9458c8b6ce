//! Names that a config gives: addresses, labels, lists, and the events and functions of its ABIs.

use std::str::FromStr;

use alloy_json_abi::JsonAbi;
use serde_json::Value as Json;
use watchfire_sdk::prelude::*;

use crate::config::{Config, OneOrMany};
use crate::language::names::{Named, nearest};
use crate::language::{Constants, Number, Type, Value};

/// Reads the names of a config.
///
/// # Errors
///
/// If a name is none, or a member of a list does not fit the others.
pub fn read(config: &Config) -> Result<Constants, ConfigError> {
    let mut constants = Constants::default();
    for (name, address) in &config.addresses {
        check_name(name).map_err(|message| ConfigError::at(format!("addresses.{name}"), message))?;
        constants.addresses.insert(name.clone(), *address);
        constants.labels.insert(*address, name.clone());
    }
    for (name, members) in &config.lists {
        let key = format!("lists.{name}");
        check_name(name).map_err(|message| ConfigError::at(&key, message))?;
        let mut values = Vec::with_capacity(members.len());
        let mut of: Option<Type> = None;
        for (at, member) in members.iter().enumerate() {
            let (value, kind) = self::member(member, &mut constants)
                .map_err(|message| ConfigError::at(format!("{key}.{at}"), message))?;
            if let Some(of) = of.as_ref().filter(|of| **of != kind) {
                let message = format!("this is {kind}, and the list begins with {of}");
                return Err(ConfigError::at(format!("{key}.{at}"), message));
            }
            of = Some(kind);
            values.push(value);
        }
        constants.lists.insert(name.clone(), Named::new(of.unwrap_or(Type::Address), values));
    }
    Ok(constants)
}

fn check_name(name: &str) -> Result<(), String> {
    let holds = name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    holds.then_some(()).ok_or_else(|| format!("`{name}` is no name: letters, digits and `_`, a letter first"))
}

fn member(member: &Json, constants: &mut Constants) -> Result<(Value, Type), String> {
    let text = match member {
        Json::Number(number) => {
            let number = Number::parse(&number.to_string()).ok_or_else(|| format!("`{number}` is no exact number"))?;
            return Ok((Value::Number(number), Type::Number));
        }
        Json::String(text) => text.trim(),
        other => return Err(format!("`{other}` is neither address, number nor text")),
    };
    if let Some(address) = constants.addresses.get(text) {
        return Ok((Value::Address(*address), Type::Address));
    }
    let (digits, label) = text.split_once([' ', '\t', ',']).unwrap_or((text, ""));
    if digits.starts_with("0x") && digits.len() == 42 {
        let address = address(digits)?;
        if !label.trim().is_empty() {
            constants.labels.insert(address, label.trim().to_owned());
        }
        return Ok((Value::Address(address), Type::Address));
    }
    if let Some(bytes) = text.strip_prefix("0x") {
        let bytes = watchfire_sdk::alloy_primitives::hex::decode(bytes).map_err(|_| format!("`{text}`: no digits"))?;
        return Ok((Value::Bytes(bytes.into()), Type::Bytes));
    }
    Ok((Value::text(text), Type::Text))
}

/// An address as it is written; one in mixed case must have its checksum right.
pub fn address(text: &str) -> Result<Address, String> {
    let address = Address::from_str(text).map_err(|_| format!("`{text}` is no address: `0x` and 40 digits"))?;
    let digits = text.trim_start_matches("0x");
    let is_mixed =
        digits.bytes().any(|byte| byte.is_ascii_uppercase()) && digits.bytes().any(|byte| byte.is_ascii_lowercase());
    if is_mixed && address.to_checksum(None) != text {
        return Err(format!("`{text}` has a wrong checksum: a digit is mistyped, or write all of it in small letters"));
    }
    Ok(address)
}

/// Addresses that a rule's `contract` stands for; `None` for any.
///
/// # Errors
///
/// If it is neither an address nor a name.
pub fn contracts(given: Option<&OneOrMany>, constants: &Constants) -> Result<Option<Vec<Address>>, String> {
    let Some(given) = given else { return Ok(None) };
    let mut addresses = Vec::new();
    for text in given.all() {
        if let Some(address) = constants.addresses.get(text) {
            addresses.push(*address);
        } else if let Some(list) = constants.lists.get(text) {
            if list.of != Type::Address {
                return Err(format!("the list `{text}` has no addresses"));
            }
            addresses.extend(list.values.iter().filter_map(|value| match value {
                Value::Address(address) => Some(*address),
                _ => None,
            }));
        } else if text.starts_with("0x") {
            addresses.push(address(text)?);
        } else {
            let known = constants.addresses.keys().chain(constants.lists.keys()).map(String::as_str);
            let meant = nearest(text, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            return Err(format!("`{text}` is no address, and no name of `addresses` or `lists`{meant}"));
        }
    }
    if addresses.is_empty() {
        return Err("it names no contract; leave it out for any".to_owned());
    }
    addresses.sort_unstable();
    addresses.dedup();
    Ok(Some(addresses))
}

/// Reads the ABIs of a config.
///
/// # Errors
///
/// If one is none.
pub fn abis(config: &Config) -> Result<Vec<JsonAbi>, ConfigError> {
    let read = |(at, text): (usize, &String)| {
        // Compilers put the ABI beside other things.
        let parsed = serde_json::from_str::<Json>(text).map_err(|error| error.to_string()).and_then(|json| {
            let abi = json.get("abi").unwrap_or(&json).clone();
            serde_json::from_value::<JsonAbi>(abi).map_err(|error| error.to_string())
        });
        parsed.map_err(|error| ConfigError::at(format!("abi.{at}"), format!("this is no ABI: {error}")))
    };
    config.abi.iter().enumerate().map(read).collect()
}
