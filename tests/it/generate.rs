//! `generate`.

use crate::support::{Finished, program, sha256};

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let run = |seed: &str| {
        let arguments = [
            "generate", "--orders", "50", "--tokens", "20", "--pools", "30", "--seed", seed,
        ];
        let finished = Finished::run(&mut program(&arguments));
        assert_eq!((finished.code, finished.errors.as_str()), (Some(0), ""));
        finished.output
    };
    let auction: serde_json::Value = serde_json::from_str(&run("7")).unwrap();
    assert_eq!(auction["orders"].as_array().unwrap().len(), 50);
    assert_eq!(auction["tokens"].as_object().unwrap().len(), 20);
    assert_eq!(auction["liquidity"].as_array().unwrap().len(), 30);
    assert_eq!(sha256(run("7").as_bytes()), sha256(run("7").as_bytes()));
    assert_ne!(sha256(run("7").as_bytes()), sha256(run("8").as_bytes()));
}
