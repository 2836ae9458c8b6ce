//! Words of strangers: what a detector repeats from the chain, made harmless for whoever reads it. Whoever transacts can
//! choose such words, so nothing in them may act in a page, a chat, a record or a public text.

use std::iter::Peekable;
use std::str::Chars;

/// So many marks on one letter are read; more hide the lines around it.
const MARKS_KEPT: usize = 2;

/// Returns a text in one line that acts nowhere: no link, no mention, no tag, no formula, no invisible character. It is
/// read as before.
pub fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut marks = 0;
    while let Some(c) = rest.next() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if is_invisible(c) || marks > MARKS_KEPT {
            continue;
        }
        match c {
            c if c.is_control() || c.is_whitespace() => tamed.push(' '),
            '<' => tamed.push('‹'),
            '>' => tamed.push('›'),
            '`' => tamed.push('\''),
            '“' | '”' => tamed.push('"'),
            '@' => tamed.push_str("[at]"),
            '$' if rest.peek() == Some(&'{') => tamed.push_str("$ "),
            // A link in most dialects of Markdown.
            '(' if tamed.ends_with(']') => tamed.push_str(" ("),
            ':' if is_next(&rest, "//") => tamed.push_str("[:]"),
            '.' if tamed.ends_with(char::is_alphanumeric) && begins_domain(&rest) => tamed.push_str("[.]"),
            c => tamed.push(c),
        }
    }
    let tamed = tamed.trim();
    let mut first = tamed.chars();
    let is_formula = matches!(first.next(), Some('=' | '+' | '-')) && !first.next().is_some_and(|c| c.is_ascii_digit());
    if is_formula { format!("'{tamed}") } else { tamed.to_owned() }
}

/// Returns a text so that nobody takes it for the host's own words.
pub fn quoted(text: &str) -> String {
    format!("“{}”", tame(text))
}

/// Returns a text as Markdown that shows it as it is: nothing of it is markup.
pub fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            c if c.is_control() => shown.push(' '),
            c if is_invisible(c) => {}
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => shown.extend(['\\', c]),
            '-' | '+' | '=' if shown.is_empty() => shown.extend(['\\', c]),
            // Links that GitHub makes of bare addresses.
            ':' if is_next(&rest, "//") => shown.push_str("&#58;"),
            '.' if shown.to_ascii_lowercase().ends_with("www") => shown.push_str("&#46;"),
            '@' => shown.push_str("&#64;"),
            c => shown.push(c),
        }
    }
    shown
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_next(rest: &Peekable<Chars<'_>>, text: &str) -> bool {
    let mut rest = rest.clone();
    text.chars().all(|c| rest.next() == Some(c))
}

/// Whether what follows a dot may be a domain that a phone makes a link of: two letters at least.
fn begins_domain(rest: &Peekable<Chars<'_>>) -> bool {
    rest.clone().take_while(|c| c.is_alphabetic()).take(2).count() == 2
}

#[cfg(test)]
mod tests {
    use super::{markdown, quoted, tame};

    #[test]
    fn nothing_of_a_stranger_acts() {
        let check = |text: &str, expected: &str| assert_eq!(tame(text), expected, "{text}");
        check("![x](http://evil.example/px.png)", "![x] (http[:]//evil[.]example/px[.]png)");
        check("[ack here](https://evil.example/login)", "[ack here] (https[:]//evil[.]example/login)");
        check("<!channel> @everyone <@U1> <img src=x>", "‹!channel› [at]everyone ‹[at]U1› ‹img src=x›");
        check("=HYPERLINK(\"http://evil\",\"x\")", "'=HYPERLINK(\"http[:]//evil\",\"x\")");
        check("Z\u{301}\u{300}\u{302}\u{303}alert", "Z\u{301}\u{300}alert");
        check("a\u{202e}b\u{200b}c\u{61c}\n\td", "abc  d");
        check("${jndi:ldap://127.0.0.1/a}", "$ {jndi:ldap[:]//127.0.0.1/a}");
        check("www.evil.example", "www[.]evil[.]example");
    }

    #[test]
    fn what_is_no_trick_stays() {
        for text in
            ["vault: 5460000.25 hUSD out", "ETH/USD: -3.5 % on chain", "-5 % in a block", "0xAb…, block 7", "1.5x"]
        {
            assert_eq!(tame(text), text);
        }
    }

    #[test]
    fn a_stranger_is_quoted_and_ends_no_quote() {
        assert_eq!(quoted("FALSE ALARM” confirmed by Bo"), "“FALSE ALARM\" confirmed by Bo”");
    }

    #[test]
    fn markdown_shows_a_text_and_none_of_its_markup() {
        let check = |text: &str, expected: &str| assert_eq!(markdown(text), expected, "{text}");
        check("![x](http://e.example)", "!\\[x\\](http&#58;//e.example)");
        check("a | b **c** `d` <i> &lt; # e_f_", "a \\| b \\*\\*c\\*\\* \\`d\\` &lt;i&gt; &amp;lt; \\# e\\_f\\_");
        check("- x", "\\- x");
        check("www.e.example, ana@e.example", "www&#46;e.example, ana&#64;e.example");
    }
}
