use super::*;
use clap::CommandFactory;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_teaches_with_an_example() {
    let mut command = Cli::command();
    assert!(command.render_long_help().to_string().contains("director keys generate"));
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        let help = sub.render_long_help().to_string();
        let name = sub.get_name();
        assert!(help.contains("director ") || help.contains("listening "), "{name} has no example");
    }
}
