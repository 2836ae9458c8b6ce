//! The bytes of a call that carries an intervention out, where all its arguments are of one word each.

use alloy_primitives::{Address, B256, Bytes, I256, U256, keccak256};
use alloy_sol_type_parser::{TupleSpecifier, TypeSpecifier, TypeStem};

use super::Call;

impl Call {
    /// Returns the call's data: the selector and an ABI word for each argument. `None` if an argument takes more than a
    /// word, as `bytes`, `string`, arrays and tuples do, or is not written as its type wants: whoever signs encodes it.
    pub fn data(&self) -> Option<Bytes> {
        let (_, types) = self.function.strip_suffix(')')?.split_once('(')?;
        let types: Vec<&str> = if types.is_empty() { Vec::new() } else { types.split(',').map(str::trim).collect() };
        if types.len() != self.args.len() {
            return None;
        }
        let canonical: String = self.function.chars().filter(|c| !c.is_whitespace()).collect();
        let mut data = keccak256(canonical)[..4].to_vec();
        for (kind, arg) in types.iter().zip(&self.args) {
            data.extend_from_slice(word(kind, arg.trim())?.as_slice());
        }
        Some(data.into())
    }

    /// Returns why nobody could make this call: its signature is none, or an argument is none of its type. An argument with
    /// a placeholder, as `{POOL}`, is filled in by whoever signs, and so are those that take more than a word.
    pub fn fault(&self) -> Option<String> {
        let types = match signature(&self.function) {
            Ok(types) => types,
            Err(why) => return Some(why),
        };
        if types.len() != self.args.len() {
            let (wanted, given) = (types.len(), self.args.len());
            let plural = if wanted == 1 { "" } else { "s" };
            return Some(format!("`{}` takes {wanted} argument{plural}, and {given} stand in `args`", self.function));
        }
        let wrong = types.iter().zip(&self.args).find(|(kind, arg)| {
            takes_a_word(kind) && !arg.contains('{') && word(kind.span.trim(), arg.trim()).is_none()
        });
        wrong.map(|(kind, arg)| format!("`{arg}` is no {}", kind.span.trim()))
    }
}

/// Returns the types of a function's signature, or why it is none.
fn signature(function: &str) -> Result<Vec<TypeSpecifier<'_>>, String> {
    let none = || format!("`{function}` is no signature of a function, as `pause(bytes32)`");
    let start = function.find('(').ok_or_else(none)?;
    let (name, inputs) = function.split_at(start);
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    if !name.starts_with(is_first) || !name.chars().all(|c| is_first(c) || c.is_ascii_digit()) {
        return Err(none());
    }
    let inputs = TupleSpecifier::parse(inputs.trim()).map_err(|_| none())?;
    inputs.types.iter().try_for_each(known)?;
    Ok(inputs.types)
}

/// Says which type of a signature Solidity doesn't have, or has by another name only.
fn known(kind: &TypeSpecifier<'_>) -> Result<(), String> {
    match &kind.stem {
        TypeStem::Tuple(tuple) => tuple.types.iter().try_for_each(known),
        TypeStem::Root(_) => match kind.span.split('[').next().unwrap_or_default().trim() {
            short @ ("uint" | "int") => Err(format!("a signature names `{short}256` in full, not `{short}`")),
            _ => kind.try_basic_solidity().map_err(|_| format!("Solidity has no type `{}`", kind.span.trim())),
        },
    }
}

fn takes_a_word(kind: &TypeSpecifier<'_>) -> bool {
    let is_long = |name: &str| ["string", "bytes", "function"].contains(&name);
    kind.sizes.is_empty() && matches!(&kind.stem, TypeStem::Root(root) if !is_long(root.span()))
}

fn word(kind: &str, arg: &str) -> Option<B256> {
    if kind == "address" {
        return arg.parse::<Address>().ok().map(|address| address.into_word());
    }
    if kind == "bool" {
        return arg.parse::<bool>().ok().map(|yes| B256::with_last_byte(u8::from(yes)));
    }
    if let Some(bits) = kind.strip_prefix("uint") {
        let value = arg.parse::<U256>().ok()?;
        return (value.bit_len() <= bits_of(bits)?).then(|| value.into());
    }
    if let Some(bits) = kind.strip_prefix("int") {
        let value = arg.parse::<I256>().ok()?;
        return (value.bits() as usize <= bits_of(bits)?).then(|| value.into_raw().into());
    }
    let length = kind.strip_prefix("bytes")?.parse::<usize>().ok().filter(|length| (1..=32).contains(length))?;
    let bytes = arg.parse::<Bytes>().ok().filter(|bytes| bytes.len() == length)?;
    Some(B256::right_padding_from(&bytes))
}

/// Bits of an integer type; `uint` and `int` alone have 256, which a selector does not name so.
fn bits_of(text: &str) -> Option<usize> {
    text.parse::<usize>().ok().filter(|bits| (8..=256).contains(bits) && bits.is_multiple_of(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(function: &str, args: &[&str]) -> Option<String> {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let call = Call { target: Address::ZERO, function: function.to_owned(), args };
        call.data().map(|data| data.to_string())
    }

    #[test]
    fn calls_of_plain_arguments_are_encoded() {
        let check =
            |function, args: &[&str], expected: &str| assert_eq!(data(function, args).as_deref(), Some(expected));
        check("pause()", &[], "0x8456cb59");
        let to = format!("0xa9059cbb{:0>64}{:064x}", "00000000000000000000000000000000000000aa", 5);
        check("transfer(address,uint256)", &["0x00000000000000000000000000000000000000AA", "5"], &to);
        check("setPaused(bool)", &["true"], &format!("0x16c38b3c{:064x}", 1));
    }

    #[test]
    fn a_call_that_nobody_could_make_says_why() {
        let fault = |function: &str, args: &[&str]| {
            let args = args.iter().map(|arg| (*arg).to_owned()).collect();
            Call { target: Address::ZERO, function: function.to_owned(), args }.fault().unwrap_or_default()
        };
        let long = "9".repeat(80);
        for (function, args, expected) in [
            ("pause(uint257)", &["1"][..], "Solidity has no type `uint257`"),
            ("pause(bytes33)", &["0x"], "Solidity has no type `bytes33`"),
            ("pause(Pool)", &["1"], "Solidity has no type `Pool`"),
            ("pause(uint)", &["1"], "a signature names `uint256` in full, not `uint`"),
            ("f((uint,bool))", &["x"], "a signature names `uint256` in full"),
            ("pause(address)", &["0x12"], "`0x12` is no address"),
            ("pause(uint256)", &[&long], "is no uint256"),
            ("pause(uint8)", &["256"], "`256` is no uint8"),
            ("pause(int8)", &["128"], "`128` is no int8"),
            ("pause(bool)", &["yes"], "`yes` is no bool"),
            ("pause(bytes4)", &["0x0102"], "`0x0102` is no bytes4"),
            ("pause(bytes32)", &[], "takes 1 argument, and 0 stand in `args`"),
            ("pause()", &["1"], "takes 0 arguments, and 1 stand in `args`"),
            ("pause", &[], "is no signature"),
            ("pause(", &[], "is no signature"),
            ("pause())", &[], "is no signature"),
            ("1pause()", &[], "is no signature"),
            ("function pause()", &[], "is no signature"),
        ] {
            let came = fault(function, args);
            assert!(came.contains(expected), "{function} {args:?}: `{came}`");
        }
        for (function, args) in [
            ("pause()", &[][..]),
            ("pause(bytes32)", &["{POOL}"]),
            (
                "execute(address,bytes,(uint256,string)[])",
                &["0x00000000000000000000000000000000000000AA", "any", "any"],
            ),
            ("f(uint256[2],int256)", &["any", "-5"]),
        ] {
            assert_eq!(fault(function, args), "", "{function}");
        }
    }

    #[test]
    fn what_a_word_does_not_hold_is_left_to_whoever_signs() {
        for (function, args) in [
            ("execute(bytes)", &["0x00"][..]),
            ("f(uint8)", &["256"]),
            ("f(address)", &["vault"]),
            ("f(uint256)", &[]),
            ("pause", &[]),
        ] {
            assert_eq!(data(function, args), None, "{function}");
        }
    }
}
