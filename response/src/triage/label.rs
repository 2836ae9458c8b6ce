//! Labels of a finding, and the matchers and groups that are made of them.

use std::borrow::Cow;

use crate::finding::Finding;
use crate::plan::Matcher;

/// Returns the value of a label: `chain`, `subject` (its kind and id, as `address:0x…`), `detector`, `kind`, or the first
/// attribute of that name. `None` if the finding doesn't have it, which equals no value at all.
pub fn value<'f>(finding: &'f Finding, label: &str) -> Option<Cow<'f, str>> {
    match label {
        "chain" => finding.block.map(|block| Cow::Owned(block.chain.to_string())),
        "subject" => {
            let subject = &finding.claim.subject;
            Some(Cow::Owned(format!("{}:{}", subject.kind, folded(&subject.id))))
        }
        "detector" => Some(Cow::Borrowed(&finding.detector)),
        "kind" => Some(Cow::Borrowed(&finding.claim.kind)),
        name => {
            let attribute = finding.claim.attributes.iter().find(|(attribute, _)| attribute == name);
            attribute.map(|(_, value)| folded(value))
        }
    }
}

/// Returns a finding's values of the labels `names`, in that order.
pub fn group<'n>(finding: &Finding, names: impl IntoIterator<Item = &'n String>) -> Vec<(String, Option<String>)> {
    names.into_iter().map(|name| (name.clone(), value(finding, name).map(Cow::into_owned))).collect()
}

/// Whether a finding's values of these labels are exactly these. A missing one equals only a missing one.
pub fn in_group(finding: &Finding, group: &[(String, Option<String>)]) -> bool {
    group.iter().all(|(name, wanted)| value(finding, name).as_deref() == wanted.as_deref())
}

/// Whether a matcher matches a finding.
pub fn matches(matcher: &Matcher, finding: &Finding) -> bool {
    let claim = &finding.claim;
    matcher.detector.as_ref().is_none_or(|detector| *detector == finding.detector)
        && (matcher.kinds.is_empty() || matcher.kinds.contains(&claim.kind))
        && matcher.min_severity.is_none_or(|least| claim.severity >= least)
        && matcher.min_confidence_percent.is_none_or(|least| claim.confidence_percent >= least)
        && matcher.subject.as_ref().is_none_or(|subject| {
            subject.kind.as_ref().is_none_or(|kind| *kind == claim.subject.kind)
                && subject.id.as_ref().is_none_or(|id| folded(id) == folded(&claim.subject.id))
        })
        && matcher.labels.iter().all(|(name, wanted)| match name.as_str() {
            "subject" => is_about(finding, wanted),
            name => value(finding, name).is_some_and(|value| value == folded(wanted)),
        })
}

/// Whether a finding is about a subject, written as its kind and id, or as its id alone. Kinds are compared without regard to
/// case.
fn is_about(finding: &Finding, wanted: &str) -> bool {
    let subject = &finding.claim.subject;
    let is_id = |id: &str| folded(id) == folded(&subject.id);
    let with_kind =
        wanted.split_once(':').is_some_and(|(kind, id)| kind.eq_ignore_ascii_case(&subject.kind) && is_id(id));
    with_kind || is_id(wanted)
}

/// Returns the text with each hexadecimal number in lower case, since addresses are written with and without a checksum: `0x` or
/// `0X` and digits, wherever no letter or digit stands before, as in `address:0x…`, `eip155:1:0x…` and `ETH/0x…`.
pub fn folded(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let begins = |at: usize| {
        let is_first = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        is_first && (bytes[at..].starts_with(b"0x") || bytes[at..].starts_with(b"0X"))
    };
    let mut folded: Option<String> = None;
    let mut at = 0;
    while at < bytes.len() {
        if !begins(at) {
            at += 1;
            continue;
        }
        let digits = bytes[at + 2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let end = at + 2 + digits;
        if digits > 0 && bytes[at..end].iter().any(u8::is_ascii_uppercase) {
            folded.get_or_insert_with(|| text.to_owned())[at..end].make_ascii_lowercase();
        }
        at = end;
    }
    folded.map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn hexadecimal_is_folded_wherever_it_stands_and_nothing_else_is() {
        let check = |text: &str, expected: &str| assert_eq!(folded(text), expected);
        check("0xdAC17F", "0xdac17f");
        check("address:0xdAC17F", "address:0xdac17f");
        check("eip155:1:0xdAC17F", "eip155:1:0xdac17f");
        check("Pool:0xAB:0xCD", "Pool:0xab:0xcd");
        check("Feed:ETH/USD", "Feed:ETH/USD");
        check("X0xAB", "X0xAB");
        check("0XDAC17F", "0xdac17f");
        check("pair:ETH/0xDAC17F-0XAB", "pair:ETH/0xdac17f-0xab");
        check("0X", "0X");
        check("0xZZ", "0xZZ");
        check("größe:0xAB", "größe:0xab");
        check("0xab", "0xab");
        check("", "");
    }
}
