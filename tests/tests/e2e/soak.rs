//! All at once: twenty detectors, six of them hostile by turns, a node that lies before one that misbehaves at random before one that
//! is honest, a flood on the chain and at the host's door, and kills at random. What honest detectors find is what they find on a
//! host that is left alone, every page that was due comes, memory and descriptors stay flat, and both journals replay.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use watchfire_tests::anvil::{Anvil, free_port};
use watchfire_tests::bytecode::{LOGS, NEST};
use watchfire_tests::chaos::ChaosProxy;
use watchfire_tests::guests::guest;
use watchfire_tests::harbor::who::ATTACKER;
use watchfire_tests::host::{Host, component};
use watchfire_tests::peers::skip_or_fail;
use watchfire_tests::proxy::{Lie, LyingProxy};
use watchfire_tests::receiver::Receiver;
use watchfire_tests::seed::Seeded;
use watchfire_tests::standing::{findings, pages};
use watchfire_tests::story::{expect_sound, tip};
use watchfire_tests::watch::{self, Deployment, ETHER};

/// Slow machines take their time, and detectors that were held up by hostile ones come late.
const LONG: Duration = Duration::from_secs(180);

const CHAIN: u64 = 31_337;

/// Detectors that are honest, one of which every deployment of the tests has.
const HONEST: usize = 14;
/// Detectors that are hostile at a time.
const HOSTILE: usize = 6;

/// What hostile detectors do, each a guest of `tests/hostile`.
const TRICKS: [&str; 14] = [
    "chain-flood",
    "column-flood",
    "endless-host-calls",
    "endless-loop",
    "keeps-count",
    "large-findings",
    "last-words",
    "log-flood",
    "many-findings",
    "memory-hog",
    "recursion",
    "slow",
    "state-flood",
    "trap",
];

const LIES: [Lie; 8] = [
    Lie::None,
    Lie::WrongParent,
    Lie::OldHead,
    Lie::MissingReceipt,
    Lie::TooMany,
    Lie::AlteredLog,
    Lie::HalfABody,
    Lie::OtherSender,
];

/// People are paged for whatever is claimed, so that hostile detectors have something to flood.
const PLAN: &str = r#"
[signal.noise]
summary = "What anybody claims"
match = [{ kinds = ["odd-thing"] }]
group_by = ["chain", "subject"]
window_s = 60
interventions = ["late"]

[escalation.on-call]
severities = ["info", "low", "medium", "high", "critical"]
steps = [{ who = ["ana"], ack_within_s = 86400 }, { who = ["bo"], ack_within_s = 86400 }]
"#;

/// What differs between the host that is left alone and the other.
struct Side {
    endpoints: Vec<String>,
    webhook: String,
    /// The port of its metrics.
    port: u16,
}

impl Side {
    /// Writes its config, with these detectors beside the honest ones.
    fn write(&self, folder: &Path, accounts: &[String], hostile: &str) {
        let outflow = component("outflow").unwrap();
        let mut more = format!(
            "[host]\nmetrics_listen = \"127.0.0.1:{}\"\n\n[webhook.ops]\nurl = \"{}\"\n\n\
             [detector.outflow.limits]\nbatch_deadline_ms = 20000\n\n",
            self.port, self.webhook
        );
        for (number, account) in accounts.iter().cycle().enumerate().take(HONEST).skip(1) {
            let limit = 10 + number / accounts.len() * 15;
            write!(
                more,
                "[detector.honest-{number}]\ncomponent = \"{}\"\nchains = [\"local\"]\ngrant = [\"state\", \"traces\"]\n\
                 limits.batch_deadline_ms = 20000\n\n[detector.honest-{number}.config]\n\
                 watch = [{{ address = \"{account}\", label = \"account {number}\" }}]\nassets = [{{ address = \"native\", \
                 symbol = \"ETH\", decimals = 18, limit = \"{limit}\" }}]\nwindow_s = 3600\n\n",
                outflow.display()
            )
            .unwrap();
        }
        let chain = vec!["timeout_ms = 1000".into(), "stall_after_s = 5".into()];
        let endpoints = self.endpoints.clone();
        Deployment { endpoints, chain, more: more + hostile, ..Deployment::of(String::new()) }.write(folder).unwrap();
    }

    fn make(&self, accounts: &[String]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let response = folder.path().join("response");
        std::fs::create_dir(&response).unwrap();
        let plan = watch::plan();
        let plan = plan.split("[signal.blind]").next().unwrap();
        let plan = plan.replace("match = [{ detector = \"outflow\" }]", "match = [{ kinds = [\"outflow-limit\"] }]");
        std::fs::write(response.join("plan.toml"), plan + PLAN).unwrap();
        for trick in TRICKS {
            std::fs::write(folder.path().join(format!("{trick}.wasm")), guest(trick).unwrap()).unwrap();
        }
        self.write(folder.path(), accounts, "");
        folder
    }
}

/// Sections of hostile detectors that no host has seen before, so that each is taken up without a trial.
fn hostile(seeded: &mut Seeded, turn: u64) -> String {
    let mut sections = String::new();
    for number in 0..HOSTILE {
        let trick = TRICKS[seeded.below(TRICKS.len() as u64) as usize];
        write!(
            sections,
            "[detector.hostile-{turn}-{number}]\ncomponent = \"{trick}.wasm\"\ngrant = [\"state\", \"chain\"]\n\
             limits.batch_deadline_ms = 100\n\n"
        )
        .unwrap();
    }
    sections
}

/// Connections that begin a request and never end it.
fn knock(port: u16) -> Vec<TcpStream> {
    let open = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: ").ok()?;
        Some(stream)
    };
    // A host that is just being killed takes none.
    (0..150).filter_map(|_| open()).collect()
}

/// Open files of a process, and its memory in KiB; nothing if it has ended.
fn holds(pid: u32) -> Option<(u64, u64)> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some((files, line.split_whitespace().nth(1)?.parse().ok()?))
}

/// The second half of a run takes no more than the first. A short one says nothing of it.
fn expect_flat(of: &str, samples: &[(u64, u64)]) {
    if samples.len() < 20 {
        return;
    }
    let (first, second) = samples.split_at(samples.len() / 2);
    let most = |samples: &[(u64, u64)]| {
        let files = samples.iter().map(|sample| sample.0).max().unwrap_or_default();
        (files, samples.iter().map(|sample| sample.1).max().unwrap_or_default())
    };
    let (before, after) = (most(first), most(second));
    println!("{of}: {before:?} files and KiB in the first half, {after:?} in the second");
    // Connections come and go, a cache fills up to its bound, and so do those who want all memory there is.
    assert!(after.0 <= before.0 + 64, "{of}: {} open files, and {} before", after.0, before.0);
    assert!(after.1 <= before.1 * 3 / 2 + 131_072, "{of}: {} KiB, and {} before", after.1, before.1);
}

/// A few transfers among the accounts, and at times what somebody floods the chain with.
async fn mine(anvil: &Anvil, accounts: &[String], seeded: &mut Seeded) {
    // Half of the accounts lose to the others, so that there surely is something to be found.
    let (losers, winners) = accounts.split_at(accounts.len() / 2);
    for _ in 0..3 {
        let (from, to) = (seeded.below(losers.len() as u64) as usize, seeded.below(winners.len() as u64) as usize);
        let ether = 1 + u128::from(seeded.below(6));
        anvil.send(&losers[from], Some(&winners[to]), ether * ETHER, "0x").await.unwrap();
    }
    if seeded.below(4) == 0 {
        for code in [LOGS, NEST] {
            anvil.send(ATTACKER, None, 0, code).await.unwrap();
        }
    }
    anvil.mine().await.unwrap();
}

async fn soak(length: Duration, turn_lasts: Duration) {
    let Some(anvil) = Anvil::start(&["--balance", "10000000"]).await.unwrap() else { return skip_or_fail("anvil") };
    let (receiver, mut seeded) = (Receiver::start().await.unwrap(), Seeded::new());
    let accounts: Vec<String> = serde_json::from_value(anvil.rpc("eth_accounts", json!([])).await.unwrap()).unwrap();
    let liar = LyingProxy::start(anvil.url()).await.unwrap();
    let moody = ChaosProxy::start(anvil.url(), seeded.number(), Duration::from_secs(4)).await.unwrap();
    let calm = Side { endpoints: vec![anvil.url()], webhook: receiver.url("calm"), port: free_port().unwrap() };
    let endpoints = vec![liar.url(), moody.url(), anvil.url()];
    let beset = Side { endpoints, webhook: receiver.url("beset"), port: free_port().unwrap() };
    let (calm_folder, beset_folder) = (calm.make(&accounts), beset.make(&accounts));
    let mut alone = Host::start(calm_folder.path(), &[]).unwrap();
    let mut host = Host::start(beset_folder.path(), &[]).unwrap();
    alone.until_block(0).await.unwrap();
    host.until_block(0).await.unwrap();

    let (began, mut turn, mut kills) = (Instant::now(), 0, 0_u64);
    let (mut of_alone, mut of_host) = (Vec::new(), Vec::new());
    while began.elapsed() < length {
        turn += 1;
        beset.write(beset_folder.path(), &accounts, &hostile(&mut seeded, turn));
        liar.tell(LIES[seeded.below(LIES.len() as u64) as usize]);
        let (since, knocking) = (Instant::now(), knock(beset.port));
        // In the first turn, and in two of three after it.
        let kill_after = if turn == 1 { turn_lasts / 3 } else { turn_lasts * seeded.below(300) as u32 / 200 };
        let mut is_killed = false;
        while since.elapsed() < turn_lasts {
            mine(&anvil, &accounts, &mut seeded).await;
            tokio::time::sleep(Duration::from_millis(200 + seeded.below(600))).await;
            assert!(alone.is_running(), "{}", alone.log());
            assert!(host.is_running(), "{}", host.log());
            if !is_killed && since.elapsed() >= kill_after {
                of_host.extend(holds(host.pid()));
                host.kill();
                (is_killed, kills) = (true, kills + 1);
                host = Host::start(beset_folder.path(), &[]).unwrap();
            }
        }
        of_alone.extend(holds(alone.pid()));
        if !is_killed {
            of_host.extend(holds(host.pid()));
        }
        drop(knocking);
    }

    // Nobody is calmed: the honest node is there, and hostile detectors are, too.
    let height = anvil.height().await.unwrap();
    let until = Instant::now() + LONG;
    let is_honest = |detector: &str| detector == "outflow" || detector.starts_with("honest-");
    loop {
        let tips = [&calm_folder, &beset_folder].map(|folder| tip(folder.path(), CHAIN).map(|tip| tip.number));
        // A journal that is just being opened can't be read for a moment.
        let found = [&calm_folder, &beset_folder].map(|folder| findings(folder.path(), is_honest).unwrap_or_default());
        if tips == [Some(height); 2] && found[0] == found[1] && !found[0].is_empty() {
            println!("{height} blocks, {turn} turns, {kills} kills, {} findings of honest detectors", found[0].len());
            break;
        }
        assert!(
            Instant::now() < until,
            "of {height} blocks they are at {tips:?}\nmissing: {:#?}\nmore: {:#?}\n{}",
            found[0].difference(&found[1]).collect::<Vec<_>>(),
            found[1].difference(&found[0]).collect::<Vec<_>>(),
            host.log().lines().rev().take(40).collect::<Vec<_>>().join("\n")
        );
        assert!(host.is_running(), "{}", host.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for (name, folder) in [("calm", &calm_folder), ("beset", &beset_folder)] {
        loop {
            let due = pages(folder.path(), "drain").unwrap_or_default();
            let came: BTreeSet<String> = receiver.ids(name).into_iter().collect();
            let lost: Vec<&String> = due.keys().filter(|key| !came.contains(*key)).collect();
            if lost.is_empty() && !due.is_empty() {
                let incidents: BTreeSet<&u64> = due.values().collect();
                println!("{name}: {} pages of {} incidents came", due.len(), incidents.len());
                break;
            }
            assert!(Instant::now() < until, "{name}: of {} pages these did not come: {lost:?}", due.len());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let incidents = |folder: &tempfile::TempDir| {
        pages(folder.path(), "drain").unwrap().into_values().collect::<BTreeSet<u64>>().len()
    };
    assert_eq!(incidents(&calm_folder), incidents(&beset_folder), "somebody is paged for each of them on both");
    println!("the misbehaving node: {:?}; the liar told {} lies", moody.deeds(), liar.lies());
    expect_flat("the host that is left alone", &of_alone);
    expect_flat("the other", &of_host);
    for host in [alone, host] {
        assert_eq!(host.stop().unwrap().1, Some(0));
    }
    expect_sound(calm_folder.path()).unwrap();
    expect_sound(beset_folder.path()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_detectors_nodes_and_strangers_cost_no_honest_finding_and_no_page() {
    soak(Duration::from_secs(10), Duration::from_secs(5)).await;
}

/// Two hours of the same, or `WATCHFIRE_SOAK_S` seconds: `cargo xtask soak everything`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes two hours"]
async fn two_hours_of_everything_at_once() {
    let given = std::env::var("WATCHFIRE_SOAK_S").ok().and_then(|text| text.parse().ok());
    soak(Duration::from_secs(given.unwrap_or(7_200)), Duration::from_secs(20)).await;
}
