//! Hostile inputs: a clear answer to each, never a 500, a hang or a closed connection, and the server works on.
//!
//! Each family of cases is a file; a case is what goes over the wire and the answer it must get.

mod arguments;
mod case;
mod envelope;
mod framing;
mod modern;
#[path = "../support/mod.rs"]
mod support;

use case::{Case, Stand};

/// The rule that a family of cases proves, and its cases.
type Family = (&'static str, fn() -> Vec<Case>);

const FAMILIES: [Family; 14] = [
    ("what is not JSON is a parse error", envelope::broken_json),
    ("JSON that is not one message is refused", envelope::not_one_message),
    ("ids are echoed or refused", envelope::ids),
    ("what wants no answer gets 202", envelope::unanswered),
    ("params of a wrong form are refused", envelope::wrong_params),
    ("unknown methods and tools are refused by name", envelope::unknown_names),
    ("a path holds nothing but a number", arguments::in_the_path),
    ("unknown and repeated arguments are refused", arguments::names),
    ("values that do not fit are refused", arguments::values),
    ("text stays text wherever it goes", arguments::text),
    ("header and body agree in 2026-07-28", modern::cases),
    ("only POST to the endpoint is answered", framing::methods_and_paths),
    ("only known origins and JSON are let in", framing::origins_and_types),
    ("broken HTTP is refused", framing::broken_http),
];

#[test]
fn every_hostile_input_gets_its_answer_and_the_server_works_on() {
    let stand = Stand::start();
    let mut wrong = Vec::new();
    for (family, cases) in FAMILIES {
        wrong.extend(
            cases().iter().filter_map(|case| stand.trouble(case)).map(|trouble| format!("{family}: {trouble}")),
        );
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn there_are_more_than_two_hundred_hostile_inputs() {
    let counts = FAMILIES.map(|(_, cases)| cases().len());
    let all: usize = counts.iter().sum();
    println!("{all} hostile inputs");
    assert!(all >= 200 && !counts.contains(&0), "{counts:?}");
}
