//! What the upstream answers: lists as Affinity gives them, of a size that is known to the byte.

use serde::{Deserialize, Serialize};

use crate::exchange::{DIGITS, QUERY_PREFIX};

/// Where the query stands in an answer.
const HOLE: &str = "?????????????????";

const PEOPLE: &str = concat!(
    r#"{"persons":[{"id":38706,"type":0,"first_name":"?????????????????","last_name":"Doe","#,
    r#""primary_email":"jane.doe@acme.example","emails":["jane.doe@acme.example"],"#,
    r#""organization_ids":[3209384]},"#,
    r#"{"id":624289,"type":1,"first_name":"Allison","last_name":"Reyes","#,
    r#""primary_email":"allison@globex.example","emails":["allison@globex.example"],"#,
    r#""organization_ids":[3209384]},"#,
    r#"{"id":971107,"type":0,"first_name":"Ravi","last_name":"Chan","#,
    r#""primary_email":"ravi@initech.example","emails":["ravi@initech.example"],"#,
    r#""organization_ids":[88131]}],"next_page_token":null}"#,
);

// Checked by the compiler: a list of another length would be another bench.
const _: () = assert!(PEOPLE.len() == 547 && HOLE.len() == QUERY_PREFIX.len() + DIGITS);

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Payload {
    /// Three people, 547 bytes: the small call.
    People,
    /// A list of 200 bytes, one organization.
    Bytes200,
    /// A list of 5 KB.
    Kilobytes5,
    /// A list of 150 KB, 500 organizations: the largest page there is.
    Kilobytes150,
    /// A list of 340 KB: as many bytes as chaperone writes of 150 KB.
    Kilobytes340,
    /// A list of 5 MB: no page, but what some endpoints give whole.
    Megabytes5,
}

impl Payload {
    /// The tool that gets it.
    pub(crate) fn tool(self) -> &'static str {
        match self {
            Self::People => crate::exchange::TOOL,
            _ => "list_all_affinity_organizations",
        }
    }

    /// What a right answer of the upstream's own holds near its beginning.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Self::People => r#""persons":["#,
            _ => r#""organizations":["#,
        }
    }

    /// Bytes of the list.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::People => PEOPLE.len(),
            Self::Bytes200 => 200,
            Self::Kilobytes5 => 5_000,
            Self::Kilobytes150 => 150_000,
            Self::Kilobytes340 => 340_000,
            Self::Megabytes5 => 5_000_000,
        }
    }

    /// The list, and where in it the query goes.
    pub(crate) fn template(self) -> (Vec<u8>, usize) {
        let text = match self {
            Self::People => PEOPLE.to_owned(),
            _ => organizations(self.bytes()),
        };
        let hole = text.find(HOLE).expect("every list has a hole");
        (text.into_bytes(), hole)
    }
}

/// A list of `bytes` bytes; the last organization's domain makes it even.
fn organizations(bytes: usize) -> String {
    const END: &str = r#"],"next_page_token":null}"#;
    let mut text = format!(r#"{{"organizations":[{{"id":64779194,"name":"{HOLE}","global":false"#);
    let last = r#","domain":""}"#.len() + END.len();
    let mut id = 64_779_195;
    loop {
        let next = format!(
            concat!(
                r#","domain":"acme-{id}.example","domains":["acme-{id}.example","mail.acme-{id}.example"],"#,
                r#""crunchbase_uuid":null,"person_ids":[38706,624289,971107,89734,117270],"#,
                r#""opportunity_ids":[4,117],"list_entries":[]}},"#,
                r#"{{"id":{id},"name":"Acme \"{id}\" Holdings","global":false"#,
            ),
            id = id,
        );
        if text.len() + next.len() + last > bytes {
            break;
        }
        text.push_str(&next);
        id += 1;
    }
    let filling = "d".repeat(bytes.saturating_sub(text.len() + last));
    text + r#","domain":""# + &filling + r#""}"# + END
}
