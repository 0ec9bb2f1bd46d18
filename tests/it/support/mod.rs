//! What the tests share.

mod auctions;
mod collector;
mod engine;
mod holding_proxy;
mod library;
mod object_server;
mod program;
mod raw_connection;
mod raw_solver;
mod request;
mod scripted_document;
mod service;

pub(crate) use self::auctions::{Size, captures, generated, same_value};
pub(crate) use self::collector::{Collector, Exported, attribute, attributes};
pub(crate) use self::engine::Engine;
pub(crate) use self::holding_proxy::HoldingProxy;
pub(crate) use self::library::{
    alive_tasks, archive_in, content, noise, run, runtime, stage, until, until_tasks_are,
};
pub(crate) use self::object_server::ObjectServer;
pub(crate) use self::program::{Finished, program, sha256};
pub(crate) use self::raw_connection::RawConnection;
pub(crate) use self::raw_solver::{RawSolver, bound};
pub(crate) use self::request::Request;
pub(crate) use self::scripted_document::ScriptedDocument;
pub(crate) use self::service::{Answer, Service};
