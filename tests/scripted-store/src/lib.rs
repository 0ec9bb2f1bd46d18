//! An object store for the tests and measurements of the workspace. It fails, waits and counts
//! according to a script.
//!
//! ```
//! use object_store::ObjectStoreExt;
//! use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> object_store::Result<()> {
//! // The second PUT is executed, but its answer is lost. Every upload waits until it is released.
//! let store = ScriptedStore::in_memory().with([
//!     Rule::nth(Operation::Put, 1, Effect::LoseAnswer(Failure::Other)),
//!     Rule::always(Operation::Create, Effect::Hold),
//! ]);
//! store.put(&"a".into(), "1".into()).await?;
//! store.put(&"b".into(), "2".into()).await.unwrap_err();
//! assert_eq!(store.names().await, ["a", "b"]);
//! assert_eq!(store.count(Operation::Put), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Where objects go
//!
//! - [`ScriptedStore::in_memory`] keeps them in memory.
//! - [`ScriptedStore::wrapping`] passes them to another store, such as a local directory.
//! - [`ScriptedStore::discarding`] keeps nothing. Use it for measurements, and where
//!   [`bytes`](ScriptedStore::bytes) and [`objects`](ScriptedStore::objects) are enough.
//! - [`ScriptedStore::serving`] answers one GET with a stream from the test.
//!
//! # What can happen to a call
//!
//! A [`Rule`] names an [`Operation`], some of its calls (all, the n-th, every n-th), and an
//! [`Effect`]: [refuse](Effect::Refuse), [lose the answer](Effect::LoseAnswer),
//! [ignore its condition](Effect::IgnoreCondition), [hang](Effect::Hang), [execute late](Effect::Late), [hold](Effect::Hold) until [`release`](ScriptedStore::release), [delay](Effect::Delay) by the tokio
//! clock, [yield](Effect::Yield) for some polls, or [panic](Effect::Panic). The first rule that matches
//! a call applies. The message of an injected error or panic is `injected into Part 3`: the operation,
//! and the number of the call from 0.
//!
//! # What the test can check afterwards
//!
//! Clones share everything, so keep one and pass the other on. [`count`](ScriptedStore::count) counts
//! calls. [`injected`](ScriptedStore::injected) lists the calls that matched a rule, and
//! [`open_uploads`](ScriptedStore::open_uploads) the uploads that were neither completed nor aborted.
//! [`names`](ScriptedStore::names) and [`object`](ScriptedStore::object) bypass the script. For
//! everything else, keep the inner store.
//!
//! Deleting, listing and copying are not scripted: they go to the inner store unchanged.

mod discard;
mod rule;
mod script;
mod store;

pub use rule::{Effect, Failure, Operation, Rule};
pub use script::Injected;
pub use store::ScriptedStore;
