//! What a channel's settings look like where a service says so: a slip is found before the night.

use crate::deliver::channel::config::{ChannelConfig, Kind, Mistake};

/// PagerDuty's routing keys: <https://developer.pagerduty.com/docs/send-alert-event>.
const ROUTING_KEY_CHARS: usize = 32;

/// Checks what is no secret.
///
/// # Errors
///
/// The first mistake, with how it should look.
pub(super) fn check(config: &ChannelConfig) -> Result<(), Mistake> {
    let wrong = |key: &str, message: String| Err((key.to_owned(), message));
    if let Some(url) = &config.record_url {
        let is_web = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
        if !is_web || !url.contains("{incident}") {
            return wrong(
                "record_url",
                "write `https://…` with `{incident}` in it, where the number belongs".to_owned(),
            );
        }
    }
    if let (Kind::Matrix, Some(room)) = (config.kind, &config.room)
        && !room.split_once(':').is_some_and(|(_, room)| room.starts_with('!'))
    {
        return wrong("room", format!("`{room}` is no room's id: write `matrix:!…:server`"));
    }
    if let Some(room) =
        config.room.as_ref().filter(|room| room.split_once(':').is_none_or(|(_, place)| place.is_empty()))
        && matches!(config.kind, Kind::Ntfy | Kind::Telegram | Kind::Email | Kind::TwilioSms | Kind::TwilioVoice)
    {
        return wrong("room", format!("`{room}` names no place: nobody would hear there"));
    }
    if !matches!(config.kind, Kind::TwilioSms | Kind::TwilioVoice) {
        return Ok(());
    }
    // Of a service that speaks as Twilio does, accounts look otherwise.
    let own = config.url.is_none();
    if let Some(account) = config.account.as_ref().filter(|account| own && !account.starts_with("AC")) {
        return wrong("account", format!("`{account}` is no account's SID, which begins with `AC`"));
    }
    if let Some(from) = &config.from {
        let digits = from.strip_prefix('+').map(|rest| rest.chars().filter(char::is_ascii_digit).count());
        let is_number = digits.is_some_and(|digits| (4..=15).contains(&digits));
        let is_service = config.kind == Kind::TwilioSms && from.starts_with("MG");
        if !is_number && !is_service {
            return wrong(
                "from",
                format!("`{from}` is no number as `+14155550100`, nor the SID `MG…` that texts may be from"),
            );
        }
    }
    Ok(())
}

/// Checks an account's token where its service has it look in one way.
///
/// # Errors
///
/// How it should look. What it is, is not said.
pub(super) fn check_token(config: &ChannelConfig, token: &str) -> Result<(), Mistake> {
    let wrong = |message: &str| Err(("token".to_owned(), message.to_owned()));
    if token.trim().is_empty() {
        return wrong("it is empty: write it, or name where it is, as `{ env = \"TOKEN\" }`");
    }
    let is_bots = || token.split_once(':').is_some_and(|(bot, rest)| bot.parse::<u64>().is_ok() && !rest.is_empty());
    match config.kind {
        Kind::Pagerduty if config.url.is_none() && token.chars().count() != ROUTING_KEY_CHARS => {
            wrong("a routing key of an Events API v2 integration has 32 characters, and this has another number")
        }
        Kind::Telegram if !is_bots() => wrong("a bot's token is `123456:…`, as BotFather gave it"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(text: &str, token: Option<&str>) -> Option<String> {
        let config: ChannelConfig = toml::from_str(text).unwrap();
        let found = check(&config).and_then(|()| token.map_or(Ok(()), |token| check_token(&config, token)));
        found.err().map(|(key, _)| key)
    }

    #[test]
    fn a_slip_in_a_setting_is_found_before_the_night() {
        let key = |text: &str| key_of(text, None);
        let twilio = |more: &str| key(&format!("kind = 'twilio-sms'\n{more}"));
        assert_eq!(twilio("account = 'AC01'\nfrom = '+1 415 555 0100'"), None);
        assert_eq!(twilio("account = 'AC01'\nfrom = 'MG01'"), None);
        assert_eq!(twilio("account = 'XX'").as_deref(), Some("account"));
        assert_eq!(twilio("account = 'project'\nurl = 'https://other.example'"), None);
        assert_eq!(twilio("from = 'hello'").as_deref(), Some("from"));
        assert_eq!(key("kind = 'twilio-voice'\nfrom = 'MG01'").as_deref(), Some("from"));
        assert_eq!(key("kind = 'matrix'\nroom = 'matrix:foo'").as_deref(), Some("room"));
        assert_eq!(key("kind = 'matrix'\nroom = 'matrix:!foo:x'"), None);
        assert_eq!(key("kind = 'ntfy'\nroom = 'ntfy:'").as_deref(), Some("room"));
        for url in ["https://x/none", "javascript:{incident}"] {
            assert_eq!(key(&format!("kind = 'slack'\nrecord_url = '{url}'")).as_deref(), Some("record_url"), "{url}");
        }
        assert_eq!(key("kind = 'slack'\nrecord_url = 'https://x/{incident}'"), None);
        let token = |kind: &str, token: &str| key_of(&format!("kind = '{kind}'"), Some(token)).is_some();
        assert!(token("telegram", "nocolon") && !token("telegram", "123456:test-token"));
        assert!(token("pagerduty", "x") && !token("pagerduty", "R0123456789abcdef0123456789abcde"));
        assert!(token("slack", " "));
    }
}
