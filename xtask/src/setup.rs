//! Finds or brings what a build needs and a bare machine does not have.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The target of the runtime.
pub(crate) const WASM_TARGET: &str = "wasm32v1-none";

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    match xtask.parent() {
        Some(root) => root.to_path_buf(),
        None => xtask,
    }
}

/// Where cargo builds: where this very program was built, so that every way of telling cargo counts
/// (CARGO_TARGET_DIR, relative or not, or a configuration file).
///
/// # Errors
///
/// If this program was copied out of `TARGET/debug`.
pub(crate) fn target_dir() -> Result<PathBuf, String> {
    let executable = env::current_exe()
        .and_then(|path| path.canonicalize())
        .map_err(|error| format!("cannot find this executable: {error}"))?;
    match executable.parent() {
        Some(debug) if debug.ends_with("debug") => {
            Ok(debug.parent().unwrap_or(Path::new("/")).to_path_buf())
        }
        _ => Err("run this as `cargo xtask`, it asks cargo for its folders".into()),
    }
}

/// A `protoc`: PROTOC if that is set, or else the one that comes as a crate.
///
/// # Errors
///
/// If there is none for this machine.
pub(crate) fn protoc() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os("PROTOC") {
        return Ok(path.into());
    }
    protoc_bin_vendored::protoc_bin_path().map_err(|error| {
        format!(
            "no protoc comes along for this machine ({error}); install one and set PROTOC to it"
        )
    })
}

/// Prints what plain cargo commands need, in the words of a shell.
///
/// # Errors
///
/// If there is no protoc.
pub(crate) fn print_environment() -> Result<(), String> {
    println!("export PROTOC='{}'", protoc()?.display());
    Ok(())
}

/// Makes sure that the programs are there with which the C libraries below the node (OpenSSL, from
/// source) are built.
///
/// # Errors
///
/// Names the first one that is missing.
pub(crate) fn native_tools() -> Result<(), String> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let compiler = compiler.to_string_lossy();
    for tool in [&*compiler, "make", "perl"] {
        let found = Command::new(tool)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if found.is_err() {
            return Err(format!(
                "`{tool}` is missing, and C libraries below the node are built with it: install your \
                 distribution's packages for a C compiler, make and perl (Debian: build-essential perl)"
            ));
        }
    }
    Ok(())
}

/// Makes sure that the standard library for the runtime's target is there.
///
/// # Errors
///
/// If it is not and cannot be added.
pub(crate) fn wasm_target() -> Result<(), String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let has_target = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .output()
        .is_ok_and(|output| {
            let directory = String::from_utf8_lossy(&output.stdout);
            output.status.success() && Path::new(directory.trim()).is_dir()
        });
    if has_target {
        return Ok(());
    }
    eprintln!("      adding the Rust target {WASM_TARGET} (about 10 MB)");
    let added = Command::new("rustup")
        .args(["target", "add", WASM_TARGET])
        .stdout(std::io::stderr())
        .status();
    match added {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!(
            "rustup could not add the target {WASM_TARGET} (its reason is above); when that is \
             mended, run `rustup target add {WASM_TARGET}` and this again"
        )),
        Err(_) => Err(format!(
            "the Rust target {WASM_TARGET} is missing and so is rustup to add it: install Rust \
             with rustup (https://rustup.rs), or add your distribution's package for that target"
        )),
    }
}
