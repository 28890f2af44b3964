//! What can be wrong with the use of each command, and what is said then.

/// What is typed, and what the line must have in it: cause and remedy.
pub(super) type Case = (&'static str, &'static [&'static str]);

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A file that is not there.
    Missing,
    /// A file with something else in it than a key, a proof, a configuration.
    Bad,
    /// A file that may not be read or written, or that others may read.
    Permission,
    /// An address, or a port that somebody has.
    Address,
    /// A node or a director that does not answer.
    Away,
    /// Something else.
    Other,
}

use Wrong::{Address, Away, Bad, Missing, Other, Permission};

/// Each command, and what can be wrong with its use. A command that is not here, or that has no row in [`TABLE`] for something
/// that is, fails the test.
///
/// Two things need a chain, and are not of this table:
///
/// * *The wrong chain*, of all commands that ask a node: `newcomers_register_by_command`, `validators_speak_any_language`.
/// * *No peers* ends nobody: `run` and `validator run` wait for them, log it, and `status` has exit status 3 and the reason.
///   The same two tests see it.
pub(super) const COMMANDS: &[(&str, &[Wrong])] = &[
    ("run", &[Missing, Bad, Permission, Address]),
    ("config init", &[Missing, Permission, Other]),
    ("config check", &[Missing, Bad, Permission, Other]),
    ("config show", &[Missing, Bad, Other]),
    ("keys generate", &[Permission, Other]),
    ("keys inspect", &[Missing, Bad, Permission]),
    ("status", &[Missing, Bad, Address, Away]),
    ("validators", &[Missing, Bad, Away]),
    ("evidence list", &[Missing, Away]),
    ("evidence show", &[Missing, Away]),
    ("evidence export", &[Missing, Permission, Away]),
    ("evidence submit", &[Missing, Bad, Permission, Away]),
    ("register", &[Missing, Bad, Permission, Address, Away]),
    ("rotate-key", &[Missing, Bad, Permission, Away]),
    ("revoke", &[Missing, Bad, Permission, Away]),
    ("drain", &[Missing, Bad, Permission, Away]),
    ("store check", &[Missing, Bad, Permission]),
    ("store compact", &[Missing, Bad, Permission]),
    ("validator register", &[Missing, Bad, Permission, Away, Other]),
    ("validator rotate-key", &[Missing, Bad, Permission, Away]),
    ("validator status", &[Missing, Bad, Permission, Address, Away, Other]),
    ("validator run", &[Missing, Bad, Permission, Address, Other]),
    ("validator protection export", &[Missing, Bad, Permission]),
    ("validator protection import", &[Missing, Bad, Permission]),
    ("completions", &[]),
];

/// What makes a configuration that is not there.
const INIT: &str = "`director config init --config nowhere.toml`";

/// `NODE` is an address at which nobody listens, `TAKEN` a port that somebody has; `RUN`, `STAKE` and `ADDRESSES` are what a
/// sidecar, a registration and a director's record need beside what is wrong. `missing.toml`, `badpeer.toml` and the like are
/// a good configuration but for what they are called.
pub(super) const TABLE: &[(Wrong, &[Case])] = &[
    (Missing, MISSING),
    (Bad, BAD),
    (Permission, PERMISSION),
    (Address, ADDRESS),
    (Away, AWAY),
    (Other, OTHER),
];

const MISSING: &[Case] = &[
    ("run --config nowhere.toml", &["nowhere.toml", INIT]),
    ("run --config missing.toml", &["nowhere.key", "director keys generate"]),
    ("status --config nowhere.toml", &["nowhere.toml", INIT]),
    ("drain --config nowhere.toml", &["nowhere.toml", INIT]),
    ("revoke --config nowhere.toml --validator ALICE", &["nowhere.toml", INIT]),
    ("validators --config nowhere.toml", &["nowhere.toml", INIT]),
    ("store check --config nowhere.toml", &["nowhere.toml", INIT]),
    ("store compact --config nowhere.toml", &["nowhere.toml", INIT]),
    ("store check --config director.toml", &["there is no store", "director.redb", "data_dir"]),
    ("store compact --config director.toml", &["there is no store", "director.redb", "data_dir"]),
    ("config show --config nowhere.toml", &["nowhere.toml", INIT]),
    ("config show --validator --config nowhere.toml", &["nowhere.toml", "config init --validator"]),
    ("config check --config nowhere.toml", &["nowhere.toml", INIT]),
    ("config check --config missing.toml", &["nowhere.key", "director keys generate"]),
    ("config check --validator --config notoken.toml", &["nowhere.token", "openssl rand"]),
    ("config check --validator --config nofolder.toml", &["no folder", "keys.protection"]),
    ("config init --config nofolder/d.toml", &["there is no folder", "make the folder first"]),
    ("register --config nowhere.toml ADDRESSES", &["nowhere.toml", INIT]),
    ("register --config missing.toml ADDRESSES", &["nowhere.key", "director keys generate"]),
    ("rotate-key --config nowhere.toml", &["nowhere.toml", INIT]),
    ("rotate-key --config missing.toml", &["nowhere.key", "director keys generate"]),
    ("validator register STAKE --account nowhere.key", &["nowhere.key", "director keys generate"]),
    ("validator register STAKE --checkpoint nowhere.key", &["nowhere.key", "keys generate"]),
    (
        "validator rotate-key --url NODE --account nowhere.key --peer p",
        &["nowhere.key", "generate"],
    ),
    ("validator status --url NODE --account nowhere.key", &["nowhere.key", "keys generate"]),
    ("validator run --config nowhere.toml", &["nowhere.toml", "config init --validator"]),
    ("keys inspect --peer nowhere.key", &["nowhere.key", "director keys generate"]),
    ("keys inspect --account nowhere.key", &["nowhere.key", "director keys generate"]),
    ("keys inspect --config nowhere.toml", &["nowhere.toml", INIT]),
    ("validator run RUN --protection good --peer nowhere.key", &["nowhere.key", "keys generate"]),
    ("validator run RUN --protection nowhere", &["nowhere", "--new-protection-file"]),
    ("validator run RUN --protection nofolder/p", &["no folder /", "nofolder", "keys.protection"]),
    ("validator run --config notoken.toml", &["nowhere.token", "openssl rand"]),
    ("validator protection export --protection nowhere", &["nowhere", "--new-protection-file"]),
    ("validator protection import --protection p --from nowhere", &["nowhere", "export"]),
    ("evidence list --config nowhere.toml", &["nowhere.toml", INIT]),
    ("evidence show --config nowhere.toml ab", &["nowhere.toml", INIT]),
    ("evidence submit --url NODE --account good.account nowhere", &["nowhere", "proof"]),
    ("evidence submit --url NODE --account nowhere.key good", &["nowhere.key", "keys generate"]),
    ("evidence export --config nowhere.toml", &["nowhere.toml", INIT]),
    ("evidence export --store nowhere", &["there is no store", "nowhere", "data_dir"]),
];

const BAD: &[Case] = &[
    ("run --config bad.toml", &["bad.toml, line 1", "config init --config"]),
    ("run --config badpeer.toml", &["bad.key", "64 hexadecimal digits"]),
    ("run --config badaccount.toml", &["bad.key", "secret URI", "mnemonic"]),
    ("status --config bad.toml", &["bad.toml, line 1", "config init --config"]),
    ("validators --config bad.toml", &["bad.toml, line 1", "config init --config"]),
    ("drain --config bad.toml", &["bad.toml, line 1", "config init --config"]),
    ("revoke --config bad.toml --validator ALICE", &["bad.toml, line 1", "config init --config"]),
    ("validator run --config bad.toml", &["bad.toml", "config init --validator"]),
    ("config check --config unknown.toml", &["colour", "config init --config"]),
    ("config check --config badpeer.toml", &["bad.key", "64 hexadecimal digits"]),
    ("config check --config badaccount.toml", &["bad.key", "secret URI", "mnemonic"]),
    ("config check --config nodata.toml", &["data_dir", "good.key/data", "set it to a folder"]),
    ("run --config nodata.toml", &["data_dir", "good.key/data"]),
    ("config check --validator --config emptytoken.toml", &["is empty", "openssl rand"]),
    ("config check --validator --config onekey.toml", &["keys.checkpoint are the same key"]),
    ("config check --validator --config badfile.toml", &["damaged in line 1", "backup"]),
    ("register --config badpeer.toml ADDRESSES", &["bad.key", "64 hexadecimal digits"]),
    ("register --config badaccount.toml ADDRESSES", &["bad.key", "secret URI", "mnemonic"]),
    ("rotate-key --config badaccount.toml", &["bad.key", "secret URI", "mnemonic"]),
    ("store check --config badstore.toml", &["director.redb", "no director's store", "backup"]),
    ("store compact --config badstore.toml", &["director.redb", "no director's store", "backup"]),
    ("keys inspect --peer bad.key", &["bad.key", "64 hexadecimal digits"]),
    ("keys inspect --account bad.key", &["bad.key", "secret URI", "mnemonic"]),
    ("keys inspect --peer data", &["data", "is a folder", "name the file"]),
    ("config show --config unknown.toml", &["colour", "config init --config"]),
    ("validator register STAKE --account bad.key", &["bad.key", "secret URI", "mnemonic"]),
    ("validator register STAKE --peer bad.key", &["bad.key", "64 hexadecimal digits"]),
    (
        "validator rotate-key --url NODE --account bad.key --peer p",
        &["bad.key", "secret URI", "mnemonic"],
    ),
    ("validator status --url NODE --account bad.key", &["bad.key", "secret URI", "mnemonic"]),
    ("validator run RUN --protection good --checkpoint bad.key", &["bad.key", "64 hexadecimal"]),
    ("validator run RUN --protection good --checkpoint good.key", &["are the same key"]),
    ("validator run RUN --protection good", &["good is damaged in line 1", "backup"]),
    ("validator run --config emptytoken.toml", &["is empty", "openssl rand"]),
    ("validator protection export --protection bad.key", &["damaged in line 1", "backup"]),
    ("validator protection import --protection p --from bad.key", &["bad.key", "export"]),
    ("evidence submit --url NODE --account good.account bad.key", &["no proof", "SCALE"]),
    ("evidence submit --url NODE --account bad.key good", &["bad.key", "secret URI", "mnemonic"]),
];

const PERMISSION: &[Case] = &[
    ("run --config open.toml", &["open.key", "0644", "chmod 600"]),
    ("run --config closed.toml", &["no permission", "closed", "owner"]),
    ("config check --config open.toml", &["open.key", "0644", "chmod 600"]),
    ("config check --config closed.toml", &["data_dir", "no permission", "closed"]),
    ("config check --config proc.toml", &["data_dir", "/proc/director"]),
    ("run --config proc.toml", &["/proc/director"]),
    ("config check --validator --config opentoken.toml", &["open.token", "chmod 600"]),
    ("config check --validator --config closedfile.toml", &["closed.key", "permission denied"]),
    ("register --config open.toml ADDRESSES", &["open.key", "0644", "chmod 600"]),
    ("rotate-key --config open.toml", &["open.key", "0644", "chmod 600"]),
    ("keys inspect --peer open.key", &["0644", "chmod 600"]),
    ("keys inspect --peer closed.key", &["closed.key", "permission denied", "its mode is 0000"]),
    ("validator register STAKE --account open.key", &["open.key", "0644", "chmod 600"]),
    (
        "validator rotate-key --url NODE --account open.key --peer p",
        &["open.key", "0644", "chmod 600"],
    ),
    ("validator status --url NODE --account open.key", &["open.key", "0644", "chmod 600"]),
    ("validator run RUN --protection good --peer open.key", &["0644", "chmod 600"]),
    ("validator run RUN --protection closed.key", &["closed.key", "permission denied", "user"]),
    ("validator run --config opentoken.toml", &["open.token", "chmod 600"]),
    ("validator protection export --protection closed.key", &["closed.key", "ermission"]),
    ("validator protection import --protection p --from closed.key", &["closed.key", "ermission"]),
    ("evidence submit --url NODE --account open.key good", &["open.key", "0644", "chmod 600"]),
    ("evidence export --store closed", &["no permission", "closed", "owner"]),
    ("store check --config closed.toml", &["no permission", "closed", "owner"]),
    ("store compact --config closed.toml", &["no permission", "closed", "owner"]),
    ("drain --config closed.toml", &["control.sock", "as the user that the director runs as"]),
    (
        "revoke --config closed.toml --validator ALICE",
        &["control.sock", "as the user that the director runs as"],
    ),
    ("keys generate --peer good.key", &["good.key", "not overwritten", "move it away"]),
    ("keys generate --peer /proc/peer.key", &["/proc/peer.key", "check the path"]),
    ("config init --config bad.toml", &["bad.toml", "not there yet"]),
    ("config init --config /proc/director.toml", &["/proc/director.toml", "name a file"]),
];

const ADDRESS: &[Case] = &[
    ("run --config takenmesh.toml", &["mesh.listen", "choose another"]),
    ("run --config takenpublic.toml", &["public.listen", "choose another"]),
    ("run --config takenhttp.toml", &["http.listen", "choose another"]),
    ("register --config director.toml ADDRESSES --public /ip4/0.0.0.0/tcp/1", &["nobody reaches"]),
    ("register --config director.toml ADDRESSES --mesh /ip4/10.0.0.1/tcp/0", &["give the address"]),
    ("validator run RUN --protection good --listen TAKEN", &["interface.listen", "choose another"]),
    ("validator run RUN --protection good --listen 0.0.0.0:0", &["loopback", "allow_remote"]),
    ("validator run RUN --protection good --url http://node", &["ws://", "chain.url"]),
    ("validator status --url http://node --account good.account", &["http://node", "ws://"]),
    ("status --config director.toml", &["port 0", "--http"]),
];

const AWAY: &[Case] = &[
    ("status --http 127.0.0.1:1", &["no director answers at 127.0.0.1:1", "check that it runs"]),
    ("evidence list --http 127.0.0.1:1", &["no director answers", "check that it runs"]),
    ("evidence show --http 127.0.0.1:1 ab", &["no director answers", "check that it runs"]),
    ("evidence export --http 127.0.0.1:1 ab", &["no director answers", "check that it runs"]),
    ("evidence export --config director.toml", &["no director answers", "director.redb"]),
    (
        "evidence submit --url NODE --account good.account good.proof",
        &["no answer of ws://", "check that the node runs"],
    ),
    ("drain --config director.toml", &["no director listens", "check that it runs"]),
    ("revoke --config director.toml --validator ALICE", &["no director listens", "check that it"]),
    ("validator status --url NODE --account good.account", &["no answer of ws://", "check that"]),
    (
        "register --config director.toml ADDRESSES",
        &["no answer of ws://", "check that the node runs"],
    ),
    (
        // An address of the mesh at which anybody may knock is told to those whom the node lets register.
        "register --config director.toml ADDRESSES --mesh /ip4/203.0.113.7/tcp/1",
        &["no answer of ws://", "check that the node runs"],
    ),
    ("rotate-key --config director.toml", &["no answer of ws://", "check that the node runs"]),
    ("validator register STAKE", &["no answer of ws://", "check that the node runs"]),
    ("validator rotate-key --url NODE --account good.account --peer good.key", &["no answer of"]),
    ("validators --config director.toml", &["no answer of ws://", "check that the node runs"]),
];

const OTHER: &[Case] = &[
    ("keys generate", &["--peer FILE"]),
    ("keys generate --account a --words 13", &["12 or 24"]),
    ("config show", &["--config FILE", "DIRECTOR_CONFIG"]),
    ("config check --validator", &["--config FILE", "DIRECTOR_VALIDATOR_CONFIG"]),
    ("config init", &["--config FILE", "DIRECTOR_CONFIG"]),
    ("validator run RUN0 --protection good", &["--pipe", "--listen"]),
    ("validator run", &["chain.url", "--url URL"]),
    ("validator run --url NODE --peer good.key", &["keys.protection", "--protection FILE"]),
    ("validator run --url NODE --protection good", &["keys.peer", "--peer FILE"]),
    ("validator run --config nourl.toml", &["chain.url is not set", "nourl.toml"]),
    ("validator status --url NODE", &["--validator ACCOUNT", "--account FILE"]),
    ("validator register STAKE --checkpoint good.key", &["are the same key", "each needs its own"]),
];
