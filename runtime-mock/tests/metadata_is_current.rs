//! The director is compiled against the metadata of this very runtime.

const ARTIFACT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../director-service/artifacts/metadata.scale");

#[test]
fn metadata_is_current() {
    let artifact = std::fs::read(ARTIFACT).expect("director-service/artifacts has the metadata");
    assert!(
        artifact == runtime_mock::metadata_v16(),
        "the pallets' interface has changed: run `cargo xtask metadata` and commit the artifact"
    );
}
