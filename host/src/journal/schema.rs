//! The tables, and the steps from each older format to the next.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

use super::{JournalError, Result};

/// `WtFr`: distinguishes a journal from any other SQLite file.
pub(super) const APPLICATION_ID: i64 = 0x5774_4672;

/// One step per format, each from the one before. A step that was released is never changed.
pub(super) const STEPS: [&str; 5] = [V1, V2, V3, V4, V5];

const V1: &str = "
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    event TEXT,
    cause INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    chain INTEGER,
    block_number INTEGER,
    block_hash BLOB,
    detector TEXT,
    finding BLOB,
    incident INTEGER,
    body NOT NULL,
    hash BLOB NOT NULL
);
CREATE INDEX entry_kind ON entry (kind, seq);
CREATE INDEX entry_event ON entry (event, seq) WHERE event IS NOT NULL;
CREATE INDEX entry_feed ON entry (detector, at_ms) WHERE event = 'observed';
CREATE INDEX entry_cause ON entry (cause, seq);
CREATE INDEX entry_block ON entry (block_hash, seq) WHERE event = 'committed';
CREATE INDEX entry_place ON entry (chain, block_number, seq) WHERE chain IS NOT NULL;
CREATE INDEX entry_detector ON entry (detector, seq) WHERE detector IS NOT NULL;
CREATE INDEX entry_finding ON entry (finding, seq) WHERE finding IS NOT NULL;
CREATE INDEX entry_incident ON entry (incident, seq) WHERE incident IS NOT NULL;
CREATE TABLE canonical_block (
    chain INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (chain, number)
) WITHOUT ROWID;
CREATE INDEX canonical_block_hash ON canonical_block (hash);
CREATE INDEX canonical_block_seq ON canonical_block (seq);
CREATE TABLE live_finding (
    id BLOB PRIMARY KEY,
    input INTEGER NOT NULL,
    seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX live_finding_input ON live_finding (input, seq);
CREATE TABLE state (
    detector TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (detector, key)
) WITHOUT ROWID;
CREATE TABLE undo (
    id INTEGER PRIMARY KEY,
    input INTEGER NOT NULL,
    detector TEXT NOT NULL,
    key BLOB NOT NULL,
    before BLOB
);
CREATE INDEX undo_detector ON undo (detector, input);
CREATE INDEX undo_input ON undo (input);
CREATE TABLE component (
    digest BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
);
CREATE TABLE outbox (
    channel TEXT NOT NULL,
    key BLOB NOT NULL,
    seq INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_ms INTEGER NOT NULL DEFAULT 0,
    delivered_at_ms INTEGER,
    error TEXT,
    PRIMARY KEY (channel, key)
) WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (channel, next_attempt_ms) WHERE delivered_at_ms IS NULL;
CREATE TABLE feed_position (
    feed TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) WITHOUT ROWID;
";

/// Bodies can be dropped: each entry has a digest of its own, which the chain goes over in place of the body, and what
/// is looked up of old blocks stands beside them. Entries of before keep their formula, and have no digest.
const V2: &str = "
ALTER TABLE entry ADD COLUMN digest BLOB;
ALTER TABLE canonical_block ADD COLUMN parent_hash BLOB;
ALTER TABLE canonical_block ADD COLUMN timestamp_s INTEGER;
CREATE TABLE settled (
    chain INTEGER PRIMARY KEY,
    safe INTEGER NOT NULL,
    finalized INTEGER NOT NULL
);
INSERT INTO settled SELECT chain, max(json_extract(body, '$.event.safe')), max(json_extract(body, '$.event.finalized'))
    FROM entry WHERE event = 'finality' GROUP BY chain;
CREATE TABLE thinning (
    before INTEGER PRIMARY KEY,
    done INTEGER NOT NULL,
    bodies INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE TABLE snapshot (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    detector TEXT NOT NULL,
    key BLOB
);
CREATE TABLE snapshot_state (
    seq INTEGER NOT NULL,
    detector TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (seq, detector, key)
) WITHOUT ROWID;
CREATE TABLE owed (
    detector TEXT NOT NULL,
    input INTEGER NOT NULL,
    root INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (detector, input)
) WITHOUT ROWID;
";

/// Acts of people, deadlines and timelines are entries of kinds that a version before does not know.
const V3: &str = "
CREATE INDEX entry_desk ON entry (seq) WHERE kind IN ('finding', 'retraction')
    OR event IN ('plan', 'act', 'fact', 'delivered', 'tick');
";

/// What came of a delivery is an input, once for each effect; the gravest go first, and some are given up. Of effects that
/// wait, the outcome is yet to be reported; of those that arrived, nothing is.
const V4: &str = "
ALTER TABLE outbox ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN given_up_at_ms INTEGER;
UPDATE outbox SET rank = coalesce((
    SELECT CASE
        WHEN effect = 'page' THEN severity
        WHEN effect IN ('propose', 'withdraw', 'revert') THEN 1
        WHEN effect = 'notify' THEN 8 + severity
        WHEN effect = 'communicate' THEN 8
        WHEN effect = 'remind' THEN 10
        ELSE 12
    END FROM (
        SELECT json_extract(body, '$.effect') AS effect, CASE json_extract(body, '$.severity')
            WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4
        END AS severity FROM entry WHERE entry.seq = outbox.seq
    )
), 12);
CREATE TABLE delivery (
    key BLOB PRIMARY KEY,
    seq INTEGER NOT NULL,
    deadline TEXT NOT NULL,
    ordered_at_ms INTEGER NOT NULL,
    reported TEXT
) WITHOUT ROWID;
INSERT INTO delivery (key, seq, deadline, ordered_at_ms)
    SELECT key, outbox.seq, CASE WHEN rank < 8 THEN 'urgent' ELSE 'routine' END, entry.at_ms
    FROM outbox JOIN entry ON entry.seq = outbox.seq GROUP BY key HAVING count(delivered_at_ms) = 0;
CREATE INDEX delivery_unreported ON delivery (deadline, ordered_at_ms, seq) WHERE reported IS NULL;
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (channel, rank, next_attempt_ms, seq)
    WHERE delivered_at_ms IS NULL AND given_up_at_ms IS NULL;
";

/// What was posted about each incident, where, and what its service calls the message: so that it can be resolved or edited.
const V5: &str = "
CREATE TABLE posted (
    channel TEXT NOT NULL,
    incident INTEGER NOT NULL,
    address TEXT NOT NULL,
    key BLOB NOT NULL,
    receipt TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, incident, address)
) WITHOUT ROWID;
";

fn known() -> i64 {
    STEPS.len() as i64
}

/// Refuses a file that something else made; an empty one is nobody's yet.
pub(super) fn expect_ours(connection: &Connection, path: &Path) -> Result<()> {
    let failure = |error| JournalError::of(path, error);
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failure)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failure)?;
    if (id == APPLICATION_ID && version(connection, path)? > 0) || (id == 0 && tables == 0) {
        Ok(())
    } else {
        Err(JournalError::Foreign { path: path.to_owned() })
    }
}

/// Brings an older journal up to this version, one step a transaction.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<()> {
    migrate_by(&STEPS, connection, path)
}

pub(super) fn migrate_by(steps: &[&str], connection: &Connection, path: &Path) -> Result<()> {
    let failure = |error| JournalError::of(path, error);
    let (found, known) = (version(connection, path)?, steps.len() as i64);
    if found > known {
        return Err(JournalError::Newer { path: path.to_owned(), found, known });
    }
    for (done, step) in steps.iter().enumerate().skip(found as usize) {
        let version = done + 1;
        let sql =
            format!("BEGIN; {step} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}; COMMIT;");
        connection.execute_batch(&sql).map_err(failure)?;
    }
    Ok(())
}

/// Refuses a journal of another format, for whoever can't migrate it.
pub(super) fn expect_version(connection: &Connection, path: &Path) -> Result<()> {
    let (found, known, path) = (version(connection, path)?, known(), path.to_owned());
    match found {
        // Nobody's yet, and a reader can't make it ours.
        0 => Err(JournalError::Foreign { path }),
        found if found > known => Err(JournalError::Newer { path, found, known }),
        found if found < known => Err(JournalError::Older { path, found, known }),
        _ => Ok(()),
    }
}

/// Refuses a journal of this format that has other tables, indices, triggers or views than this version makes.
pub(super) fn expect_unaltered(connection: &Connection, path: &Path) -> Result<()> {
    let failure = |error| JournalError::of(path, error);
    let fresh = Connection::open_in_memory().map_err(failure)?;
    migrate(&fresh, path)?;
    let (mut wanted, found) = (parts(&fresh).map_err(failure)?, parts(connection).map_err(failure)?);
    let altered = |what: String| Err(JournalError::Altered { path: path.to_owned(), what });
    for (name, (kind, sql)) in found {
        match wanted.remove(&name) {
            Some(part) if part == (kind.clone(), sql) => {}
            Some(_) => return altered(format!("its {kind} `{name}` is another")),
            None => return altered(format!("it has a {kind} `{name}`")),
        }
    }
    match wanted.into_iter().next() {
        Some((name, (kind, _))) => altered(format!("it lacks its {kind} `{name}`")),
        None => Ok(()),
    }
}

/// What a file is made of, by name, without what SQLite makes by itself.
fn parts(connection: &Connection) -> rusqlite::Result<BTreeMap<String, (String, String)>> {
    let sql = "SELECT name, type, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    rows.collect()
}

fn version(connection: &Connection, path: &Path) -> Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|error| JournalError::of(path, error))
}
