//! Conditions of other monitors in the words of rules.

/// A condition as a rule has it. `rename` gives the name that a value has there; `None` for one that rules do not know.
///
/// # Errors
///
/// If a value or an operator has no counterpart.
pub(super) fn translate(condition: &str, rename: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out: Vec<String> = Vec::new();
    let tokens = tokens(condition)?;
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let next = tokens.get(at + 1).map(|next| next.to_lowercase());
        match next.as_deref() {
            Some(word @ ("contains" | "starts_with" | "ends_with")) if is_name(token) => {
                let name = rename(token).ok_or_else(|| format!("there is no value `{token}` in rules"))?;
                let function = match word {
                    "contains" => "contains",
                    "starts_with" => "startsWith",
                    _ => "endsWith",
                };
                let given = tokens.get(at + 2).ok_or_else(|| format!("`{word}` has nothing behind it"))?;
                out.push(format!("{function}({name}, {})", text(given)));
                at += 3;
                continue;
            }
            _ => {}
        }
        out.push(match token.to_uppercase().as_str() {
            "AND" | "&&" => "&&".to_owned(),
            "OR" | "||" => "||".to_owned(),
            "NOT" | "!" => "!".to_owned(),
            "TRUE" | "FALSE" => token.to_lowercase(),
            "=" => "==".to_owned(),
            "(" | ")" | "==" | "!=" | ">" | ">=" | "<" | "<=" | "+" | "-" | "*" | "/" | "%" => token.clone(),
            _ if token.starts_with(['\'', '"']) => {
                let inner = &token[1..token.len().saturating_sub(1)];
                if inner.starts_with("0x") { inner.to_lowercase() } else { text(token) }
            }
            _ if token.starts_with("0x") => token.to_lowercase(),
            _ if token.starts_with(|char: char| char.is_ascii_digit()) => token.clone(),
            _ if is_name(token) => rename(token).ok_or_else(|| format!("there is no value `{token}` in rules"))?,
            _ => return Err(format!("`{token}` has no counterpart")),
        });
        at += 1;
    }
    Ok(out.join(" ").replace("( ", "(").replace(" )", ")"))
}

fn text(token: &str) -> String {
    let inner = token.trim_matches(['\'', '"']);
    format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\""))
}

fn is_name(token: &str) -> bool {
    token.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && token.chars().all(|char| char.is_ascii_alphanumeric() || "._[]".contains(char))
}

fn tokens(condition: &str) -> Result<Vec<String>, String> {
    let chars: Vec<char> = condition.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let start = at;
        match chars[at] {
            char if char.is_whitespace() => {
                at += 1;
                continue;
            }
            quote @ ('\'' | '"') => {
                at += 1;
                while at < chars.len() && chars[at] != quote {
                    at += 1;
                }
                if at == chars.len() {
                    return Err("a text is not closed".to_owned());
                }
                at += 1;
            }
            '(' | ')' | '+' | '*' | '/' | '%' | '-' => at += 1,
            '=' | '!' | '<' | '>' | '&' | '|' => {
                while at < chars.len() && "=!<>&|".contains(chars[at]) {
                    at += 1;
                }
            }
            _ => {
                while at < chars.len() && (chars[at].is_ascii_alphanumeric() || "._[]".contains(chars[at])) {
                    at += 1;
                }
                if at == start {
                    return Err(format!("`{}` has no counterpart", chars[at]));
                }
            }
        }
        tokens.push(chars[start..at].iter().collect());
    }
    Ok(tokens)
}
