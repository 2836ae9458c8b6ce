//! Text from guests, nodes and people: bounded, and free of what a terminal, a log or a page would take for a command.

/// A bounded, printable copy of a stranger's text. Line breaks and tabs become spaces in `line`s.
pub fn line(text: &str, at_most: usize) -> String {
    clean(text, at_most, false)
}

/// A bounded, printable copy of a stranger's text that may have several lines.
pub fn lines(text: &str, at_most: usize) -> String {
    clean(text, at_most, true)
}

/// Cleans and bounds every text in a JSON value, whatever it is of.
pub fn clean_json(value: serde_json::Value, at_most: usize) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(lines(&text, at_most)),
        Value::Array(values) => values.into_iter().map(|value| clean_json(value, at_most)).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, clean_json(value, at_most)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

fn clean(text: &str, at_most: usize, may_break: bool) -> String {
    let mut clean = String::with_capacity(text.len().min(at_most));
    for c in text.chars() {
        let c = match c {
            '\n' if may_break => '\n',
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() || hides(c) => '\u{fffd}',
            c => c,
        };
        if clean.len() + c.len_utf8() > at_most {
            clean.push('…');
            break;
        }
        clean.push(c);
    }
    clean
}

/// Marks that turn the direction of text or can't be seen: what is shown would not be what is there. These are the
/// characters that Unicode 17 lists as `Default_Ignorable_Code_Point` and `Bidi_Control`, its separators of lines and
/// paragraphs, and those that stand for nothing and look like a space.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_a_value_is_cleaned() {
        let value = serde_json::json!({ "why": "a\u{1b}[2J", "list": ["\u{202e}b", 5, null], "long": "x".repeat(20) });
        let clean = serde_json::json!({ "why": "a\u{fffd}[2J", "list": ["\u{fffd}b", 5, null], "long": "xxxxxxxx…" });
        assert_eq!(clean_json(value, 8), clean);
    }

    #[test]
    fn a_terminal_is_not_commanded() {
        assert_eq!(line("a\u{1b}[2Jb\nc\td", 100), "a\u{fffd}[2Jb c d");
        assert_eq!(line("pay \u{202e}eciohc", 100), "pay \u{fffd}eciohc");
        assert_eq!(lines("one\ntwo\u{7}", 100), "one\ntwo\u{fffd}");
        assert_eq!(line("ééé", 4), "éé…");
        assert_eq!(line("trea\u{ad}sury\u{e0041}\u{feff}\u{200b}", 100), "trea\u{fffd}sury\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(line("a\u{9b}31mb\u{85}", 100), "a\u{fffd}31mb\u{fffd}", "C1 controls command terminals too");
    }
}
