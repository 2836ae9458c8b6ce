//! What the flags of `watchfire init` take, and its questions.

use alloy::primitives::Address;

use super::draft::Asset;

/// Takes `LABEL=0x…`.
///
/// # Errors
///
/// If it is none: in words, what is missing.
pub(super) fn contract(text: &str) -> Result<(String, Address), String> {
    let (label, address) = text.split_once('=').ok_or("write it as LABEL=0x…")?;
    let label = label.trim();
    if label.is_empty() {
        return Err("give the contract a label, as `Vault=0x…`".to_owned());
    }
    Ok((label.to_owned(), address_of(address)?))
}

fn address_of(text: &str) -> Result<Address, String> {
    let text = text.trim();
    let is_whole = text.starts_with("0x") && text.len() == 42;
    let address = text.parse().ok().filter(|_| is_whole);
    address.ok_or_else(|| format!("`{text}` is no address, which is 0x and 40 hexadecimal digits"))
}

/// Takes `SYMBOL=0x…,DECIMALS,LIMIT`.
///
/// # Errors
///
/// If it is none: in words, what is missing.
pub(super) fn asset(text: &str) -> Result<Asset, String> {
    let wanted = || "write it as SYMBOL=0x…,DECIMALS,LIMIT, such as `USDC=0x…,6,250000`".to_owned();
    let (symbol, rest) = text.split_once('=').ok_or_else(wanted)?;
    let parts: Vec<&str> = rest.split(',').map(str::trim).collect();
    let [token, decimals, limit] = parts[..] else { return Err(wanted()) };
    let token = if token == "native" { None } else { Some(address_of(token)?) };
    let decimals = decimals.parse().ok().filter(|decimals| *decimals <= 77);
    let decimals = decimals.ok_or("decimals are a whole number from 0 to 77")?;
    let is_amount =
        limit.starts_with(|c: char| c.is_ascii_digit()) && limit.chars().all(|c| c.is_ascii_digit() || c == '.');
    if symbol.trim().is_empty() || !is_amount {
        return Err(wanted());
    }
    Ok(Asset { symbol: symbol.trim().to_owned(), token, decimals, limit: limit.to_owned() })
}

/// Takes a node's URL, the path of its socket, or `env:NAME`.
///
/// # Errors
///
/// If it is none.
pub(super) fn endpoint(text: &str) -> Result<String, String> {
    url(text, &["http", "https", "ws", "wss"])
}

/// Takes a URL that is posted to, or `env:NAME`.
///
/// # Errors
///
/// If it is none.
pub(super) fn receiver(text: &str) -> Result<String, String> {
    url(text, &["http", "https"])
}

/// Takes a URL of one of these schemes, or `env:NAME`.
fn url(text: &str, schemes: &[&str]) -> Result<String, String> {
    let text = text.trim();
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_url = |url: reqwest::Url| schemes.contains(&url.scheme()) && url.has_host();
    let is_socket = schemes.contains(&"ws") && (text.starts_with(['/', '.']) || text.ends_with(".ipc"));
    if is_socket || text.strip_prefix("env:").is_some_and(is_name) || text.parse().is_ok_and(is_url) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no URL of {} and no `env:NAME`", schemes.join(", ")))
}
