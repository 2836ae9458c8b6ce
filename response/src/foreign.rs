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

/// Returns a text as the eye reads it, to be compared with another: small letters without accents, letters of other alphabets that
/// look like Latin ones as these, one space for each gap, and nothing that can't be seen.
pub fn skeleton(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_invisible(*c) && !is_mark(*c)) {
        if c.is_whitespace() || c.is_control() {
            if !read.is_empty() && !read.ends_with(' ') {
                read.push(' ');
            }
            continue;
        }
        // What is small before and after, so that no letter of another alphabet is left in between.
        for c in alike(c).to_lowercase().map(alike).filter(|c| !is_mark(*c)) {
            read.push(c);
        }
    }
    read.truncate(read.trim_end().len());
    read
}

/// Returns the character of ASCII that another looks like; itself if there is none.
fn alike(c: char) -> char {
    let letter = |first: char, at: u32| char::from_u32(u32::from(first) + at).unwrap_or(c);
    match c {
        // Full width.
        '\u{ff01}'..='\u{ff5e}' => letter('!', u32::from(c) - 0xff01),
        // Mathematical letters and digits, in their styles.
        '\u{1d400}'..='\u{1d6a3}' => letter('a', (u32::from(c) - 0x1d400) % 26),
        '\u{1d7ce}'..='\u{1d7ff}' => letter('0', (u32::from(c) - 0x1d7ce) % 10),
        '\u{24b6}'..='\u{24cf}' => letter('a', u32::from(c) - 0x24b6),
        '\u{24d0}'..='\u{24e9}' => letter('a', u32::from(c) - 0x24d0),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
        '‘' | '’' | '‛' | '′' | 'ʼ' | '`' | '´' => '\'',
        '“' | '”' | '„' | '″' => '"',
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' | 'а' | 'А' | 'α' | 'Α' | 'ɑ' | 'ª' => 'a',
        'В' | 'Β' | 'Ь' | 'ь' => 'b',
        'ç' | 'ć' | 'č' | 'с' | 'С' | 'ϲ' | 'ⅽ' | 'Ⅽ' => 'c',
        'ď' | 'đ' | 'ԁ' | 'ⅾ' | 'Ⅾ' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' | 'е' | 'Е' | 'ё' | 'Ё' | 'ε' | 'Ε' | 'ҽ' => 'e',
        'ğ' | 'ġ' | 'ɡ' | 'ԍ' => 'g',
        'Н' | 'Η' | 'һ' | 'Һ' => 'h',
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' | 'і' | 'І' | 'ї' | 'ι' | 'Ι' | 'ⅰ' | 'Ⅰ' => 'i',
        'ј' | 'Ј' => 'j',
        'к' | 'К' | 'κ' | 'Κ' | 'K' => 'k',
        'ł' | 'ľ' | 'ӏ' | 'ⅼ' | 'Ⅼ' => 'l',
        'М' | 'Μ' | 'м' | 'ⅿ' | 'Ⅿ' => 'm',
        'ñ' | 'ń' | 'ň' | 'Ν' | 'ո' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' | 'о' | 'О' | 'ο' | 'Ο' | 'օ' | 'º' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'ԛ' => 'q',
        'ř' | 'ŕ' => 'r',
        'ś' | 'ş' | 'š' | 'ș' | 'ѕ' | 'Ѕ' | 'ſ' => 's',
        'ť' | 'ţ' | 'ț' | 'т' | 'Т' | 'τ' | 'Τ' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' | 'υ' | 'ս' => 'u',
        'ν' | 'ѵ' | 'ⅴ' | 'Ⅴ' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'Х' | 'χ' | 'Χ' | 'ⅹ' | 'Ⅹ' => 'x',
        'ý' | 'ÿ' | 'у' | 'У' | 'Υ' | 'γ' => 'y',
        'ź' | 'ż' | 'ž' | 'Ζ' => 'z',
        c => c,
    }
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
    use super::{markdown, quoted, skeleton, tame};

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
    fn a_word_is_read_as_the_eye_reads_it() {
        for text in [
            "Root  Cause",
            " root\u{a0}cause",
            "root\u{202f}\n cause\u{200b}",
            "r\u{ad}oot cau\u{200d}se",
            "rооt саuѕе",
            "ｒｏｏｔ　ｃａｕｓｅ",
            "𝐫𝐨𝐨𝐭 𝒸𝒶𝓊𝓈ℯ".replace('ℯ', "e").as_str(),
            "ROÓT CÄUSE",
            "ro\u{301}ot cause",
        ] {
            assert_eq!(skeleton(text), "root cause", "{text:?}");
        }
        for nothing in ["", " ", "\u{a0}", "\u{200b}\u{feff}", "\u{301}"] {
            assert_eq!(skeleton(nothing), "", "{nothing:?}");
        }
        assert_eq!(skeleton("12 345 hUSD, zero\u{2011}day"), "12 345 husd, zero-day");
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
