//! From a finding to a page that a service has accepted: through the running loop, the plan's ladder, the journal on the disk and a
//! webhook of this machine.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use watchfire::app::deploy::change::{Change, Outlets};
use watchfire::app::engine::{Engine, Given};
use watchfire::app::live::main_loop::{Loop, Wiring, wall_clock_ms};
use watchfire::app::live::messages::Message;
use watchfire::app::live::output::Output;
use watchfire::app::live::pulse::Pulse;
use watchfire::deliver::DeliveryConfig;
use watchfire::deliver::channel::{ChannelConfig, make};
use watchfire::event::{Coverage, Event, Stamped};
use watchfire::finding::Severity;
use watchfire::journal::{Channel, Hears, Journal};
use watchfire::plugin::Fleet;
use watchfire::source::Delivery;

use crate::plans::with_team;
use crate::report::{Report, median, quantile};
use crate::{Bench, Nobody};

const PLAN: &str = r#"
[protocol]
incidents_per_hour = 1000000
conditions_per_hour = 1000000

[escalation.all]
severities = ["critical"]
steps = [{ who = ["guardian"], ack_within_s = 3600 }]

[signal.blind]
summary = "The watch has a gap"
match = [{ detector = "watchfire/coverage" }]
group_by = ["subject"]
window_s = 600
severity = "critical"
interventions = ["warn"]
"#;

/// How long a page may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    report.section("from a finding to a page that a webhook of this machine accepted, journaled");
    let (port, pages) = receiver()?;
    let folder = tempfile::tempdir()?;
    let mut engine = Engine::new(Journal::open(&folder.path().join("bench.db"))?, Fleet::new(), Arc::new(Nobody))?;
    let (_, event) = with_team(PLAN)?;
    engine.take(Stamped { at_ms: wall_clock_ms(), event }, &Given::default())?;
    engine.commit()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let (messages, looping) = run(engine, &runtime)?;
    let send = |message: Message| messages.blocking_send(message).map_err(|_| anyhow::anyhow!("the loop has ended"));
    send(posts_to(port)?)?;

    let (mut took, count) = (Vec::new(), if bench.rounds == 1 { 5 } else { 200 });
    for at in 0..count {
        let found = |over| {
            let (kind, subject) = ("feed-silent".to_owned(), format!("feed/{at}"));
            let message = "it says nothing".to_owned();
            let coverage = Coverage { chain: None, kind, subject, severity: Severity::Critical, message, over };
            Message::Input(Delivery::now(Event::Coverage { coverage }))
        };
        let started = Instant::now();
        send(found(false))?;
        let accepted = loop {
            let (when, body) = pages.recv_timeout(PATIENCE).context("a page was not posted")?;
            if body.contains("\"effect\":\"page\"") && body.contains(&format!("feed/{at}")) {
                break when;
            }
        };
        took.push(accepted.duration_since(started));
        // While it is open, nobody is rung up again for another of the same signal.
        send(found(true))?;
    }
    report.row("median", median(took.clone()).as_secs_f64() * 1e3, "ms", None);
    report.row("99th percentile", quantile(took, 0.99).as_secs_f64() * 1e3, "ms", None);
    send(Message::Stop)?;
    looping.join().map_err(|_| anyhow::anyhow!("the loop panicked"))?
}

/// Runs an engine in a loop of its own. Returns what takes its messages, and the thread.
pub(crate) fn run(
    engine: Engine,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<(mpsc::Sender<Message>, JoinHandle<anyhow::Result<()>>)> {
    let (messages, inbox) = mpsc::channel(1_024);
    let (failing, _failed) = mpsc::unbounded_channel();
    let (needs, _needed) = watch::channel(Default::default());
    let wiring = Wiring {
        output: Output::silent(),
        record: None,
        must_record: false,
        newest_ms: engine.newest_ms(),
        messages: inbox,
        back: messages.clone(),
        needs,
        patience: Duration::from_millis(4),
        failing,
        stop_after_blocks: None,
        pulse: Arc::new(Pulse::new(Duration::from_secs(60))),
        absence: None,
        ran: Default::default(),
    };
    let turning = Loop::new(engine, wiring, runtime.handle().clone())?;
    Ok((messages, std::thread::spawn(move || turning.run())))
}

/// What the webhook is called.
pub(crate) fn pager() -> Channel {
    Channel { name: "pager".to_owned(), schemes: None, hears: Hears::All }
}

/// Has a loop post whatever it orders to a port of this machine.
pub(crate) fn posts_to(port: u16) -> anyhow::Result<Message> {
    let config: ChannelConfig =
        serde_json::from_value(serde_json::json!({ "kind": "webhook", "url": format!("http://127.0.0.1:{port}/") }))?;
    let made = make(&config, Path::new(".")).map_err(|(key, why)| anyhow::anyhow!("{key}: {why}"))?;
    Ok(Message::Change(Change::Webhooks(Outlets {
        services: [("pager".to_owned(), made)].into(),
        channels: vec![pager()],
        asks: None,
        config: DeliveryConfig::default(),
    })))
}

/// A webhook that accepts whatever is posted. Returns its port, and each body with when it was accepted.
pub(crate) fn receiver() -> anyhow::Result<(u16, std_mpsc::Receiver<(Instant, String)>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let (seen, pages) = std_mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let seen = seen.clone();
            std::thread::spawn(move || serve(stream, &seen));
        }
    });
    Ok((port, pages))
}

/// Reads requests of one connection, one after another, and accepts each.
fn serve(mut stream: std::net::TcpStream, seen: &std_mpsc::Sender<(Instant, String)>) {
    let (mut bytes, mut part) = (Vec::new(), [0; 16 * 1_024]);
    loop {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        let length = head.map(|head| {
            let head = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            length.unwrap_or(0_usize)
        });
        if let (Some(head), Some(length)) = (head, length)
            && bytes.len() >= head + length
        {
            let body = String::from_utf8_lossy(&bytes[head..head + length]).into_owned();
            bytes.drain(..head + length);
            let answered = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            if answered.is_err() || seen.send((Instant::now(), body)).is_err() {
                return;
            }
            continue;
        }
        match stream.read(&mut part) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
}
