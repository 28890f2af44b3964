//! Shows on standard error that a command is at work, and how far it is: on a terminal a line that is redrawn, elsewhere one
//! plain line for each thing that begins. Standard output is for what comes of it.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// From one picture to the next.
const FRAME: Duration = Duration::from_millis(100);

/// What turns while nobody knows how long it takes.
const TURNING: [char; 4] = ['|', '/', '-', '\\'];

/// Length of a bar.
const BAR: usize = 24;

/// Takes the line away.
const CLEAR: &str = "\r\u{1b}[2K";

/// How much is done, of how much.
type Done = Arc<Mutex<Option<(u64, u64)>>>;

/// A thing that takes its time. It has ended when this is dropped.
pub(super) struct Progress {
    done: Done,
    drawing: Option<Drawing>,
}

/// The thread that redraws, which ends when the channel is gone.
struct Drawing {
    stop: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Says that it begins.
    pub(super) fn begin(what: impl Into<String>) -> Self {
        Self::shown(what.into(), is_for_terminals(), stderr())
    }

    fn shown(what: String, redraws: bool, mut out: impl Write + Send + 'static) -> Self {
        let done = Done::default();
        if !redraws {
            // A reader that has gone is no reason to stop.
            let _ = writeln!(out, "{what} …");
            return Self { done, drawing: None };
        }
        let (stop, stopped) = mpsc::sync_channel::<()>(1);
        let known = done.clone();
        let thread = std::thread::Builder::new().name("progress".into()).spawn(move || {
            let begun = Instant::now();
            for turn in 0.. {
                let line = line(&what, *lock(&known), begun.elapsed(), turn);
                let _ = write!(out, "{CLEAR}{line}").and_then(|()| out.flush());
                let waited = stopped.recv_timeout(FRAME);
                if waited != Err(mpsc::RecvTimeoutError::Timeout) {
                    break;
                }
            }
            let _ = write!(out, "{CLEAR}").and_then(|()| out.flush());
        });
        // Without a thread nothing is shown; the work does not depend on it.
        Self { done, drawing: Some(Drawing { stop: Some(stop), thread: thread.ok() }) }
    }

    /// So much is done of so much.
    pub(super) fn so_far(&self, done: u64, total: u64) {
        *lock(&self.done) = Some((done, total));
    }

    /// Whether a line is redrawn: then what else is said stands in its way.
    pub(super) fn redraws(&self) -> bool {
        self.drawing.is_some()
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        drop(self.stop.take());
        // It has nothing to say for itself.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn is_for_terminals() -> bool {
    stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn line(what: &str, done: Option<(u64, u64)>, elapsed: Duration, turn: usize) -> String {
    let seconds = elapsed.as_secs();
    match done {
        Some((done, total)) if total > 0 => {
            let done = done.min(total);
            let part = done as f64 / total as f64;
            let full = (part * BAR as f64) as usize;
            let bar = format!("{}{}", "#".repeat(full), "-".repeat(BAR - full));
            format!("{what} [{bar}] {:3.0} %, {seconds} s", part * 100.0)
        }
        _ => format!("{} {what}, {seconds} s", TURNING[turn % TURNING.len()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, for whoever has a clone.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            lock(&self.0).extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8_lossy(&lock(&self.0)).into_owned()
        }
    }

    #[test]
    fn a_bar_is_as_long_as_the_part_that_is_done() {
        let at = |done| line("reading", done, Duration::from_secs(7), 1);
        assert_eq!(at(None), "/ reading, 7 s");
        assert_eq!(at(Some((0, 0))), "/ reading, 7 s");
        assert_eq!(at(Some((0, 8))), format!("reading [{}]   0 %, 7 s", "-".repeat(24)));
        let half = format!("reading [{}{}]  50 %, 7 s", "#".repeat(12), "-".repeat(12));
        assert_eq!(at(Some((4, 8))), half);
        assert_eq!(at(Some((9, 8))), format!("reading [{}] 100 %, 7 s", "#".repeat(24)));
    }

    #[test]
    fn where_nothing_is_redrawn_there_is_one_plain_line() {
        let paper = Paper::default();
        let progress = Progress::shown("waiting".into(), false, paper.clone());
        progress.so_far(1, 2);
        assert!(!progress.redraws());
        drop(progress);
        assert_eq!(paper.text(), "waiting …\n");
    }

    #[test]
    fn a_line_that_is_redrawn_is_gone_at_the_end() {
        let paper = Paper::default();
        let progress = Progress::shown("waiting".into(), true, paper.clone());
        assert!(progress.redraws());
        drop(progress);
        let text = paper.text();
        assert!(text.starts_with(&format!("{CLEAR}| waiting, 0 s")), "{text:?}");
        assert!(text.ends_with(CLEAR) && !text.contains('\n'), "{text:?}");
    }
}
