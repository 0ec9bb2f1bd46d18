use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result, UploadPart,
};

use crate::discard::{Discard, Served};
use crate::rule::{Effect, Operation, Rule};
use crate::script::{Injected, Script};

/// A store that follows a script. See the [crate](crate). Clones share everything.
#[derive(Clone, Debug)]
pub struct ScriptedStore {
    inner: Arc<dyn ObjectStore>,
    script: Arc<Script>,
}

impl ScriptedStore {
    /// Creates a store that keeps objects in memory.
    pub fn in_memory() -> Self {
        Self::wrapping(Arc::new(InMemory::new()))
    }

    /// Creates a store that keeps objects in another store.
    pub fn wrapping(inner: Arc<dyn ObjectStore>) -> Self {
        let script = Arc::default();
        Self { inner, script }
    }

    /// Creates a store that accepts everything and keeps nothing, so that measurements exclude the store.
    pub fn discarding() -> Self {
        Self::wrapping(Arc::new(Discard::default()))
    }

    /// Creates a store that answers its first GET, of any name, with `content`, and reports `size` bytes
    /// and these attributes. Otherwise it is like [`discarding`](Self::discarding).
    pub fn serving(
        content: impl Stream<Item = Result<Bytes>> + Send + 'static,
        size: u64,
        attributes: Attributes,
    ) -> Self {
        let content = content.boxed();
        Self::wrapping(Arc::new(Discard::serving(Served {
            content,
            size,
            attributes,
        })))
    }

    /// Adds rules. The first rule that matches a call applies.
    #[must_use]
    pub fn with(self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.script.state().rules.extend(rules);
        self
    }

    /// Resumes the calls that are [held](Effect::Hold). Later calls are not held.
    pub fn release(&self) {
        self.script.release();
    }

    /// Returns how many calls of an operation there were.
    pub fn count(&self, operation: Operation) -> usize {
        let state = self.script.state();
        state.calls.get(&operation).copied().unwrap_or_default()
    }

    /// Returns the calls that matched a rule, in their order.
    pub fn injected(&self) -> Vec<Injected> {
        self.script.state().injected.clone()
    }

    /// Returns how many calls have been held, including released ones.
    pub fn held(&self) -> usize {
        self.script.state().held
    }

    /// Returns the locations of the uploads that were neither completed nor aborted.
    pub fn open_uploads(&self) -> Vec<Path> {
        self.script.state().uploads.values().cloned().collect()
    }

    /// Returns the largest number of parts that were in flight at once.
    pub fn most_parts_in_flight(&self) -> usize {
        self.script.state().most_parts_in_flight
    }

    /// Returns how many bytes were sent, in PUTs and parts that were executed.
    pub fn bytes(&self) -> u64 {
        self.script.state().bytes
    }

    /// Returns how many objects became visible.
    pub fn objects(&self) -> u64 {
        self.script.state().objects
    }

    /// Returns the names of all objects. Bypasses the script.
    ///
    /// # Panics
    ///
    /// If the inner store fails.
    pub async fn names(&self) -> Vec<String> {
        let objects: Vec<ObjectMeta> = match self.inner.list(None).try_collect().await {
            Ok(objects) => objects,
            Err(error) => panic!("the inner store cannot list: {error}"),
        };
        let names = objects.iter().map(|object| object.location.to_string());
        names.collect()
    }

    /// Returns the content of an object, if it exists. Bypasses the script.
    ///
    /// # Panics
    ///
    /// If the inner store fails.
    pub async fn object(&self, name: &str) -> Option<Bytes> {
        let found = match self.inner.get(&Path::from(name)).await {
            Ok(found) => found.bytes().await,
            Err(object_store::Error::NotFound { .. }) => return None,
            Err(error) => Err(error),
        };
        match found {
            Ok(bytes) => Some(bytes),
            Err(error) => panic!("the inner store cannot read {name}: {error}"),
        }
    }
}

impl fmt::Display for ScriptedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScriptedStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for ScriptedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        let injected = self.script.call(Operation::Put, location);
        let effect = injected.as_ref().map(|call| call.effect);
        if effect == Some(Effect::IgnoreCondition) {
            options.mode = PutMode::Overwrite;
        }
        let (this, place) = (self.clone(), location.clone());
        let put = async move {
            this.script.count_bytes(payload.content_length());
            let put = this.inner.put_opts(&place, payload, options).await?;
            this.script.count_object();
            Ok(put)
        };
        if let Some(Effect::Late(time, failure)) = effect {
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                put.await
            });
            return Err(failure.error("injected, and carried out later".into()));
        }
        self.script.run(injected, put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let create = async {
            let inner = self.inner.put_multipart_opts(location, options).await?;
            Ok(Box::new(ScriptedUpload {
                inner,
                number: self.script.created(location),
                location: location.clone(),
                script: Arc::clone(&self.script),
            }) as Box<dyn MultipartUpload>)
        };
        let injected = self.script.call(Operation::Create, location);
        self.script.run(injected, create).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let injected = self.script.call(Operation::Get, location);
        let get = self.inner.get_opts(location, options);
        self.script.run(injected, get).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct ScriptedUpload {
    inner: Box<dyn MultipartUpload>,
    number: usize,
    location: Path,
    script: Arc<Script>,
}

#[async_trait]
impl MultipartUpload for ScriptedUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let (script, location) = (Arc::clone(&self.script), self.location.clone());
        let (bytes, in_flight) = (payload.content_length(), script.part_in_flight());
        // Create the future at once: stores order parts by the order of these calls.
        let part = self.inner.put_part(payload);
        Box::pin(async move {
            let _in_flight = in_flight;
            let put = async {
                script.count_bytes(bytes);
                part.await
            };
            let injected = script.call(Operation::Part, &location);
            script.run(injected, put).await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let script = Arc::clone(&self.script);
        let injected = script.call(Operation::Complete, &self.location);
        let complete = async {
            let completed = self.inner.complete().await?;
            script.ended(self.number);
            script.count_object();
            Ok(completed)
        };
        script.run(injected, complete).await
    }

    async fn abort(&mut self) -> Result<()> {
        let script = Arc::clone(&self.script);
        let injected = script.call(Operation::Abort, &self.location);
        let completes = injected
            .as_ref()
            .is_some_and(|injected| matches!(injected.effect, Effect::CompleteInstead(_)));
        let abort = async {
            if completes {
                self.inner.complete().await?;
                script.count_object();
            } else {
                self.inner.abort().await?;
            }
            script.ended(self.number);
            Ok(())
        };
        script.run(injected, abort).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use object_store::Error;

    use super::*;
    use crate::rule::Failure;

    fn path(name: &str) -> Path {
        Path::from(name)
    }

    #[tokio::test]
    async fn the_first_rule_about_a_call_counts() {
        let store = ScriptedStore::in_memory().with([
            Rule::nth(Operation::Put, 1, Effect::LoseAnswer(Failure::NotFound)),
            Rule::every_nth(Operation::Put, 2, Effect::Refuse(Failure::Other)),
        ]);
        for (name, expected) in [("a", None), ("b", Some(1)), ("c", None), ("d", Some(3))] {
            let put = store.put(&path(name), "text".into()).await;
            let message = put.err().map(|error| error.to_string());
            let injected = expected.map(|number| format!("injected into Put {number}"));
            match (message, injected) {
                (None, None) => {}
                (Some(message), Some(injected)) => assert!(message.contains(&injected)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(store.names().await, ["a", "b", "c"]);
        assert_eq!((store.count(Operation::Put), store.objects()), (4, 3));
        assert_eq!(store.bytes(), 12);
        let struck = store.injected();
        let struck = struck
            .iter()
            .map(|call| (call.number, call.location.as_ref()));
        assert_eq!(struck.collect::<Vec<_>>(), [(1, "b"), (3, "d")]);
    }

    #[tokio::test]
    async fn held_calls_go_on_when_they_are_released() {
        let store = ScriptedStore::in_memory().with([Rule::always(Operation::Put, Effect::Hold)]);
        let name = path("a");
        let mut put = std::pin::pin!(store.put(&name, "text".into()));
        assert!(put.as_mut().now_or_never().is_none());
        assert_eq!((store.held(), store.object("a").await), (1, None));
        store.release();
        put.await.unwrap();
        store.put(&name, "more".into()).await.unwrap();
        assert_eq!(store.object("a").await.unwrap(), "more");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_delayed_by_the_clock_of_the_runtime_or_for_ever() {
        let hour = Duration::from_secs(3600);
        let store = ScriptedStore::discarding().with([
            Rule::always(Operation::Put, Effect::Delay(hour)),
            Rule::always(Operation::Get, Effect::Hang),
        ]);
        let start = tokio::time::Instant::now();
        store.put(&path("a"), "text".into()).await.unwrap();
        assert_eq!(start.elapsed(), hour);
        let name = path("a");
        let get = tokio::time::timeout(hour, store.get(&name));
        get.await.unwrap_err();
        assert_eq!((store.bytes(), store.names().await), (4, vec![]));
    }

    #[tokio::test]
    async fn uploads_are_open_until_they_are_completed_or_aborted() {
        let store = ScriptedStore::in_memory().with([
            Rule::nth(Operation::Complete, 0, Effect::Refuse(Failure::Other)),
            Rule::nth(
                Operation::Abort,
                0,
                Effect::CompleteInstead(Failure::NotFound),
            ),
        ]);
        let mut first = store.put_multipart(&path("a")).await.unwrap();
        let mut second = store.put_multipart(&path("b")).await.unwrap();
        let parts = [first.put_part("1".into()), first.put_part("2".into())];
        assert_eq!(store.most_parts_in_flight(), 2);
        for part in parts {
            part.await.unwrap();
        }
        assert_eq!(store.open_uploads(), [path("a"), path("b")]);
        first.complete().await.unwrap_err();
        let aborted = first.abort().await.unwrap_err();
        assert!(matches!(aborted, Error::NotFound { .. }));
        second.abort().await.unwrap();
        assert!(store.open_uploads().is_empty());
        assert_eq!(store.object("a").await.unwrap(), "12");
        assert_eq!(store.names().await, ["a"]);
    }

    #[tokio::test]
    async fn a_stream_is_served_once() {
        let content = futures_util::stream::iter(["ab", "c"].map(|text| Ok(text.into())));
        let store = ScriptedStore::serving(content, 3, Attributes::new());
        assert_eq!(store.object("any").await.unwrap(), "abc");
        assert_eq!(store.object("any").await, None);
    }
}
