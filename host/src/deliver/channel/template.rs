//! Templates of messages: minijinja, with every value escaped for the format that it stands in.

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use crate::deliver::channel::view::View;
use crate::whole_file::{TEXT_BYTES, read_text};

/// How values are written into a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// As they are: the format has no markup.
    Plain,
    /// `&`, `<`, `>` as entities: Slack's mrkdwn, in which mentions and links begin with `<`. It has no escape for what marks bold,
    /// code and the like, so that these are written by signs that look like them.
    Slack,
    /// The entities of HTML and XML.
    Html,
    /// Those of Telegram's HTML. What it makes live by itself, a mention, a tag, a command, is kept apart from what stands behind it.
    Telegram,
    /// A backslash before whatever Discord's Markdown reads.
    Markdown,
}

/// A template that was found to be one.
#[derive(Debug)]
pub(super) struct Template {
    environment: Environment<'static>,
}

/// Why a template can't be used: where in it, and what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

const NAME: &str = "message";

impl Template {
    /// Reads a template: the given text, or the file that a team put in its place.
    ///
    /// # Errors
    ///
    /// If the file can't be read or is no template, or a value in it is none that there is.
    pub(super) fn new(built_in: &'static str, file: Option<&Path>, escape: Escape) -> Result<Self, TemplateError> {
        let (text, name) = match file {
            None => (built_in.to_owned(), "the built-in template".to_owned()),
            Some(path) => {
                let text = read_text(path, TEXT_BYTES);
                let shown = format!("`{}`", path.display());
                (text.map_err(|error| TemplateError(format!("{shown} can't be read: {error}")))?, shown)
            }
        };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // A tag that has a line of its own leaves none behind.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| TemplateError(error.to_string()))?);
        environment.set_auto_escape_callback(|_| AutoEscape::Custom(NAME.into()));
        environment.set_formatter(move |out, _, value| write(out, value, escape));
        let wrong = |error: minijinja::Error| TemplateError(format!("{name}: {}", said(&error)));
        environment.add_template_owned(NAME, text).map_err(wrong)?;
        let template = Self { environment };
        // A name that is mistyped is found now, not at night.
        for view in [View::sample(), View::bare_sample()] {
            template.render(&view).map_err(|error| TemplateError(format!("{name}: {error}")))?;
        }
        if template.render(&View::sample())?.is_empty() {
            return Err(TemplateError(format!("{name}: it says nothing: write `{{{{ headline }}}}` at least")));
        }
        Ok(template)
    }

    /// Fills the template in.
    ///
    /// # Errors
    ///
    /// If the template asks for what there is not.
    pub(super) fn render(&self, view: &View) -> Result<String, TemplateError> {
        let made = self.environment.get_template(NAME).and_then(|template| template.render(Serde(view)));
        made.map(|made| made.trim().to_owned()).map_err(|error| TemplateError(said(&error)))
    }
}

fn said(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("{line}{error}")
}

fn write(out: &mut minijinja::Output<'_>, value: &Value, escape: Escape) -> Result<(), minijinja::Error> {
    if value.is_safe() || value.kind() != ValueKind::String || escape == Escape::Plain {
        return Ok(out.write_str(&value.to_string())?);
    }
    Ok(out.write_str(&escaped(value.as_str().unwrap_or_default(), escape))?)
}

/// A word joiner: nobody sees it, and what it stands in is no name.
const APART: char = '\u{2060}';

fn begins_word(rest: &str) -> bool {
    rest.starts_with(char::is_alphanumeric)
}

/// Whether `name:` follows.
fn begins_picture(rest: &str) -> bool {
    let behind = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_+-'".contains(c));
    behind.len() < rest.len() && behind.starts_with(':')
}

/// Escapes a text for a format.
pub(super) fn escaped(text: &str, escape: Escape) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (escape, c) {
            (Escape::Slack, '*') => safe.push('\u{2217}'),
            (Escape::Slack, '~') => safe.push('\u{223c}'),
            (Escape::Slack, '`') => safe.push('\''),
            // Within a word it marks nothing, and names of functions have it.
            (Escape::Slack, '_') if !(safe.ends_with(char::is_alphanumeric) && begins_word(rest.as_str())) => {
                safe.push('\u{ff3f}');
            }
            // At the start of a line it quotes, as an entity too.
            (Escape::Slack, '>') if safe.is_empty() || safe.ends_with('\n') => safe.push('\u{203a}'),
            // `:name:` is a picture: a green tick beside what nobody checked.
            (Escape::Slack, ':') if begins_picture(rest.as_str()) => safe.extend([c, APART]),
            (Escape::Slack | Escape::Html | Escape::Telegram, '&') => safe.push_str("&amp;"),
            (Escape::Slack | Escape::Html | Escape::Telegram, '<') => safe.push_str("&lt;"),
            (Escape::Slack | Escape::Html | Escape::Telegram, '>') => safe.push_str("&gt;"),
            (Escape::Html | Escape::Telegram, '"') => safe.push_str("&quot;"),
            (Escape::Telegram, '@' | '#') => safe.extend([c, APART]),
            (Escape::Telegram, '/') if !safe.ends_with(char::is_alphanumeric) => safe.extend([c, APART]),
            (Escape::Markdown, c)
                if c.is_ascii_punctuation() && !matches!(c, ',' | '.' | ';' | '?' | '!' | '%' | '\'' | '"') =>
            {
                safe.push('\\');
                safe.push(c);
            }
            (_, c) => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_the_template_is_not() {
        let check = |escape: Escape, expected: &str| {
            let template = Template::new("*{{ headline }}* <b>", None, escape).unwrap();
            let view = View { headline: "<!channel> *a* & @b [x](y)".into(), ..View::sample() };
            assert_eq!(template.render(&view).unwrap(), expected);
        };
        check(Escape::Plain, "*<!channel> *a* & @b [x](y)* <b>");
        check(Escape::Slack, "*&lt;!channel&gt; \u{2217}a\u{2217} &amp; @b [x](y)* <b>");
        check(Escape::Html, "*&lt;!channel&gt; *a* &amp; @b [x](y)* <b>");
        check(Escape::Telegram, "*&lt;!channel&gt; *a* &amp; @\u{2060}b [x](y)* <b>");
        check(Escape::Markdown, r"*\<!channel\> \*a\* \& \@b \[x\]\(y\)* <b>");
    }

    #[test]
    fn nothing_of_a_strangers_text_is_markup_in_slack() {
        let check = |text: &str, expected: &str| assert_eq!(escaped(text, Escape::Slack), expected, "{text}");
        check(
            "<!channel> <@U1> <#C1> <http://e.example|ok>",
            "&lt;!channel&gt; &lt;@U1&gt; &lt;#C1&gt; &lt;http://e.example|ok&gt;",
        );
        check(
            "*all clear* `watchfire incident close 7` ~x~",
            "\u{2217}all clear\u{2217} 'watchfire incident close 7' \u{223c}x\u{223c}",
        );
        check("> quoted\n>again", "\u{203a} quoted\n\u{203a}again");
        check("_done_ set_owner", "\u{ff3f}done\u{ff3f} set_owner");
        check(":white_check_mark: 12:30", ":\u{2060}white_check_mark: 12:30");
        check("Incident 17 (critical): a", "Incident 17 (critical): a");
    }

    #[test]
    fn a_mistyped_name_is_found_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sms.txt");
        std::fs::write(&file, "{{ headlin }}").unwrap();
        let error = Template::new("", Some(&file), Escape::Plain).unwrap_err().to_string();
        assert!(error.contains("sms.txt") && error.contains("line 1"), "{error}");
    }
}
