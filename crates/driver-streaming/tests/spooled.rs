//! Archives that go through a spool: one uploader for the auctions of all runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use archive_sink::Archive;
use archive_sink::object_store::memory::InMemory;
use driver_streaming::{
    ArchiveStatus, ArchiveTarget, Dispatch, JsonDocument, Outcome, Pipeline, Solver, Spool,
};
use futures_util::future::join_all;
use solver_stand_in::StandIn;
use tempfile::TempDir;

struct Setting {
    archive: Archive,
    spool: Spool,
    _folder: TempDir,
}

impl Setting {
    async fn with_space_for(bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::builder(folder.path()).keep_free(0).max_bytes(bytes);
        Self {
            archive: Archive::builder(Arc::new(InMemory::new())).build().unwrap(),
            spool: spool.open().await.unwrap(),
            _folder: folder,
        }
    }

    /// A pipeline to a solver that is sent auctions as they are, or as they are archived.
    async fn pipeline(&self, shares_encoding: bool, digest: bool) -> Pipeline {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let engine = StandIn::builder().bind(loopback).await.unwrap();
        let mut solver = Solver::new("a", &engine.url()).unwrap();
        tokio::spawn(engine.serve());
        if shares_encoding {
            solver = solver.with_encoding(self.archive.codec());
        }
        let target = ArchiveTarget::new(self.archive.clone(), "memory:///".parse().unwrap());
        let builder = Pipeline::builder().solver(solver).digest(digest);
        let builder = builder.archive(target.spooled(self.spool.clone()));
        let builder = builder.archive_limit(Duration::from_secs(3600));
        builder.build().unwrap()
    }

    async fn stored(&self, number: usize) -> Vec<u8> {
        use tokio::io::AsyncReadExt;
        let mut read = Vec::new();
        let mut reader = self.archive.open(&format!("{number}.json")).await.unwrap();
        reader.read_to_end(&mut read).await.unwrap();
        read
    }
}

fn auction(number: usize) -> Vec<String> {
    vec![format!("order {number}"); 20_000]
}

fn dispatch(number: usize) -> Dispatch {
    let dispatch = Dispatch::new(JsonDocument::new(auction(number)));
    dispatch.archive_as(number.to_string().parse().unwrap())
}

fn solved(outcome: &Outcome) {
    assert!(outcome.solvers[0].failure.is_none(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_uploader_serves_all_runs_and_each_learns_of_its_own() {
    for (shares_encoding, digest) in [(false, true), (true, true), (false, false), (true, false)] {
        let setting = Setting::with_space_for(u64::MAX).await;
        let uploader = setting.spool.uploader(setting.archive.clone()).await;
        let uploading = tokio::spawn(uploader.unwrap().run());
        let pipeline = setting.pipeline(shares_encoding, digest).await;
        let runs = (0..12).map(|number| pipeline.run(dispatch(number)));
        for (number, outcome) in join_all(runs).await.iter().enumerate() {
            solved(outcome);
            let archive = &outcome.archive;
            assert_eq!(archive.status, ArchiveStatus::Ok, "{archive:?}");
            let raw = serde_json::to_vec(&auction(number)).unwrap();
            assert_eq!(archive.raw_bytes, Some(raw.len() as u64));
            assert_eq!(archive.parts, Some(1));
            assert_eq!(archive.location, Some(format!("memory:///{number}.json")));
            assert_eq!(archive.sha256.is_some(), digest || !shares_encoding);
            assert!(setting.stored(number).await == raw);
        }
        let again = pipeline.run(dispatch(3)).await;
        assert_eq!(again.archive.status, ArchiveStatus::AlreadyThere);
        uploading.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_spool_when_a_run_is_stopped_is_spooled() {
    let setting = Setting::with_space_for(u64::MAX).await;
    let pipeline = setting.pipeline(false, true).await;
    let is_spooled = async {
        while setting.spool.status().await.unwrap().objects == 0 {
            tokio::task::yield_now().await;
        }
    };
    // Nobody uploads, and the limit is an hour.
    let dispatch = dispatch(1);
    let outcome = pipeline.run_until(dispatch, is_spooled).await;
    let archive = outcome.archive;
    assert!([ArchiveStatus::Spooled, ArchiveStatus::Cancelled].contains(&archive.status));
    let error = archive.error.unwrap();
    assert!(
        error.contains("is in the spool") || error.contains("may be there"),
        "{error}"
    );
    pipeline.drain().await;
    let uploader = setting.spool.uploader(setting.archive.clone()).await;
    assert_eq!(uploader.unwrap().drain().await.unwrap().uploaded, 1);
    assert!(setting.stored(1).await == serde_json::to_vec(&auction(1)).unwrap());
}

#[tokio::test]
async fn a_full_spool_is_said_at_once_and_no_solver_notices() {
    let setting = Setting::with_space_for(100).await;
    let pipeline = setting.pipeline(false, true).await;
    let outcome = pipeline.run(dispatch(1)).await;
    solved(&outcome);
    assert_eq!(outcome.archive.status, ArchiveStatus::SpoolFull);
    assert!(!outcome.is_ok());
    assert_eq!(setting.spool.counts().refused, 1);
    assert_eq!(setting.spool.status().await.unwrap().objects, 0);
}
