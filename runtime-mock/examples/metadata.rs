//! Writes the runtime's metadata to stdout: `cargo xtask metadata` puts it where the director is
//! compiled against it.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(&runtime_mock::metadata_v16())
}
