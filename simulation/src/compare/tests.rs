//! The comparison measures what can be worked out by hand.

use super::{Case, Condition, Topology, insert, json, measure, picture, table};

fn case(topology: Topology, condition: Condition) -> Case {
    Case { topology, validators: 21, condition }
}

#[test]
fn a_full_mesh_takes_one_way_and_a_message_for_each() {
    let row = measure(case(Topology::Mesh, Condition::Calm), 1);
    assert_eq!(row.connections, 210);
    assert_eq!(row.missing, (0, 210 * 20));
    assert!((row.messages_per_vote - 20.0).abs() < 0.01);
    let worst = row.until_all.worst_ms.expect("all have all");
    assert!((25..=28).contains(&worst), "{worst}");
}

#[test]
fn gossip_takes_some_hops_and_reaches_all() {
    let row = measure(case(Topology::Gossip, Condition::Calm), 1);
    assert!((55..=63).contains(&row.connections), "{}", row.connections);
    assert_eq!(row.missing.0, 0);
    let median = row.until_all.median_ms.expect("most have all");
    assert!((50..=110).contains(&median), "{median}");
}

#[test]
fn directors_take_two_or_three_ways() {
    let row = measure(case(Topology::Directors, Condition::Calm), 1);
    assert_eq!(row.missing.0, 0);
    let worst = row.until_all.worst_ms.expect("all have all");
    assert!((50..=90).contains(&worst), "{worst}");
    // In, out to the other validators, and the same among directors, some of it twice.
    assert!((24.0..40.0).contains(&row.messages_per_vote), "{}", row.messages_per_vote);
    assert!(row.control_bytes_per_s > 0.0, "heartbeats are counted apart");
}

#[test]
fn loss_delays_and_churn_changes_who_is_there() {
    for topology in Topology::ALL {
        let calm = measure(case(topology, Condition::Calm), 1);
        let lossy = measure(case(topology, Condition::Loss), 1);
        assert_eq!(lossy.missing.0, 0, "{topology}: everything is sent again");
        assert!(lossy.until_all.worst_ms > calm.until_all.worst_ms, "{topology}");
        assert!(lossy.messages_per_vote > calm.messages_per_vote, "{topology}");
        let churn = measure(case(topology, Condition::Churn), 1);
        assert!(churn.missing.1 < calm.missing.1, "{topology}: fewer stay all the time");
    }
}

#[test]
fn the_same_seed_measures_the_same() {
    for topology in Topology::ALL {
        let case = case(topology, Condition::Loss);
        assert_eq!(measure(case, 5), measure(case, 5), "{topology}");
        assert_ne!(measure(case, 5), measure(case, 6), "{topology}");
    }
}

#[test]
fn the_table_takes_its_place_in_the_page() {
    let rows = [measure(case(Topology::Mesh, Condition::Calm), 1)];
    let table = table(&rows);
    assert!(table.contains("| 21 | none | full mesh | 210 | 20 |"), "{table}");
    let page = "before\n<!-- comparison: begin -->\nold\n<!-- comparison: end -->\nafter\n";
    let new = insert(page, &table).expect("it has markers");
    assert!(new.contains(&table) && !new.contains("old"), "{new}");
    assert_eq!(insert(&new, &table), Ok(new.clone()), "again and again");
    assert!(insert("no markers", &table).is_err());
    assert!(json(&rows, 1).contains("\"connections\": 210"));
    let picture = picture(&rows);
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
}
