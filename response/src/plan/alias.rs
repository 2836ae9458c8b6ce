//! One human under several ids: what people write differently and what reaches the same phone is folded.

/// The least digits of a number that is told apart by its digits alone, whatever the service: what is shorter may be an
/// extension of one service.
const WHOLE_NUMBER: usize = 7;

/// Returns what a channel reaches, so that two channels which reach the same are equal: without case, without invisible
/// characters, and of a phone number its digits alone. A whole number is the same phone in each service.
pub fn reach_of(channel: &str) -> String {
    let (scheme, rest) = channel.split_once(':').unwrap_or(("", channel));
    let scheme: String = scheme.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let is_number = rest.chars().any(|c| c.is_ascii_digit())
        && rest.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "+-().\u{a0}/".contains(c));
    if is_number {
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        let digits = digits.strip_prefix("00").unwrap_or(&digits);
        return match digits.len() >= WHOLE_NUMBER {
            true => format!("number:{digits}"),
            false => format!("{scheme}:{digits}"),
        };
    }
    let rest: String = rest.chars().filter(|c| c.is_alphanumeric() || c.is_ascii_punctuation()).collect();
    format!("{scheme}:{}", rest.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::reach_of;

    #[test]
    fn what_reaches_the_same_is_equal_however_it_is_written() {
        let same = |a: &str, b: &str| assert_eq!(reach_of(a), reach_of(b), "{a} and {b}");
        let other = |a: &str, b: &str| assert_ne!(reach_of(a), reach_of(b), "{a} and {b}");
        same("phone:+1 555", "phone:+1555");
        same("phone:+1-555-0100-200", "phone:+1 (555) 0100.200");
        same("phone:+15550100200", "signal:0015550100200");
        same("signal:Ana", "signal: ana\u{200b}");
        same("EMAIL:Ana@harbor.example", "email:ana@harbor.example");
        other("phone:1", "phone:2");
        other("phone:1", "signal:1");
        other("signal:ana-b", "signal:anab");
        other("slack:U1", "slack:U2");
    }
}
