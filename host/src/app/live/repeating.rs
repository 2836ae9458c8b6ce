//! Sends again what stands at services that forget it: Alertmanager keeps no alert over a restart.

use std::time::{Duration, Instant};

use crate::app::live::deliveries::Attempt;
use crate::app::live::main_loop::{Loop, wall_clock_ms};
use crate::deliver::channel::{Intent, Letter};
use crate::effect::{Effect, Notice, Ordered};
use crate::event::Event;
use crate::fact::Delivery;

impl Loop {
    /// Sends what stands again, on each channel whose time has come. Nothing waits for it: the next time is soon.
    pub(super) fn say_again(&mut self) -> anyhow::Result<()> {
        let due: Vec<String> = self
            .services
            .iter()
            .filter_map(|(name, made)| {
                let again = Duration::from_millis(made.again_ms?);
                self.said_again.get(name).is_none_or(|last| last.elapsed() >= again).then(|| name.clone())
            })
            .collect();
        for name in due {
            self.said_again.insert(name.clone(), Instant::now());
            let open: Vec<(u64, bool)> =
                self.engine.desks().incidents().map(|incident| (incident.id, incident.drill)).collect();
            for (id, drill) in open {
                for posted in self.engine.posted(&name, id)? {
                    let (Some(brief), Some(made)) = (self.engine.brief(id)?, self.services.get(&name)) else {
                        continue;
                    };
                    let (severity, what) = (brief.severity, Notice::Changed);
                    let effect = Effect::Notify { incident: id, severity, what, text: String::new(), brief: None };
                    let letter = Letter {
                        ordered: Ordered { key: posted.key, at_ms: brief.opened_at_ms, dry_run: false, drill, effect },
                        intent: Intent::Update,
                        address: posted.address,
                        brief,
                        more: 0,
                        earlier: Some(posted.receipt),
                        is_test: false,
                        answer_url: None,
                        answer_token: None,
                        now_ms: wall_clock_ms(),
                    };
                    let (service, channel, back) = (made.service.clone(), name.clone(), self.back.clone());
                    self.handle.spawn(async move {
                        let Err(error) = service.send(&letter).await else { return };
                        tracing::warn!(channel, "what stands could not be sent again: {error}");
                        if error.is_final {
                            let (keys, folded, posted) = (Vec::new(), Vec::new(), Vec::new());
                            // The loop may have ended.
                            let _ =
                                back.send(Attempt { channel, incident: id, keys, folded, posted, result: Err(error) });
                        }
                    });
                }
            }
        }
        Ok(())
    }

    /// What stood at a service is refused there: whoever was told by it hears nothing any more. An input, once for each
    /// incident and channel: what a service says may differ with every answer, and nobody is paged by each of them.
    pub(super) fn stands_no_more(&mut self, channel: &str, incident: u64, message: &str) -> anyhow::Result<()> {
        let Some(made) = self.services.get(channel) else { return Ok(()) };
        let Some(scheme) = made.schemes.as_ref().and_then(|schemes| schemes.first().cloned()) else { return Ok(()) };
        let is_acked = self.engine.brief(incident)?.is_none_or(|brief| brief.acked_by.is_some());
        let stopped = format!("channel {channel} tells nobody any more");
        if is_acked || self.engine.was_stopped(incident, &stopped)? {
            return Ok(());
        }
        let why = format!("{stopped}: {message}");
        tracing::error!(incident, "{why}");
        self.take(Event::Delivered { delivery: Delivery::stopped(incident, scheme, why) }, None)
    }
}
