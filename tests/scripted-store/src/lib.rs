//! One object store for all tests and measurements of the workspace. It fails, waits and counts as a
//! script says.
//!
//! ```
//! use object_store::ObjectStoreExt;
//! use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> object_store::Result<()> {
//! // The second PUT is carried out, but its answer is lost. Every upload waits until it is released.
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
//! - [`ScriptedStore::wrapping`] hands them to any other store, such as a local directory.
//! - [`ScriptedStore::discarding`] keeps nothing: for measurements, and for
//!   [`bytes`](ScriptedStore::bytes) and [`objects`](ScriptedStore::objects) alone.
//! - [`ScriptedStore::serving`] answers one GET with a stream of the test's own.
//!
//! # What can happen to a call
//!
//! A [`Rule`] names an [`Operation`], which calls of it are meant (all, the n-th, every n-th), and an
//! [`Effect`]: [refuse](Effect::Refuse), [lose the answer](Effect::LoseAnswer), [hang](Effect::Hang),
//! [carry out late](Effect::Late), [hold](Effect::Hold) until [`release`](ScriptedStore::release), [delay](Effect::Delay) by the tokio
//! clock, [yield](Effect::Yield) for some polls, or [panic](Effect::Panic). The first rule that matches
//! a call counts. Injected errors and panics say `injected into Part 3`: the operation, and the number
//! of the call from 0.
//!
//! # What can be asked afterwards
//!
//! Clones share everything, so keep one and give the other away. [`count`](ScriptedStore::count) counts
//! calls, [`injected`](ScriptedStore::injected) lists those that a rule struck,
//! [`open_uploads`](ScriptedStore::open_uploads) the uploads that were neither completed nor aborted,
//! [`names`](ScriptedStore::names) and [`object`](ScriptedStore::object) look behind the script. For
//! everything else, keep the inner store.
//!
//! Deleting, listing and copying are not scripted: they go to the inner store as they are.

mod discard;
mod rule;
mod script;
mod store;

pub use rule::{Effect, Failure, Operation, Rule};
pub use script::Injected;
pub use store::ScriptedStore;
