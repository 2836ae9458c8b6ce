//! Threads that run guests: as many as there are cores, and one more for each that a slow guest holds up, so that a
//! slow one slows nobody. Whoever waits for all jobs anyway does some of them itself.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most threads beyond one for each core; past that, slow guests wait for each other.
const HELD_UP_AT_MOST: usize = 256;

type Work = Box<dyn FnOnce() + Send>;

/// The threads.
pub(super) struct Crew {
    shared: Arc<Shared>,
}

/// One job, for whoever waits for it.
pub(super) struct Ticket {
    shared: Arc<Shared>,
    stage: Arc<Mutex<Stage>>,
}

#[derive(Clone, Copy)]
enum Stage {
    Waiting,
    Running { since: Instant, thread: Number, is_held_up: bool },
    Done,
}

struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    /// Threads that are to be free of slow guests.
    size: usize,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(Work, Arc<Mutex<Stage>>)>,
    threads: usize,
    held_up: usize,
    closed: bool,
}

impl Crew {
    /// Makes a crew without threads: they are started when there is work for them.
    pub(super) fn new() -> Self {
        let size = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        Self { shared: Arc::new(Shared { queue: Mutex::default(), work: Condvar::new(), size }) }
    }

    /// Queues a job. Some thread does it, in the order in which jobs come, once threads are called for it.
    pub(super) fn submit(&self, work: Work) -> Ticket {
        let stage = Arc::new(Mutex::new(Stage::Waiting));
        self.shared.lock().jobs.push_back((work, stage.clone()));
        Ticket { shared: self.shared.clone(), stage }
    }

    /// Calls threads for so many jobs. Returns whether there is any thread at all.
    pub(super) fn call(&self, jobs: usize) -> bool {
        let mut queue = self.shared.lock();
        for _ in 0..jobs.min(self.shared.size) {
            let wants_thread = queue.threads - queue.held_up < self.shared.size && queue.held_up <= HELD_UP_AT_MOST;
            if wants_thread && self.shared.start(&mut queue).is_err() {
                break;
            }
            self.shared.work.notify_one();
        }
        queue.threads > 0
    }

    /// Does jobs on this thread until none is queued.
    pub(super) fn help(&self) {
        loop {
            let next = self.shared.lock().jobs.pop_front();
            let Some((work, stage)) = next else { return };
            work();
            *lock(&stage) = Stage::Done;
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl Ticket {
    /// Whether the job has run for so long. Another thread then takes the place of the one that it holds up.
    pub(super) fn is_slow(&self, patience: Duration) -> bool {
        // In this order everywhere: the queue, then a stage.
        let mut queue = self.shared.lock();
        let mut stage = lock(&self.stage);
        match *stage {
            Stage::Running { since, thread, is_held_up: false } if since.elapsed() >= patience => {
                *stage = Stage::Running { since, thread, is_held_up: true };
                queue.held_up += 1;
                go_last(thread);
                if queue.threads - queue.held_up < self.shared.size && queue.held_up <= HELD_UP_AT_MOST {
                    // Without another thread it is slower, and nothing is lost.
                    let _ = self.shared.start(&mut queue);
                }
                true
            }
            Stage::Running { is_held_up, .. } => is_held_up,
            Stage::Waiting | Stage::Done => false,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn start(self: &Arc<Self>, queue: &mut Queue) -> std::io::Result<()> {
        let shared = self.clone();
        std::thread::Builder::new().name("detectors".into()).spawn(move || shared.run())?;
        queue.threads += 1;
        Ok(())
    }

    fn run(self: &Arc<Self>) {
        let thread = number();
        let mut queue = self.lock();
        loop {
            if queue.closed || queue.threads - queue.held_up > self.size {
                queue.threads -= 1;
                return;
            }
            let Some((work, stage)) = queue.jobs.pop_front() else {
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            *lock(&stage) = Stage::Running { since: Instant::now(), thread, is_held_up: false };
            drop(queue);
            work();
            queue = self.lock();
            let before = std::mem::replace(&mut *lock(&stage), Stage::Done);
            if matches!(before, Stage::Running { is_held_up: true, .. }) {
                // It would run the next guest behind all others: another one takes its place.
                queue.held_up -= 1;
                queue.threads -= 1;
                let is_short = queue.threads - queue.held_up < self.size && !queue.jobs.is_empty();
                if is_short && !queue.closed && self.start(&mut queue).is_err() && queue.threads == 0 {
                    // Better late than never.
                    queue.threads += 1;
                    continue;
                }
                return;
            }
        }
    }
}

/// A thread, as the system knows it.
#[cfg(target_os = "linux")]
type Number = rustix::process::Pid;
#[cfg(not(target_os = "linux"))]
type Number = ();

#[cfg(target_os = "linux")]
fn number() -> Number {
    rustix::thread::gettid()
}

#[cfg(not(target_os = "linux"))]
fn number() -> Number {}

/// How far behind others a thread goes that a guest holds up.
#[cfg(target_os = "linux")]
const LAST: i32 = 10;

/// Lets whoever is waited for go before a thread that a slow guest holds up. A thread can't be put back by its own user.
#[cfg(target_os = "linux")]
fn go_last(thread: Number) {
    // Without it slow guests take as much as quick ones, and nothing is lost.
    let _ = rustix::process::setpriority_process(Some(thread), LAST);
}

#[cfg(not(target_os = "linux"))]
fn go_last((): Number) {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn those_that_are_held_up_are_replaced_and_then_sent_home() {
        let crew = Crew::new();
        let size = crew.shared.size;
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let slow: Vec<Ticket> = (0..3 * size)
            .map(|_| {
                let held = held.clone();
                crew.submit(Box::new(move || held.lock().unwrap().recv().unwrap_or_default()))
            })
            .collect();
        let (done, quick) = mpsc::channel();
        crew.submit(Box::new(move || done.send(()).unwrap()));
        (0..=3 * size).for_each(|_| assert!(crew.call(1)));
        let started = Instant::now();
        while quick.recv_timeout(Duration::from_millis(1)).is_err() {
            slow.iter().for_each(|ticket| _ = ticket.is_slow(Duration::from_millis(2)));
            assert!(started.elapsed() < Duration::from_secs(20), "the quick job never ran");
        }
        drop(release);
        while { crew.shared.lock().threads } != size {
            std::thread::sleep(Duration::from_millis(1));
            crew.shared.work.notify_all();
            assert!(started.elapsed() < Duration::from_secs(20), "nobody went home");
        }
        assert_eq!(crew.shared.lock().held_up, 0);
    }

    #[test]
    fn whoever_waits_for_all_does_the_jobs_itself() {
        let crew = Crew::new();
        let (done, came) = mpsc::channel();
        for job in 0..8 {
            let done = done.clone();
            crew.submit(Box::new(move || done.send((job, std::thread::current().id())).unwrap()));
        }
        crew.help();
        let here = std::thread::current().id();
        assert_eq!(came.try_iter().collect::<Vec<_>>(), (0..8).map(|job| (job, here)).collect::<Vec<_>>());
        assert_eq!(crew.shared.lock().threads, 0, "no thread was called");
    }
}
