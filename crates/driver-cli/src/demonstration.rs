use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use archive_sink::Overwrite;
use tokio::task::JoinSet;

use super::dispatches;
use super::exit::{Exit, Failure};
use super::input::choose_id;
use super::run::run_and_print;
use super::setup::{Setup, build};
use crate::auction::{AuctionId, RawAuction};
use crate::export::Export;
use crate::location::StoreLocation;
use auction_fixtures::AuctionShape;
use driver_streaming::Pipeline;
use driver_streaming::Solver;
use driver_streaming::error_chain;
use solver_stand_in::StandIn;

/// Where the demonstration archives.
const FOLDER: &str = "archive";

/// `solve` without arguments: all that is needed to see the program work.
pub(super) struct Demonstration {
    pipeline: Pipeline,
    auction: RawAuction,
    id: Option<AuctionId>,
    /// The engines, which end with this.
    _engines: JoinSet<()>,
}

impl Demonstration {
    /// Generates an auction and starts three engines.
    pub(super) async fn start(export: &Export) -> Result<Self, Failure> {
        let mut text = Vec::new();
        AuctionShape::MAINNET.write_to(&mut text).map_err(|error| {
            Failure::failed(format!("the auction cannot be generated: {error}"))
        })?;
        let auction =
            RawAuction::parse(text).map_err(|error| Failure::failed(error_chain(&error)))?;
        let id = choose_id(None, &auction, Path::new("the generated auction"))?;
        let mut engines = JoinSet::new();
        let mut builder = Pipeline::builder();
        for name in ["alpha", "beta", "gamma"] {
            let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let engine = StandIn::builder().bind(loopback).await.map_err(|error| {
                Failure::failed(format!("no engine can listen on {loopback}: {error}"))
            })?;
            let solver = Solver::new(name, &engine.url())
                .map_err(|error| Failure::failed(error_chain(&error)))?;
            builder = builder.solver(solver);
            engines.spawn(engine.serve());
        }
        let location =
            StoreLocation::folder(FOLDER).map_err(|error| Failure::failed(error_chain(&error)))?;
        // A newer version may generate another auction under the same id.
        let archive = location
            .archive()
            .overwrite(Overwrite::Replace)
            .build()
            .map_err(|error| Failure::failed(error_chain(&error)))?;
        let pipeline = build(export.attach(builder.archive(location.target(archive))))?;
        Ok(Self {
            pipeline,
            auction,
            id,
            _engines: engines,
        })
    }

    pub(super) async fn run(self, setup: &Setup) -> Result<Exit, Failure> {
        let Self {
            pipeline,
            auction,
            id,
            _engines,
        } = self;
        let length = auction.text_length() as u64;
        let dispatch = dispatches::of_auction(auction, id, &[]);
        let report = setup.report.as_ref();
        run_and_print(&pipeline, dispatch, Some(length), None, report).await
    }
}
