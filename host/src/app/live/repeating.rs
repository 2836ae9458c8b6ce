//! Sends again what stands at services that forget it: Alertmanager keeps no alert over a restart.

use std::time::{Duration, Instant};

use crate::app::live::main_loop::{Loop, wall_clock_ms};
use crate::deliver::channel::{Intent, Letter};
use crate::effect::{Effect, Notice, Ordered};

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
            let open: Vec<u64> = self.engine.desks().incidents().map(|incident| incident.id).collect();
            for id in open {
                for posted in self.engine.posted(&name, id)? {
                    let (Some(brief), Some(made)) = (self.engine.brief(id)?, self.services.get(&name)) else {
                        continue;
                    };
                    let (severity, what) = (brief.severity, Notice::Changed);
                    let effect = Effect::Notify { incident: id, severity, what, text: String::new(), brief: None };
                    let letter = Letter {
                        ordered: Ordered {
                            key: posted.key,
                            at_ms: brief.opened_at_ms,
                            dry_run: false,
                            drill: false,
                            effect,
                        },
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
                    let (service, channel) = (made.service.clone(), name.clone());
                    self.handle.spawn(async move {
                        if let Err(error) = service.send(&letter).await {
                            tracing::warn!(channel, "what stands could not be sent again: {error}");
                        }
                    });
                }
            }
        }
        Ok(())
    }
}
