//! Keeps what this process knows from being written somewhere or read by others.
//!
//! A core dump has every secret in it, in a file that nobody looks after, or in the hands of whatever the
//! system pipes it to. A process that cannot be dumped cannot be attached to by others of the same user
//! either, and its memory in `/proc` is root's alone.

/// Allows no core dump of this process, and lets nobody but root look into it. What the system refuses is
/// said on stderr, and no reason not to go on.
#[cfg(target_os = "linux")]
pub(super) fn harden() {
    use std::io::{Write, stderr};

    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let steps = [
        ("switch core dumps off", setrlimit(Resource::Core, none)),
        ("shut others out", set_dumpable_behavior(DumpableBehavior::NotDumpable)),
    ];
    for (what, done) in steps {
        if let Err(error) = done {
            let _ = writeln!(stderr(), "director: cannot {what} ({error}); going on without");
        }
    }
}

/// Elsewhere that is up to who starts it.
#[cfg(not(target_os = "linux"))]
pub(super) fn harden() {}
