//! The bytes of a call that carries an intervention out, where all its arguments are of one word each.

use alloy_primitives::{Address, B256, Bytes, I256, U256, keccak256};

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
