use crate::Measurements;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Receives the report of a body.
///
/// The report consumes the recorder, so the compiler guarantees that there is at most one. Closures are
/// recorders; `()` does nothing; an `Option` of a recorder is a recorder; a tuple of up to four calls
/// its members in turn. To choose a recorder at run time, box a closure:
/// `Box<dyn FnOnce(&Measurements) + Send + Sync>`.
///
/// The report is made inside a poll or a drop of the body, so a recorder should be quick and must not
/// block.
///
/// # Panics in a recorder
///
/// The recorder is called inside [`catch_unwind`]. A panic loses only the report of that recorder. It
/// affects neither the body nor the other recorders of a tuple, unless panics abort.
///
/// # Examples
///
/// ```
/// use futures_util::{FutureExt, stream};
/// use http_body::Frame;
/// use http_body_util::{BodyExt, StreamBody};
/// use measured_body::{MeasuredBody, Measurements, Recorder};
/// use std::convert::Infallible;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// /// Counts the bytes of incomplete bodies.
/// struct Wasted(Arc<AtomicU64>);
///
/// impl Recorder for Wasted {
///     fn record(self, measurements: &Measurements) {
///         if !measurements.ending.is_whole() {
///             self.0.fetch_add(measurements.bytes, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let wasted = Arc::new(AtomicU64::new(0));
/// let log = |measurements: &Measurements| println!("{}", measurements.ending);
/// let mut body = MeasuredBody::new(
///     StreamBody::new(stream::iter([
///         Ok::<_, Infallible>(Frame::data(&b"never"[..])),
///         Ok(Frame::data(&b"mind"[..])),
///     ])),
///     (Wasted(wasted.clone()), log),
/// );
/// body.frame().now_or_never();
/// drop(body);
/// assert_eq!(wasted.load(Ordering::Relaxed), 5);
/// ```
pub trait Recorder {
    /// Receives the report.
    fn record(self, measurements: &Measurements);
}

impl<F: FnOnce(&Measurements)> Recorder for F {
    fn record(self, measurements: &Measurements) {
        self(measurements);
    }
}

impl Recorder for () {
    fn record(self, _measurements: &Measurements) {}
}

impl<R: Recorder> Recorder for Option<R> {
    fn record(self, measurements: &Measurements) {
        if let Some(recorder) = self {
            recorder.record(measurements);
        }
    }
}

impl<R1: Recorder, R2: Recorder> Recorder for (R1, R2) {
    fn record(self, measurements: &Measurements) {
        contain_panics(|| self.0.record(measurements));
        contain_panics(|| self.1.record(measurements));
    }
}

impl<R1: Recorder, R2: Recorder, R3: Recorder> Recorder for (R1, R2, R3) {
    fn record(self, measurements: &Measurements) {
        let (first, second, third) = self;
        ((first, second), third).record(measurements);
    }
}

impl<R1: Recorder, R2: Recorder, R3: Recorder, R4: Recorder> Recorder for (R1, R2, R3, R4) {
    fn record(self, measurements: &Measurements) {
        let (first, second, third, fourth) = self;
        ((first, second), (third, fourth)).record(measurements);
    }
}

/// Runs the user's code, whose panic must not reach the body.
///
/// This is unwind safe: all callers move the data into the code, so nothing that a panic left
/// half-done is seen afterwards.
pub(crate) fn contain_panics(code: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(code)) else {
        return;
    };
    // The payload is the user's value, and its drop may panic too.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

#[cfg(test)]
mod tests {
    use super::{Recorder, contain_panics};
    use crate::{Ending, Measurements};
    use std::cell::RefCell;

    #[test]
    fn a_tuple_calls_all_in_order_whoever_panics() {
        let called = RefCell::new(Vec::new());
        let note = |name| {
            let called = &called;
            move |_: &Measurements| called.borrow_mut().push(name)
        };
        let panics = |_: &Measurements| panic!("recorder panics on purpose");
        let measurements = Measurements::new(Ending::Complete);

        (note("a"), note("b")).record(&measurements);
        (panics, note("c")).record(&measurements);
        (note("d"), panics, note("e")).record(&measurements);
        (panics, note("f"), panics, Some(note("g"))).record(&measurements);
        ((), None::<fn(&Measurements)>).record(&measurements);

        assert_eq!(called.into_inner(), ["a", "b", "c", "d", "e", "f", "g"]);
    }

    #[test]
    fn a_boxed_closure_is_a_recorder() {
        let mut bytes = 0;
        let recorder: Box<dyn FnOnce(&Measurements) + '_> = Box::new(|m| bytes = m.bytes + 1);
        recorder.record(&Measurements::new(Ending::Failed));
        assert_eq!(bytes, 1);
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_contained() {
        struct Grenade;
        impl Drop for Grenade {
            fn drop(&mut self) {
                if !std::thread::panicking() {
                    panic!("payload panics on purpose");
                }
            }
        }
        contain_panics(|| std::panic::panic_any(Grenade));
    }
}
