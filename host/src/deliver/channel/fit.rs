//! Makes a message fit the limit of its service by shortening what it says, never by cutting what was made of it: half of an
//! escape or of a tag is refused by some services.

use crate::deliver::channel::template::{Template, TemplateError};
use crate::deliver::channel::view::View;

/// How often a message is made shorter before all that can be left out is.
const TRIES: usize = 12;

/// Renders a view so that `measure` of the result is at most `limit`. The longest of its texts is shortened first.
///
/// # Errors
///
/// If the template fails.
pub(super) fn fitting(
    template: &Template,
    view: &View,
    limit: usize,
    measure: impl Fn(&str) -> usize,
) -> Result<String, TemplateError> {
    let mut view = view.clone();
    for _ in 0..TRIES {
        let made = template.render(&view)?;
        let over = measure(&made).saturating_sub(limit);
        if over == 0 {
            return Ok(made);
        }
        let parts = [&mut view.text, &mut view.in_time, &mut view.headline];
        let Some(longest) = parts.into_iter().max_by_key(|part| part.chars().count()) else { break };
        let chars = longest.chars().count();
        // An escaped character may measure several; then the next try takes the rest.
        *longest = clip(longest, chars.saturating_sub(over.min(chars / 2 + 1)).max(1));
    }
    (view.text, view.in_time) = (String::new(), String::new());
    view.headline = clip(&view.headline, 80);
    template.render(&view)
}

/// Shortens a text to so many characters, the last of which is an ellipsis if something is left out.
pub(super) fn clip(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars.saturating_sub(1)).collect();
    kept.trim_end().to_owned() + "…"
}

/// Returns how many UTF-16 code units a text has, by which some services count.
pub(super) fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Returns how many characters a text has.
pub(super) fn chars(text: &str) -> usize {
    text.chars().count()
}

/// Splits what a template made into its first line and the rest.
pub(super) fn headed(made: &str) -> (String, String) {
    let made = made.trim();
    let (head, rest) = made.split_once('\n').unwrap_or((made, ""));
    (head.trim().to_owned(), rest.trim().to_owned())
}
