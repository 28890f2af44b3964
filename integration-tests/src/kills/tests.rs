use super::*;
use serde_json::json;

#[test]
fn a_proof_is_settled_only_where_it_is_known_and_done() {
    let proof = H256::repeat_byte(1);
    let other = json!({ "id": format!("{:?}", H256::repeat_byte(2)), "state": "proven" });
    let status = |state: &str| {
        let own = json!({ "id": format!("{proof:?}"), "state": state });
        json!({ "active": true, "evidence": [other, own] })
    };
    for (state, is) in [("finalized", true), ("superseded", true), ("obsolete: late", false)] {
        assert_eq!(is_settled(&status(state), &proof, true), is, "{state}");
        assert_eq!(is_settled(&status(state), &proof, false), is, "{state}");
    }
    let lacks = json!({ "active": true, "evidence": [other] });
    assert!(is_settled(&lacks, &proof, true) && !is_settled(&lacks, &proof, false));
    let is_down = json!({ "active": false, "evidence": [] });
    assert!(!is_settled(&is_down, &proof, true));
}
