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
        && matcher.labels.iter().all(|(name, wanted)| value(finding, name).is_some_and(|value| value == folded(wanted)))
}

/// Returns the text with each hexadecimal part in lower case, since addresses are written with and without a checksum.
/// Parts are separated by `:`, as in `address:0x…` and `eip155:1:0x…`; a part that does not begin with `0x` stays as it is.
pub fn folded(text: &str) -> Cow<'_, str> {
    let is_mixed = |part: &str| part.starts_with("0x") && part.bytes().any(|byte| byte.is_ascii_uppercase());
    if !text.split(':').any(is_mixed) {
        return Cow::Borrowed(text);
    }
    let fold = |part: &str| if is_mixed(part) { part.to_ascii_lowercase() } else { part.to_owned() };
    Cow::Owned(text.split(':').map(fold).collect::<Vec<_>>().join(":"))
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
        check("0xab", "0xab");
        check("", "");
    }
}
