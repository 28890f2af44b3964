//! `director`: parses the command line and starts, nothing else.

fn main() -> std::process::ExitCode {
    director_service::cli::main()
}
