//! What a chain's node is asked in a day on which nothing happens, beside what it may be asked.

use crate::app::config::Config;
use crate::app::deploy::load::warning;
use crate::diagnostic::Diagnostic;
use crate::source::evm::config::Finality;

const DAY_MS: u64 = 86_400_000;

/// Returns a warning for each chain whose budget of requests is used up by asking for the head alone, before the day is over: the
/// watch would stand still until midnight.
pub fn past_the_budget(config: &Config) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, chain) in &config.chains {
        let Some(most) = chain.max_requests_per_day else { continue };
        let each_time = match chain.finality {
            Finality::Tags => 3,
            Finality::Confirmations(_) => 1,
        };
        let idle = each_time * (DAY_MS / chain.poll_interval_ms.max(1));
        if idle > most {
            let message = format!(
                "asking for the head each {} ms takes {idle} requests a day, and `max_requests_per_day` is {most}: it is used up \
                 before the day is over, and the node is asked nothing more until midnight, UTC",
                chain.poll_interval_ms
            );
            // Half of it is for blocks.
            let suits_ms = (2 * each_time * DAY_MS).div_ceil(most.max(1));
            let help =
                format!("`poll_interval_ms = {suits_ms}` leaves half of the budget for blocks; or raise the budget");
            found.push(warning(config, &["chain", name, "max_requests_per_day"], message, &help));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &str, expected: Option<(&str, &str)>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("watchfire.toml");
        std::fs::write(&file, format!("[chain.one]\nid = 1\nendpoints = [\"http://x\"]\n{settings}\n")).unwrap();
        let found = past_the_budget(&Config::load(&file).unwrap());
        assert_eq!(found.len(), usize::from(expected.is_some()), "{settings}: {found:?}");
        if let Some((message, help)) = expected {
            let found = format!("{:?}", found[0]);
            assert!(found.contains(message) && found.contains(help), "{settings}: {found}");
        }
    }

    #[test]
    fn a_budget_that_asking_for_the_head_uses_up_is_told() {
        check("", None);
        check("max_requests_per_day = 1000000", None);
        check(
            "max_requests_per_day = 100000",
            Some(("each 1000 ms takes 259200 requests a day", "poll_interval_ms = 5184")),
        );
        check("max_requests_per_day = 100000\npoll_interval_ms = 5184", None);
        check("max_requests_per_day = 100000\nfinality = { confirmations = 64 }", None);
    }
}
