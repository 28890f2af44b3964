//! An outbox in memory, for tests in simulated time: no thread, no disk, and reads that fail if so
//! wished.
#![allow(clippy::unwrap_used)]

use super::{Health, Outbox, Record, StoreError, late::Late, thread::Command};
use codec::{DecodeAll, Encode};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::{mpsc, watch};

/// What survives the tasks that use it. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    records: Arc<Mutex<BTreeMap<[u8; 32], Vec<u8>>>>,
    failures: Arc<AtomicU32>,
    hangs: Arc<watch::Sender<bool>>,
}

impl Disk {
    /// Lets that many reads fail.
    pub(crate) fn fail_reads(&self, count: u32) {
        self.failures.store(count, Ordering::Relaxed);
    }

    /// Lets everything wait from now on, or go on.
    pub(crate) fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// What is on it.
    pub(crate) fn records(&self) -> Vec<Record> {
        let records = self.records.lock().unwrap();
        records.values().map(|bytes| Record::decode_all(&mut &**bytes).unwrap()).collect()
    }

    /// Puts a record there, as a former life would have.
    pub(crate) fn put(&self, record: &Record) {
        self.records.lock().unwrap().insert(record.proof.id().0, record.encode());
    }

    /// An outbox on it. `point` is awaited before and after each write.
    pub(crate) fn outbox<F>(&self, point: impl Fn() -> F + Send + Sync + 'static) -> Outbox
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (mailbox, mut commands) = mpsc::channel(4);
        let disk = self.clone();
        let late = Late::new(mailbox.clone(), Health::new());
        tokio::spawn(async move {
            let mut hangs = disk.hangs.subscribe();
            while let Some(command) = commands.recv().await {
                // The disk is there as long as `disk` is.
                let _ = hangs.wait_for(|hangs| !hangs).await;
                match command {
                    Command::Put { record, reply } => {
                        point().await;
                        disk.put(&record);
                        point().await;
                        let _ = reply.send(Ok(()));
                    }
                    Command::Remove { id, reply } => {
                        disk.records.lock().unwrap().remove(&id.0);
                        let _ = reply.send(Ok(()));
                    }
                    Command::Records { reply } => {
                        let fails = disk.failures.load(Ordering::Relaxed);
                        disk.failures.store(fails.saturating_sub(1), Ordering::Relaxed);
                        let failed = StoreError::Failed("the disk is away".into());
                        let result = if fails > 0 { Err(failed) } else { Ok(disk.records()) };
                        let _ = reply.send(result);
                    }
                    other => panic!("an outbox does not ask for {other:?}"),
                }
            }
        });
        Outbox { mailbox, late }
    }
}
