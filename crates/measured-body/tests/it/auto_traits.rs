//! The auto traits of every public type, and the bounds of HTTP clients on a body.

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use measured_body::{
    Ending, MeasuredBody, MeasuredStream, Measurements, MeteredProduction, ProductionMeter,
    Recorder,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::error::Error;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

type BoxedRecorder = Box<dyn FnOnce(&Measurements) + Send + Sync>;
type SharedBody = BoxBody<Bytes, std::io::Error>;
type OwnedBody = UnsyncBoxBody<Bytes, std::io::Error>;
type LocalRecorder = Box<dyn FnOnce(&Measurements)>;

assert_impl_all!(Measurements: Send, Sync, Unpin, Clone, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Ending: Send, Sync, Unpin, Copy, UnwindSafe, RefUnwindSafe);
assert_impl_all!(BoxedRecorder: Recorder);

assert_impl_all!(MeasuredBody<SharedBody, BoxedRecorder>: Send, Sync, Unpin);
assert_impl_all!(MeasuredBody<OwnedBody, BoxedRecorder>: Send, Unpin);
assert_not_impl_any!(MeasuredBody<OwnedBody, BoxedRecorder>: Sync);
assert_not_impl_any!(MeasuredBody<SharedBody, LocalRecorder>: Send, Sync);
assert_not_impl_any!(MeasuredBody<PhantomPinned, BoxedRecorder>: Unpin);

assert_impl_all!(MeasuredStream<Vec<u8>, BoxedRecorder>: Send, Sync, Unpin);
assert_not_impl_any!(MeasuredStream<Rc<u8>, BoxedRecorder>: Send, Sync);
assert_not_impl_any!(MeasuredStream<PhantomPinned, BoxedRecorder>: Unpin);

assert_impl_all!(ProductionMeter: Send, Sync, Unpin, Clone, UnwindSafe, RefUnwindSafe);
assert_impl_all!(MeteredProduction<Vec<u8>>: Send, Sync, Unpin);
assert_not_impl_any!(MeteredProduction<Rc<u8>>: Send, Sync);
assert_not_impl_any!(MeteredProduction<PhantomPinned>: Unpin);

#[cfg(feature = "tracing")]
assert_impl_all!(measured_body::TracingRecorder: Send, Sync, Unpin, Clone, Recorder);
#[cfg(feature = "opentelemetry")]
mod opentelemetry {
    use super::{Recorder, assert_impl_all};
    use measured_body::{BodyHistograms, BodyRole, HistogramRecorder};

    assert_impl_all!(BodyHistograms: Send, Sync, Unpin, Clone);
    assert_impl_all!(BodyRole: Send, Sync, Unpin, Copy);
    assert_impl_all!(HistogramRecorder: Send, Sync, Unpin, Clone, Recorder);
}

/// The bounds of `reqwest::Body::wrap` (reqwest 0.13).
fn wrap<B>(body: B) -> BoxBody<B::Data, Box<dyn Error + Send + Sync>>
where
    B: Body + Send + Sync + 'static,
    B::Data: Into<Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    body.map_err(Into::into).boxed()
}

#[test]
fn a_measured_body_is_what_a_client_takes() {
    let body = http_body_util::Full::new(Bytes::from_static(b"data"));
    let body = wrap(MeasuredBody::new(body, |_: &Measurements| {}));
    // This keeps a `Content-Length` from becoming chunked encoding.
    assert_eq!(body.size_hint().exact(), Some(4));
}
