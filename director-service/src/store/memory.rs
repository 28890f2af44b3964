//! An outbox in memory, for tests in simulated time: no thread, no disk, and reads that fail if so
//! wished.
#![allow(clippy::unwrap_used)]

use super::{Outbox, Record, StoreError, thread::Command};
use codec::{DecodeAll, Encode};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use tokio::sync::mpsc;

/// What survives the tasks that use it. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    records: Arc<Mutex<BTreeMap<[u8; 32], Vec<u8>>>>,
    failures: Arc<AtomicU32>,
    hangs: Arc<AtomicBool>,
}

impl Disk {
    /// Lets that many reads fail.
    pub(crate) fn fail_reads(&self, count: u32) {
        self.failures.store(count, Ordering::Relaxed);
    }

    /// Lets writes wait for ever from now on.
    pub(crate) fn hang(&self) {
        self.hangs.store(true, Ordering::Relaxed);
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
        let (mailbox, mut commands) = mpsc::channel(16);
        let disk = self.clone();
        tokio::spawn(async move {
            // Whose writes hang.
            let mut waiting = Vec::new();
            while let Some(command) = commands.recv().await {
                match command {
                    Command::Put { reply, .. } if disk.hangs.load(Ordering::Relaxed) => {
                        waiting.push(reply);
                    }
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
        Outbox(mailbox)
    }
}
