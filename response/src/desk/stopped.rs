//! A service pages no more, and nobody has the incident: somebody acknowledged it there whom the plan does not know, or it is
//! silenced there. People are paged again, and whoever is told of the incident hears why.

use alloy_primitives::B256;

use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::file::Page;
use crate::effect::{Effect, Notice};
use crate::fact::Stopped;
use crate::plan::Plan;
use crate::timeline::EntryKind;

impl Desk {
    /// Pages again whoever was paged by a service that pages no more. `why` is a clause.
    pub(super) fn stopped(&mut self, stopped: &Stopped, why: &str, turn: &mut Turn) {
        let id = stopped.incident;
        let Some(plan) = self.plan_of(id) else { return };
        let Some(file) = self.files.get(&id) else { return };
        let (incident, severity) = (file.incident(), file.incident().severity);
        if incident.acked_by.is_some() || !incident.state.is_open() {
            return;
        }
        let ladder = file.ladder.as_ref();
        let theirs: Vec<(B256, Page)> = ladder
            .map(|ladder| ladder.pages.iter())
            .into_iter()
            .flatten()
            .filter(|(_, page)| is_at(&plan, page, &stopped.scheme))
            .map(|(key, page)| (*key, page.clone()))
            .collect();
        let text = format!("{why}: that is no answer, and nobody has the incident");
        self.write(id, EntryKind::Stopped, None, text.clone(), turn);
        if self.muted(id, turn.now_ms).is_some() {
            return;
        }
        let (text, brief) = (format!("Incident {id}: {text}"), self.brief(id));
        self.order(id, Effect::Notify { incident: id, severity, what: Notice::Unreached, text, brief }, turn);
        if let Some(ladder) = self.ladder_mut(id) {
            ladder.why = Some(why.to_owned());
        }
        for (key, page) in theirs {
            self.pages.remove(&key);
            if let Some(ladder) = self.ladder_mut(id) {
                ladder.pages.remove(&key);
            }
            self.page(id, &plan, &page.person, page.channel, "again", turn);
        }
    }
}

/// True when a page went to an address of a scheme.
fn is_at(plan: &Plan, page: &Page, scheme: &str) -> bool {
    let channels = plan.tables().person.get(&page.person).map(|person| &person.channels);
    let address = channels.and_then(|channels| channels.urgent.iter().chain(&channels.normal).nth(page.channel));
    let of = |address: &String| address.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
    address.is_some_and(|address| of(address) == scheme)
}
