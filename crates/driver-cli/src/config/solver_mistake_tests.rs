//! What is said of mistakes in `[[solver]]`.

use super::mistake_tests::assert_refused;

/// That each text is refused with the message that follows it, when it continues a table that is good so far: its
/// first line is the fourth of the file.
fn assert_solver_refused(cases: &[(&str, &str)]) {
    let texts: Vec<String> = cases
        .iter()
        .map(|(text, _)| {
            format!(
                "[[solver]]\nname = \"a\"\nendpoint = \"http://user:hunter2@localhost\"\n{text}"
            )
        })
        .collect();
    let messages: Vec<String> = cases
        .iter()
        .map(|(_, message)| format!("driver.toml:{message}"))
        .collect();
    let texts = texts.iter().map(String::as_str);
    let messages = messages.iter().map(String::as_str);
    assert_refused(&texts.zip(messages).collect::<Vec<_>>());
}

#[test]
fn a_solver_needs_a_name_and_an_endpoint() {
    assert_refused(&[
        (
            "\n[[solver]]",
            "driver.toml:2:1: solver[0]: the key name is missing",
        ),
        (
            "solver = [\n  { name = 'a' },\n]",
            "driver.toml:2:3: solver[0]: the key endpoint is missing",
        ),
        (
            "[[solver]]\nname = ''\nendpoint = 'http://h'",
            "driver.toml:2:1: solver[0].name: the solver's name is empty",
        ),
        (
            "[[solver]]\nname = \"a\\n\"\nendpoint = 'http://h'",
            "driver.toml:2:1: solver[0].name: the solver's name \"a\\n\" has a control character",
        ),
        (
            "[[solver]]\nname = 'a'\nendpoint = 'http://user:hunter2@h:99999'",
            "driver.toml:3:1: solver[0].endpoint: the URL of solver \"a\" does not parse: invalid port number",
        ),
        (
            "[[solver]]\nname = 'a'\nendpoint = 'ftp://user:hunter2@h'",
            "driver.toml:3:1: solver[0].endpoint: is not an http or https URL: it must begin with http:// or https://",
        ),
        (
            "[[solver]]\nname = 'a'\nendpoint = 'hunter2:x@h'",
            "driver.toml:3:1: solver[0].endpoint: is not an http or https URL: it must begin with http:// or https://",
        ),
        (
            "[[solver]]\nname = 1\nendpoint = ''",
            "driver.toml:2:1: solver[0].name: must be a string, and is of type integer",
        ),
        (
            "[[solver]]\nname = 'a'\nendpoint = []",
            "driver.toml:3:1: solver[0].endpoint: must be a string, and is of type array",
        ),
    ]);
}

#[test]
fn names_are_taken_once() {
    assert_solver_refused(&[
        (
            "[[solver]]\nname = 'b'\nendpoint = 'http://h'\n[[solver]]\nendpoint = 'http://h'\nname = 'a'",
            "9:1: solver[2].name: the name \"a\" is already that of solver[0], on line 2",
        ),
        (
            "[[solver]]\nname = 'b'\nendpoint = 'http://h'\nencoding = 'lz4'",
            "7:1: solver[1].encoding: no encoding is called \"lz4\", only gzip, zstd, br and auto",
        ),
    ]);
}

#[test]
fn switches_numbers_and_durations_are_checked() {
    assert_solver_refused(&[
        (
            "timout = '10s'",
            "4:1: solver[0].timout: there is no such key: is it timeout?",
        ),
        (
            "skip_liquidity = true",
            "4:1: solver[0].skip_liquidity: there is no such key: is it skip-liquidity?",
        ),
        (
            "timeout = '1day 1s'",
            "4:1: solver[0].timeout: must be more than 0s and at most 1day",
        ),
        (
            "timeout = 10",
            "4:1: solver[0].timeout: has no unit: write \"10s\"",
        ),
        (
            "skip-liquidity = 'yes'",
            "4:1: solver[0].skip-liquidity: must be a boolean, and is of type string",
        ),
        (
            "length = 1",
            "4:1: solver[0].length: must be a boolean, and is of type integer",
        ),
        (
            "http2 = 'h2c'",
            "4:1: solver[0].http2: must be a boolean, and is of type string",
        ),
        (
            "retries = 101",
            "4:1: solver[0].retries: must be 0 to 100, and is 101",
        ),
        (
            "retries = -1",
            "4:1: solver[0].retries: must be 0 to 100, and is -1",
        ),
        (
            "answer-limit = 0",
            "4:1: solver[0].answer-limit: must be 1 to 1000000000, and is 0",
        ),
        (
            "answer-limit = 1_000_000_001",
            "4:1: solver[0].answer-limit: must be 1 to 1000000000, and is 1000000001",
        ),
        (
            "answer-limit = -30000000",
            "4:1: solver[0].answer-limit: must be 1 to 1000000000, and is -30000000",
        ),
        (
            "answer-limit = '30 MB'",
            "4:1: solver[0].answer-limit: must be an integer, and is of type string",
        ),
        (
            "answer_limit = 1",
            "4:1: solver[0].answer_limit: there is no such key: is it answer-limit?",
        ),
        (
            "retries = 99999999999999999999",
            "4:1: solver[0].retries: the integer is out of range",
        ),
        (
            "retries = 2.0",
            "4:1: solver[0].retries: must be an integer, and is of type floating point",
        ),
    ]);
}

#[test]
fn encodings_are_checked() {
    assert_solver_refused(&[
        (
            "encoding = 'identity'",
            "4:1: solver[0].encoding: no encoding is called \"identity\", only gzip, zstd, br and auto",
        ),
        (
            "encoding = true",
            "4:1: solver[0].encoding: must be a string, and is of type boolean",
        ),
        (
            "encoding-level = 3",
            "4:1: solver[0].encoding-level: means nothing without the key encoding",
        ),
        (
            "encoding = 'brotli'\nencoding-level = 12",
            "5:1: solver[0].encoding-level: brotli has no level 12, only 0 to 11",
        ),
        (
            "encoding = 'auto'\nencoding-level = 3",
            "5:1: solver[0].encoding-level: identity has no levels, so none of 3",
        ),
        (
            "length = true\nencoding = 'auto'",
            "4:1: solver[0].length: length and encoding exclude each other: the length of a compressed body is not known before it is sent",
        ),
        (
            "length = true\nencoding = 'gzip'",
            "4:1: solver[0].length: length and encoding exclude each other: the length of a compressed body is not known before it is sent",
        ),
    ]);
}

#[test]
fn members_are_checked() {
    assert_solver_refused(&[
        (
            "set = 1",
            "4:1: solver[0].set: must be a table, and is of type integer",
        ),
        (
            "set = { x = 1, \"\" = 2 }",
            "4:16: solver[0].set.\"\": the member's name is empty",
        ),
        ("[solver.set]\nx = 1\nx = 2", "6:1: x: duplicate key"),
        (
            "[solver.set]\nx = 'now-99999999999999999999s'",
            "5:1: solver[0].set.x: is not an instant: number is too large or cannot be represented without a lack of precision (values below 1ns are not supported)",
        ),
    ]);
}

#[test]
fn headers_are_checked() {
    let many: Vec<String> = (0..101).map(|number| format!("x-{number} = ''")).collect();
    let many = format!("headers = {{ {} }}", many.join(", "));
    assert_solver_refused(&[
        (
            "headers = 'x: hunter2'",
            "4:1: solver[0].headers: must be a table, and is of type string",
        ),
        (
            "headers = 1979-05-27",
            "4:1: solver[0].headers: must be a table, and is a date or time",
        ),
        (
            "headers = { x-api-key = 1 }",
            "4:13: solver[0].headers.x-api-key: must be a string, and is of type integer",
        ),
        (
            "headers = { \"x-api-key: hunter2\" = '' }",
            "4:13: solver[0].headers: a header's name, which is not shown, has a character that it must not have, or none",
        ),
        (
            "headers = { '' = '' }",
            "4:13: solver[0].headers: a header's name, which is not shown, has a character that it must not have, or none",
        ),
        (
            "headers = { x-api-key = \"hunter2\\n\" }",
            "4:13: solver[0].headers.x-api-key: the header's value, which is not shown, has a character that is neither visible ASCII nor a space",
        ),
        (
            "[solver.headers]\nX-Api-Key = 'hunter2'\nx-api-key = 'hunter2'",
            "6:1: solver[0].headers.x-api-key: the header is already set, on line 5",
        ),
        (
            &many,
            "4:1: solver[0].headers: there are 101 headers, more than 100",
        ),
    ]);
}

#[test]
fn headers_that_are_the_programs_to_set_are_refused() {
    for name in [
        "Content-Type",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "HOST",
        "Accept-Encoding",
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
    ] {
        let text = format!("headers = {{ {name} = 'hunter2' }}");
        let message = format!(
            "4:13: solver[0].headers.{name}: the header is the program's to set: it is about the body, the connection or \
             how the answer is encoded"
        );
        assert_solver_refused(&[(&text, &message)]);
    }
}

#[test]
fn lag_policies_are_checked() {
    assert_solver_refused(&[
        (
            "lag = 'hurry'",
            "4:1: solver[0].lag: \"hurry\" is none of wait, fail, replay",
        ),
        (
            "lag = 1",
            "4:1: solver[0].lag: must be a string or a table, and is of type integer",
        ),
        (
            "lag = 1979-05-27",
            "4:1: solver[0].lag: must be a table, and is a date or time",
        ),
        (
            "lag = { then = 'fail' }",
            "4:1: solver[0].lag: the key patience is missing",
        ),
        (
            "lag = { patience = '0s' }",
            "4:9: solver[0].lag.patience: must be more than 0s and at most 1day",
        ),
        (
            "lag = { patience = '1s', then = 'wait' }",
            "4:26: solver[0].lag.then: \"wait\" is none of fail, replay",
        ),
        (
            "lag = { patience = '1s', next = 'fail' }",
            "4:26: solver[0].lag.next: there is no such key",
        ),
        (
            "lag = { patience = 1 }",
            "4:9: solver[0].lag.patience: has no unit: write \"1s\"",
        ),
    ]);
}
