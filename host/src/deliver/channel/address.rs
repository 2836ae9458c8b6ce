//! Addresses as each service takes them: what will be refused for good is found before the night.

use lettre::message::Mailbox;

use crate::deliver::channel::config::Kind;
use crate::deliver::channel::twilio::number;

impl Kind {
    /// Checks what stands behind the scheme of an address, as far as that can be told without asking the service.
    ///
    /// # Errors
    ///
    /// If the service would refuse it, or reach nobody there: what it should look like, in a clause.
    pub fn check_place(self, place: &str) -> Result<(), String> {
        let place = place.trim();
        let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let wrong = |what: &str| Err(format!("`{place}` is {what}"));
        match self {
            Kind::TwilioSms | Kind::TwilioVoice => {
                let number = number(place)?;
                match number.starts_with("+0") {
                    true => wrong("no number as `+41 79 123 45 67`: no country's code begins with 0"),
                    false => Ok(()),
                }
            }
            Kind::Email => match place.parse::<Mailbox>() {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("`{place}` is no mail address: {error}")),
            },
            Kind::Matrix if !place.starts_with('!') => wrong("no room's id, which begins with `!`"),
            Kind::Telegram => {
                let is_name = place.strip_prefix('@').is_some_and(|name| !name.is_empty());
                match is_name || digits(place.strip_prefix('-').unwrap_or(place)) {
                    true => Ok(()),
                    false => wrong("no chat: give its number, or `@name` of a public channel"),
                }
            }
            // Nothing is its room alone.
            Kind::Discord if !place.is_empty() && !digits(place) => wrong("no member's number, so nobody is mentioned"),
            Kind::Ntfy => {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
                match (1..=64).contains(&place.len()) && place.chars().all(is_plain) {
                    true => Ok(()),
                    false => wrong("no topic: up to 64 letters, digits, `-` and `_`"),
                }
            }
            Kind::Slack if place.contains(char::is_whitespace) => wrong("no member's or room's id, as `U0123ABCD`"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_would_refuse_is_found() {
        let good = [
            (Kind::TwilioVoice, "+351 555 010-101"),
            (Kind::TwilioSms, "+41 79 123 45 67"),
            (Kind::Email, "ana@harbor.example"),
            (Kind::Email, "Ana <ana@harbor.example>"),
            (Kind::Matrix, "!abc:harbor.example"),
            (Kind::Telegram, "-100123"),
            (Kind::Telegram, "@harbor"),
            (Kind::Discord, "1234567890"),
            (Kind::Discord, ""),
            (Kind::Ntfy, "ana-at-night"),
            (Kind::Slack, "U0ANA"),
            (Kind::Slack, "#ops"),
            (Kind::Pagerduty, "PANA"),
            (Kind::Syslog, ""),
        ];
        for (kind, place) in good {
            assert_eq!(kind.check_place(place), Ok(()), "{} {place}", kind.name());
        }
        let bad = [
            (Kind::TwilioVoice, "banana"),
            (Kind::TwilioVoice, "+000 1"),
            (Kind::TwilioSms, "079 123 45 67"),
            (Kind::Email, "not an address"),
            (Kind::Email, ""),
            (Kind::Matrix, "nonsense"),
            (Kind::Telegram, "abc"),
            (Kind::Discord, "abc"),
            (Kind::Ntfy, "a b"),
            (Kind::Slack, "U0 ANA"),
        ];
        for (kind, place) in bad {
            assert!(kind.check_place(place).is_err(), "{} {place}", kind.name());
        }
    }
}
