//! What an edit does to the text of one file: only the keys of one risk change, each where it stands.

use anyhow::Context;
use toml_edit::{Array, ArrayOfTables, Datetime, Document, DocumentMut, Item, Table, TableLike, Value};

use crate::plan::moment::Moment;
use crate::plan::{Risk, RiskEvent};

/// The text in which a risk is as `after` says; `None` where the file does not have it.
pub(super) fn edited(text: &str, id: &str, before: &Risk, after: &Risk) -> anyhow::Result<Option<String>> {
    let mut document: DocumentMut = text.parse().context("a file of the plan was read and is no TOML")?;
    let Some(item) = document.get_mut("risk").and_then(|risks| risks.get_mut(id)) else { return Ok(None) };
    let inline = item.is_inline_table();
    let risk = item.as_table_like_mut().context("a risk was read and is no table")?;
    if after.status != before.status {
        set(risk, "status", after.status.to_string().into());
    }
    if let Some(owner) = after.owner.as_ref().filter(|_| after.owner != before.owner) {
        set(risk, "owner", owner.as_str().into());
    }
    if let Some(until) = after.accepted_until.filter(|_| after.accepted_until != before.accepted_until) {
        set(risk, "accepted_until", datetime(until).into());
    }
    if let Some(due) = after.due.filter(|_| after.due != before.due) {
        set(risk, "due", datetime(due).into());
    }
    extend(risk, "signals", &before.signals, &after.signals)?;
    extend(risk, "interventions", &before.interventions, &after.interventions)?;
    let numbers = |ids: &[u64]| ids.iter().map(|id| i64::try_from(*id)).collect::<Result<Vec<_>, _>>();
    extend(risk, "incidents", &numbers(&before.incidents)?, &numbers(&after.incidents)?)?;
    for event in &after.history[before.history.len()..] {
        append(risk, inline, event)?;
    }
    Ok(Some(document.to_string()))
}

/// The text with a new risk at its end; the whole text of a new file, where there is none.
pub(super) fn with_risk(text: Option<&str>, id: &str, risk: &Risk) -> String {
    let mut table = Table::new();
    for (key, value) in [("summary", &risk.summary), ("asset", &risk.asset), ("cause", &risk.cause)] {
        table.insert(key, Item::Value(value.as_str().into()));
    }
    table.insert("likelihood", Item::Value(risk.likelihood.to_string().into()));
    table.insert("impact", Item::Value(risk.impact.to_string().into()));
    table.insert("response", Item::Value(risk.response.to_string().into()));
    if let Some(owner) = &risk.owner {
        table.insert("owner", Item::Value(owner.as_str().into()));
    }
    table.insert("status", Item::Value(risk.status.to_string().into()));
    if let Some(due) = risk.due {
        table.insert("due", Item::Value(datetime(due).into()));
    }
    for (key, ids) in [("signals", &risk.signals), ("interventions", &risk.interventions)] {
        if !ids.is_empty() {
            table.insert(key, Item::Value(ids.iter().collect::<Array>().into()));
        }
    }
    if !risk.incidents.is_empty() {
        let numbers: Array = risk.incidents.iter().map(|id| i64::try_from(*id).unwrap_or(i64::MAX)).collect();
        table.insert("incidents", Item::Value(numbers.into()));
    }
    if let Some(release) = &risk.release {
        table.insert("release", Item::Value(release.as_str().into()));
    }
    let mut history = ArrayOfTables::new();
    for event in &risk.history {
        history.push(entry(event));
    }
    table.insert("history", Item::ArrayOfTables(history));
    let mut risks = Table::new();
    risks.set_implicit(true);
    risks.insert(id, Item::Table(table));
    let mut document = DocumentMut::new();
    document.insert("risk", Item::Table(risks));
    // Written at the end as text, so that not a byte of what is there changes.
    let mut whole = text.unwrap_or("# What may go wrong, and what was made of it.\n").to_owned();
    if !whole.is_empty() && !whole.ends_with('\n') {
        whole.push('\n');
    }
    if !whole.is_empty() {
        whole.push('\n');
    }
    whole + document.to_string().trim_start()
}

/// Where a risk stands in a text, in bytes.
pub(super) fn find(text: &str, id: &str) -> Option<usize> {
    let document = Document::parse(text).ok()?;
    let (key, item) = document.get("risk")?.as_table_like()?.get_key_value(id)?;
    // A table stands at its header, anything else at its key.
    Some(item.as_table().and_then(Table::span).or(key.span())?.start)
}

/// Whether a text has any risk.
pub(super) fn has_risks(text: &str) -> bool {
    Document::parse(text).is_ok_and(|document| document.contains_key("risk"))
}

/// Puts a value in the place of another, with the spaces and the comment that it has.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Appends to a list what came to it.
fn extend<T: Clone + Into<Value>>(
    table: &mut dyn TableLike,
    key: &str,
    before: &[T],
    after: &[T],
) -> anyhow::Result<()> {
    let new = &after[before.len()..];
    if new.is_empty() {
        return Ok(());
    }
    if table.get(key).is_none() {
        table.insert(key, Item::Value(Array::new().into()));
    }
    let list = table.get_mut(key).and_then(Item::as_array_mut).with_context(|| format!("`{key}` is no list"))?;
    // Where each item has a line of its own, so have the new ones.
    let layout = list.iter().last().and_then(|last| last.decor().prefix().cloned());
    for item in new {
        list.push(item.clone());
        if let (Some(layout), Some(value)) = (&layout, list.iter_mut().last()) {
            // What stands before an item may be a comment on it, which is not one on the next.
            let spaces = layout.as_str().unwrap_or_default();
            let spaces = spaces.rsplit_once('\n').map_or(spaces.to_owned(), |(_, indent)| format!("\n{indent}"));
            if spaces.trim().is_empty() {
                value.decor_mut().set_prefix(if spaces.is_empty() { " ".to_owned() } else { spaces });
            }
        }
    }
    Ok(())
}

/// Appends an entry to a risk's history, in the shape that the history has.
fn append(risk: &mut dyn TableLike, inline: bool, event: &RiskEvent) -> anyhow::Result<()> {
    match risk.get_mut("history") {
        Some(Item::ArrayOfTables(history)) => history.push(entry(event)),
        Some(Item::Value(Value::Array(history))) => history.push(entry(event).into_inline_table()),
        Some(_) => anyhow::bail!("a history was read and is no list"),
        None if inline => {
            let history: Array = [entry(event).into_inline_table()].into_iter().collect();
            risk.insert("history", Item::Value(history.into()));
        }
        None => {
            let mut history = ArrayOfTables::new();
            history.push(entry(event));
            risk.insert("history", Item::ArrayOfTables(history));
        }
    }
    Ok(())
}

fn entry(event: &RiskEvent) -> Table {
    let mut table = Table::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            table.insert(key, Item::Value(value));
        }
    };
    put("at", Some(datetime(event.at).into()));
    put("by", Some(event.by.as_str().into()));
    put("what", Some(event.what.as_str().into()));
    put("status", Some(event.status.to_string().into()));
    put("release", event.release.as_deref().map(Value::from));
    put("incident", event.incident.and_then(|id| i64::try_from(id).ok()).map(Value::from));
    put("owner", event.owner.as_deref().map(Value::from));
    put("accepted_until", event.accepted_until.map(|until| datetime(until).into()));
    let linked: Option<Array> = (!event.linked.is_empty()).then(|| event.linked.iter().collect());
    put("linked", linked.map(Value::from));
    table.decor_mut().set_prefix("\n");
    table
}

/// A moment as a plan writes it.
pub(super) fn datetime(moment: Moment) -> Datetime {
    // What a moment is shown as is what a plan writes.
    moment.to_string().parse().unwrap_or_else(|error| unreachable!("`{moment}` is no date-time: {error}"))
}
