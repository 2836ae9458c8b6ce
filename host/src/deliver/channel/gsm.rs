//! Text of SMS: what it is made of, how much fits into a segment, and plain letters for those that would cost half the room.
//! 3GPP TS 23.038, 6.2.1; segments by 3GPP TS 23.040, 9.2.3.24.

/// The default alphabet of GSM, but for the Greek capitals that look like no Latin ones.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// What takes two places of it.
const EXTENDED: &str = "^{}\\[~]|€";

/// Writes letters that GSM does not have by ones that it has, where these say the same.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '‘' | '’' | '‚' | '`' | '´' => plain.push('\''),
            '“' | '”' | '„' | '«' | '»' => plain.push('"'),
            '–' | '—' | '−' | '‐' | '‑' => plain.push('-'),
            '…' => plain.push_str("..."),
            '→' => plain.push_str("->"),
            '×' => plain.push('x'),
            '•' | '·' => plain.push('*'),
            '≥' => plain.push_str(">="),
            '≤' => plain.push_str("<="),
            '\u{a0}' | '\u{202f}' | '\u{2009}' | '\t' => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

/// Returns how many segments a text is sent in.
pub(super) fn segments(text: &str) -> usize {
    let septets: Option<usize> = text
        .chars()
        .map(|c| match (BASIC.contains(c), EXTENDED.contains(c)) {
            (true, _) => Some(1),
            (_, true) => Some(2),
            _ => None,
        })
        .sum();
    // Several segments each carry a header that puts them together again.
    let (units, alone, joined) = match septets {
        Some(septets) => (septets, 160, 153),
        None => (text.encode_utf16().count(), 70, 67),
    };
    if units <= alone { 1 } else { units.div_ceil(joined) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_counted_as_networks_do() {
        let check = |text: &str, expected: usize| assert_eq!(segments(text), expected, "{text}");
        check("", 1);
        check(&"a".repeat(160), 1);
        check(&"a".repeat(161), 2);
        check(&"a".repeat(306), 2);
        check(&"a".repeat(307), 3);
        check(&"€".repeat(80), 1);
        check(&"€".repeat(81), 2);
        check(&"я".repeat(70), 1);
        check(&"я".repeat(71), 2);
        check(&"😀".repeat(35), 1);
        check(&"😀".repeat(36), 2);
    }

    #[test]
    fn typography_does_not_cost_half_the_room() {
        assert_eq!(plain("“a” – it’s…"), "\"a\" - it's...");
        assert_eq!(segments(&plain(&"’".repeat(160))), 1);
    }
}
