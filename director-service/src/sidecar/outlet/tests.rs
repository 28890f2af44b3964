#![allow(clippy::unwrap_used)]

use super::*;

fn line(bytes: usize) -> Line {
    "x".repeat(bytes).into()
}

#[tokio::test]
async fn a_consumer_learns_what_it_did_not_get_where_it_is_missing() {
    let outlet = Outlet::new(100);
    for _ in 0..5 {
        outlet.message(line(40));
    }
    // Answers have room of their own.
    outlet.say("answer".into());
    assert_eq!(outlet.next().await.unwrap().len(), 40);
    assert_eq!(outlet.next().await.unwrap().len(), 40);
    assert_eq!(&*outlet.next().await.unwrap(), "answer");
    outlet.message("later".into());
    let told = r#"{"event":"dropped","messages":3}"#;
    assert_eq!(&*outlet.next().await.unwrap(), told);
    assert_eq!(&*outlet.next().await.unwrap(), "later");
    // It is told even if nothing comes after it.
    outlet.message(line(101));
    outlet.close();
    assert!(outlet.next().await.unwrap().contains(r#""messages":1"#));
    assert_eq!(outlet.next().await, None);
}

#[tokio::test]
async fn a_consumer_that_reads_nothing_is_given_up() {
    let outlet = Outlet::new(100);
    let mut said = 0;
    while !outlet.is_too_slow() {
        outlet.say(line(1024));
        said += 1;
        assert!(said <= RESERVE / 1024 + 1, "bounded");
    }
    assert_eq!(outlet.next().await, None);
    outlet.closed().await;
}

#[tokio::test]
async fn commands_wait_while_answers_do_not_fit() {
    let outlet = Outlet::new(0);
    outlet.room().await;
    outlet.say(line(RESERVE_FOR_ANSWERS + 1));
    let mut room = Box::pin(outlet.room());
    assert!(futures::poll!(room.as_mut()).is_pending());
    outlet.next().await.unwrap();
    room.await;
}
