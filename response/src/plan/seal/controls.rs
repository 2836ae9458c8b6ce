//! The controls, each in a line of our own.

/// The revision that is answered.
pub const REVISION: &str = "1.1 (2026-04-17)";

/// One control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its id in the checklist.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// What it asks.
    pub asks: &'static str,
}

const fn control(id: &'static str, title: &'static str, asks: &'static str) -> Control {
    Control { id, title, asks }
}

/// All thirteen, in order.
pub const CONTROLS: [Control; 13] = [
    control(
        "ir-1.1.1",
        "Team and roles",
        "Who leads, decides, knows, writes down, speaks and advises, with backups, gone through each year",
    ),
    control(
        "ir-1.1.2",
        "Contacts",
        "Whom to call, inside and outside and in both directions, in which order, gone through each quarter",
    ),
    control(
        "ir-2.1.1",
        "Threat model",
        "What may go wrong, outside dependencies and single points of failure among it",
    ),
    control("ir-2.1.2", "Coverage", "What is watched day and night, what is not, and that both are written down"),
    control(
        "ir-2.1.3",
        "Alerting and paging",
        "That an alert reaches somebody in time: by severity, by time, by more than one way",
    ),
    control("ir-2.1.4", "Logs", "That what happened is kept long enough, and that nobody can change it unnoticed"),
    control(
        "ir-3.1.1",
        "Playbooks",
        "What is done first, what is kept, by whom, and when others are called, for each kind of incident",
    ),
    control("ir-3.1.2", "Signers within reach", "That enough signers are reached at any hour, tested each quarter"),
    control(
        "ir-3.1.3",
        "Emergency transactions",
        "That what stops it is prepared, and can be carried out if a tool is down",
    ),
    control("ir-4.1.1", "Channels of the response", "Where the response talks, on more than one platform"),
    control("ir-4.1.2", "Status updates", "How often whom is told, by severity"),
    control("ir-4.1.3", "Public communication", "What is said to users, prepared and agreed to beforehand"),
    control("ir-5.1.1", "Drills", "That all of it was rehearsed within a year, and what came of that"),
];
