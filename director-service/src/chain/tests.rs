#![allow(clippy::unwrap_used)]

use super::{compatibility, *};
use codec::Decode;
use std::net::TcpListener;
use subxt::{
    Metadata,
    ext::frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed, v16::RuntimeMetadataV16},
};
use tokio::time::timeout;

/// The interface that this program was built for, changed.
fn changed(change: impl FnOnce(&mut RuntimeMetadataV16)) -> Metadata {
    let prefixed = RuntimeMetadataPrefixed::decode(&mut &*interface::METADATA).unwrap();
    let RuntimeMetadata::V16(mut metadata) = prefixed.1 else { panic!("not version 16") };
    change(&mut metadata);
    Metadata::from_v16(metadata).unwrap()
}

fn incompatible(compared: Result<(), ChainError>) -> String {
    let error = compared.unwrap_err();
    assert!(matches!(error, ChainError::Incompatible(_)) && !error.is_temporary());
    let line = error.to_string();
    assert!(line.contains("another runtime interface") && !line.contains('\n'), "{line}");
    assert!(line.contains("update the director"), "{line}");
    line
}

fn compare(theirs: &Metadata) -> Result<(), ChainError> {
    compatibility::following(theirs).and(compatibility::items(theirs))
}

#[test]
fn the_same_interface_is_accepted() {
    compare(&changed(|_| {})).unwrap();
}

#[test]
fn changes_elsewhere_are_accepted() {
    compare(&changed(|metadata| metadata.pallets.retain(|pallet| pallet.name != "Sudo"))).unwrap();
}

#[test]
fn a_runtime_without_a_pallet_can_be_followed_and_is_not_submitted_to() {
    let theirs = changed(|metadata| {
        metadata.pallets.retain(|pallet| pallet.name != "SlashingEvidence");
    });
    compatibility::following(&theirs).unwrap();
    let line = incompatible(compatibility::items(&theirs));
    assert!(line.contains("SlashingEvidence.report_double_sign is missing"), "{line}");
    assert!(!line.contains("DirectorRegistry"), "{line}");
}

#[test]
fn a_runtime_api_that_differs_is_refused_by_name() {
    let theirs = changed(|metadata| {
        let api = metadata.apis.iter_mut().find(|api| api.name == "DirectorApi").unwrap();
        let method = api.methods.iter_mut().find(|method| method.name == "validators").unwrap();
        method.inputs.pop();
        api.methods.retain(|method| method.name != "check_evidence");
    });
    let line = incompatible(compatibility::following(&theirs));
    assert!(line.contains("DirectorApi.validators differs"), "{line}");
    let line = incompatible(compatibility::items(&theirs));
    assert!(line.contains("DirectorApi.check_evidence is missing"), "{line}");
}

#[tokio::test]
async fn an_interface_of_long_ago_is_no_reason_to_update_the_director() {
    let differs = || Err::<(), _>(ChainError::Incompatible("DirectorApi.domain is missing".into()));
    let behind = session::unless_behind(differs(), async { false }).await.unwrap_err();
    assert!(behind.is_temporary(), "{behind}");
    let line = behind.to_string();
    assert!(line.contains("syncing") && line.contains("DirectorApi.domain"), "{line}");
    assert!(!line.contains("update the director"), "{line}");
    assert_eq!(session::unless_behind(differs(), async { true }).await, differs());
}

#[test]
fn addresses_of_nodes_are_checked() {
    for good in ["ws://127.0.0.1:9944", "ws://localhost:1", "ws://[::1]:1", "wss://node.example"] {
        check_url(good, false).unwrap();
    }
    for bad in ["", "127.0.0.1:9944", "http://127.0.0.1:9944", "ws://"] {
        check_url(bad, true).unwrap_err();
    }
    let insecure = "ws://192.0.2.1:9944";
    check_url(insecure, true).unwrap();
    let line = check_url(insecure, false).unwrap_err().to_string();
    assert!(line.contains("wss://") && line.contains("chain.allow_insecure = true"), "{line}");
}

#[test]
fn nodes_that_stand_for_each_other_are_checked() {
    let url = |port: usize| format!("ws://127.0.0.1:{port}");
    check_urls(&(1..=MAX_ENDPOINTS).map(url).collect::<Vec<_>>(), false).unwrap();
    let too_many: Vec<_> = (0..=MAX_ENDPOINTS).map(url).collect();
    for bad in [&[][..], &too_many, &[url(1), url(2), url(1)], &[url(1), "nowhere".into()]] {
        check_urls(bad, false).unwrap_err();
    }
    let twice = ["wss://of.me/secret", "wss://of.me/secret"].map(String::from);
    let line = check_urls(&twice, false).unwrap_err().to_string();
    assert_eq!(line, "wss://of.me is there twice");
}

#[test]
fn development_accounts_have_their_known_names() {
    let alice = Account::from_secret("//Alice\n").unwrap();
    assert_eq!(alice.id().to_string(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
    let error = Account::from_secret("wrong words").unwrap_err().to_string();
    assert!(error.contains("secret URI") && !error.contains("wrong"), "{error}");
}

#[tokio::test]
async fn an_unreachable_node_is_told_and_tried_again() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = Node::start(Settings::new(format!("ws://{closed}"))).unwrap();
    let mut connection = node.connection();
    let told = |state: &Connection| {
        matches!(state, Connection::Connecting(Some(ChainError::Unreachable(_))))
    };
    timeout(CALL_TIMEOUT, connection.wait_for(told)).await.unwrap().unwrap();

    // Somebody answers there now, though not as a node does: it is tried again, and again.
    let listener = tokio::net::TcpListener::bind(closed).await.unwrap();
    for _ in 0..2 {
        timeout(CALL_TIMEOUT, listener.accept()).await.unwrap().unwrap();
    }
    assert!(node.finalized().borrow().is_none());
}

#[tokio::test]
async fn the_follower_ends_with_its_last_handle() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let node = Node::start(Settings::new(format!("ws://{address}"))).unwrap();
    let mut connection = node.connection();
    let (mut stream, _) = timeout(CALL_TIMEOUT, listener.accept()).await.unwrap().unwrap();
    drop(node);
    // Its end of the connection closes, and nobody is left to publish.
    let mut bytes = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes);
    timeout(CALL_TIMEOUT, read).await.unwrap().unwrap();
    assert!(connection.changed().await.is_err());
}

#[test]
fn amounts_are_read_and_written_as_people_do() {
    let token = Token { decimals: 12, symbol: "UNIT".into() };
    for (text, amount, shown) in [
        ("1500", 1_500_000_000_000_000, "1500 UNIT"),
        ("1500.25", 1_500_250_000_000_000, "1500.25 UNIT"),
        ("0.000000000001", 1, "0.000000000001 UNIT"),
        (" 1.50 UNIT ", 1_500_000_000_000, "1.5 UNIT"),
        ("7UNIT", 7_000_000_000_000, "7 UNIT"),
        ("1.0000000000000000", 1_000_000_000_000, "1 UNIT"),
    ] {
        assert_eq!(token.parse(text), Ok(amount), "{text}");
        assert_eq!(token.show(amount).to_string(), shown);
    }
    for wrong in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1 DOT", "0x10", "1 500"] {
        assert_eq!(token.parse(wrong), Err(AmountError::NoNumber(wrong.into())));
    }
    let fine = "0.0000000000001";
    assert_eq!(token.parse(fine), Err(AmountError::TooFine(fine.into(), 12)));
    let much = "400000000000000000000000000";
    assert_eq!(token.parse(much), Err(AmountError::TooMuch(much.into())));
}

#[test]
fn a_token_that_the_node_does_not_describe_is_counted_in_smallest_units() {
    let token = Token::from_properties(&serde_json::Map::new());
    assert_eq!(token.parse("1500"), Ok(1_500));
    assert_eq!(token.parse("1.5"), Err(AmountError::TooFine("1.5".into(), 0)));
    assert_eq!(token.show(1_500).to_string(), "1500 smallest units");
    let several = serde_json::json!({ "tokenDecimals": [10, 12], "tokenSymbol": ["DOT", "KSM"] });
    let token = Token::from_properties(several.as_object().unwrap());
    assert_eq!(token, Token { decimals: 10, symbol: "DOT".into() });
}

#[test]
fn what_the_pool_says_is_understood() {
    use super::pool::{Refusal, refusal};
    // Codes and words as sc-rpc-api and sp-runtime have them.
    let said = |code, message: &str, data: &str| refusal(code, message, Some(data));
    let invalid = |data: &str| said(1010, "Invalid Transaction", data);
    assert!(said(1013, "Transaction is already imported", "0x00").is_ok());
    let stale = invalid("Transaction is outdated");
    assert!(matches!(stale, Err(Refusal::Nonce(why)) if why.ends_with("outdated")));
    assert!(matches!(said(1014, "Priority is too low", "(1 vs 1)"), Err(Refusal::Nonce(_))));
    let payment = "Inability to pay some fees (e.g. account balance too low)";
    assert!(matches!(invalid(payment), Err(Refusal::Fees)));
    assert!(matches!(invalid("Transaction has an ancient birth block"), Err(Refusal::Old(_))));
    // Signed for another runtime; found invalid before.
    assert!(matches!(invalid("Transaction has a bad signature"), Err(Refusal::Void(_))));
    assert!(matches!(said(1012, "Transaction is temporarily banned", ""), Err(Refusal::Void(_))));
    assert!(matches!(said(1016, "Immediately Dropped", "limits"), Err(Refusal::Other(_))));
    let fees = ChainError::FeesMissing(AccountId32::new([1; 32]));
    assert!(fees.to_string().contains("fund account 5") && !fees.is_temporary());
}

#[test]
fn an_extrinsic_expires_when_no_block_can_have_it() {
    let extrinsic = Extrinsic { bytes: vec![1], nonce: 0, born: 100 };
    assert_eq!(extrinsic.expires(), 164);
}
