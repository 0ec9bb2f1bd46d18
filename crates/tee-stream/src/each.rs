use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Calls `run` with each item, whether or not one of the calls panics. The first panic goes on when all are done.
pub(crate) fn each<T>(items: impl IntoIterator<Item = T>, mut run: impl FnMut(T)) {
    let mut first = None;
    for item in items {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(item))) {
            first.get_or_insert(panic);
        }
    }
    if let Some(panic) = first {
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_after_all_others_had_their_turn() {
        let mut done = Vec::new();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            each(1..=4, |number| {
                assert!(number % 2 == 0, "odd {number}");
                done.push(number);
            });
        }));
        let message = panicked.unwrap_err();
        assert_eq!(
            message.downcast_ref::<String>().map(String::as_str),
            Some("odd 1")
        );
        assert_eq!(done, [2, 4]);
    }
}
