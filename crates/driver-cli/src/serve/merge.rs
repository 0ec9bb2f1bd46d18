//! Merges the engines' answers: every solution stays as it is, except for its id.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Solutions of all engines, and where each comes from.
#[derive(Debug, Default)]
pub(super) struct Merged {
    solutions: Vec<String>,
    pub(super) origins: Vec<Origin>,
}

/// Where a solution comes from.
#[derive(Debug, PartialEq)]
pub(super) struct Origin {
    /// The id in the merged answer.
    pub(super) id: u64,
    /// Which of the pipeline's solvers.
    pub(super) solver: usize,
    /// The engine's own id as JSON text; `null` if it gave none.
    pub(super) own_id: String,
}

/// Fails to deserialize if there are two ids: parsers differ in which one they take.
#[derive(Deserialize)]
struct OneId {
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
}

impl Merged {
    /// Appends the solutions of an engine's answer with ids from `next_id`, or none of them if there is a mistake in it.
    pub(super) fn append(
        &mut self,
        solver: usize,
        answer: &RawValue,
        mut next_id: impl FnMut() -> u64,
    ) -> Result<(), &'static str> {
        let answer = object(answer.get()).ok_or("the answer is not a JSON object")?;
        let solutions = answer
            .get("solutions")
            .ok_or("the answer has no solutions")?;
        let solutions: Vec<&RawValue> = serde_json::from_str(solutions.get())
            .map_err(|_other| "the answer's solutions are not an array")?;
        let mut renumbered = Self::default();
        for solution in solutions {
            let text = solution.get();
            let members = object(text).ok_or("a solution in the answer is not a JSON object")?;
            serde_json::from_str::<OneId>(text)
                .map_err(|_two| "a solution in the answer has two ids")?;
            let id = next_id();
            let own_id = members.get("id").map(|own| own.get().to_owned());
            renumbered.solutions.push(match members.get("id") {
                Some(own) => with_value(text, own, &id.to_string()),
                None if members.is_empty() => format!("{{\"id\":{id}}}"),
                None => format!("{{\"id\":{id},{}", &text[1..]),
            });
            renumbered.origins.push(Origin {
                id,
                solver,
                own_id: own_id.unwrap_or_else(|| "null".to_owned()),
            });
        }
        self.solutions.append(&mut renumbered.solutions);
        self.origins.append(&mut renumbered.origins);
        Ok(())
    }

    /// The answer to the driver.
    pub(super) fn answer(&self) -> String {
        format!("{{\"solutions\":[{}]}}", self.solutions.join(","))
    }
}

/// The members of an object, as they are in the text; `None` if it is no object. The last of two with one name.
pub(super) fn object(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).ok()
}

/// `text` with `new` in place of `value`, which is a part of it.
pub(super) fn with_value(text: &str, value: &RawValue, new: &str) -> String {
    let start = value.get().as_ptr().addr() - text.as_ptr().addr();
    let end = start + value.get().len();
    [&text[..start], new, &text[end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(merged: &mut Merged, solver: usize, answer: &str) -> Result<(), &'static str> {
        let mut id = 10 * solver as u64;
        let answer = RawValue::from_string(answer.to_owned()).unwrap();
        merged.append(solver, &answer, || {
            id += 1;
            id
        })
    }

    #[test]
    fn solutions_stay_as_they_are_but_for_their_ids() {
        let mut merged = Merged::default();
        assert_eq!(merged.answer(), r#"{"solutions":[]}"#);
        let first =
            r#"{"x":1,"solutions":[{"gas":1.50e0, "id" : 7 ,"prices":{"id":3}},{"id":"a"}]}"#;
        append(&mut merged, 0, first).unwrap();
        append(&mut merged, 1, r#"{"solutions":[]}"#).unwrap();
        append(
            &mut merged,
            2,
            r#"{"solutions":[ {"score":"0x0"}, {} , {"\u0069d":null}]}"#,
        )
        .unwrap();
        assert_eq!(
            merged.answer(),
            concat!(
                r#"{"solutions":[{"gas":1.50e0, "id" : 1 ,"prices":{"id":3}},{"id":2},"#,
                r#"{"id":21,"score":"0x0"},{"id":22},{"\u0069d":23}]}"#
            )
        );
        let origin = |id, solver, own_id: &str| Origin {
            id,
            solver,
            own_id: own_id.to_owned(),
        };
        assert_eq!(
            merged.origins,
            [
                origin(1, 0, "7"),
                origin(2, 0, "\"a\""),
                origin(21, 2, "null"),
                origin(22, 2, "null"),
                origin(23, 2, "null"),
            ]
        );
    }

    #[test]
    fn an_answer_with_a_mistake_adds_nothing() {
        let mut merged = Merged::default();
        for answer in [
            "[]",
            "{}",
            r#"{"solutions":{}}"#,
            r#"{"solutions":[{"id":1},2]}"#,
            r#"{"solutions":[{"id":1,"\u0069d":2}]}"#,
        ] {
            assert!(append(&mut merged, 0, answer).is_err(), "{answer}");
        }
        assert_eq!(merged.answer(), r#"{"solutions":[]}"#);
        assert!(merged.origins.is_empty());
    }
}
