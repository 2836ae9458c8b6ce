//! What indexes know against the detectors of a running host: reported once each, and again when it is over.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::app::config::Config;
use crate::app::live::messages::Message;
use crate::app::live::reading::{HANGS_AFTER, Reading};
use crate::app::share::indexes::coverage;
use crate::event::{Coverage, Event};
use crate::source::Delivery;

/// What was reported and is not over.
#[derive(Debug, Default)]
pub struct Advisories {
    open: BTreeMap<String, Coverage>,
}

impl Advisories {
    /// Reports what is new since the last time, and what is over. `versions` has what the detectors that run say that they are.
    ///
    /// # Errors
    ///
    /// If the loop has ended, or what is kept of the indexes can't be read.
    pub async fn report(
        &mut self,
        config: &Config,
        versions: &BTreeMap<String, String>,
        messages: &mpsc::Sender<Message>,
    ) -> anyhow::Result<()> {
        let (of_thread, versions) = (config.clone(), versions.clone());
        let reading = Reading::begin(&config.file, move || coverage(&of_thread, &versions, Timestamp::now()))?;
        for coverage in self.news(reading.within(HANGS_AFTER).await?) {
            if !coverage.over {
                tracing::warn!("{}", coverage.message);
            }
            let message = Message::Input(Delivery::now(Event::Coverage { coverage }));
            messages.send(message).await.map_err(|_| anyhow::anyhow!("the loop has ended"))?;
        }
        Ok(())
    }

    fn news(&mut self, known: Vec<Coverage>) -> Vec<Coverage> {
        let known: BTreeMap<String, Coverage> = known.into_iter().map(|one| (one.subject.clone(), one)).collect();
        let over = self.open.iter().filter(|(subject, _)| !known.contains_key(*subject));
        let over = over.map(|(_, was)| Coverage { over: true, message: "it is so no more".to_owned(), ..was.clone() });
        let new = known.iter().filter(|(subject, _)| !self.open.contains_key(*subject)).map(|(_, new)| new.clone());
        let news = over.chain(new).collect();
        self.open = known;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn each_is_reported_once_and_so_is_its_end() {
        let one = |subject: &str| Coverage {
            chain: None,
            kind: "detector-advisory".into(),
            subject: subject.into(),
            severity: Severity::High,
            message: String::new(),
            over: false,
        };
        let mut advisories = Advisories::default();
        let mut check = |known: &[&str], expected: &[(&str, bool)]| {
            let news = advisories.news(known.iter().map(|subject| one(subject)).collect());
            let news: Vec<_> = news.iter().map(|news| (news.subject.as_str(), news.over)).collect();
            assert_eq!(news, expected);
        };
        check(&["a"], &[("a", false)]);
        check(&["a", "b"], &[("b", false)]);
        check(&["b"], &[("a", true)]);
        check(&[], &[("b", true)]);
    }
}
