//! Requests as nearly all of them are written, read without serde and in one pass: no escape in a key, no member twice,
//! none in the envelope that does not belong there. Of all others nothing is said: serde reads them, and says what is
//! wrong with them.

use std::borrow::Cow;

use super::{ClientInfo, Id, Meta, Params, Request};
use crate::json::scan::{self, Stops};

/// The request that a text is, if it is such a one.
pub(super) fn request(text: &str) -> Option<Request<'_>> {
    let (mut jsonrpc, mut id, mut method, mut params) = (None, None, None, None);
    let mut stops = Stops::of(text.as_bytes());
    let end = object(text, scan::space(text.as_bytes(), 0), &mut stops, |key, at, stops| match key {
        "jsonrpc" => once(&mut jsonrpc, cut(text, at, stops)?),
        "id" => once(&mut id, cut(text, at, stops)?),
        "method" => once(&mut method, cut(text, at, stops)?),
        "params" => once(&mut params, read_params(text, at, stops)?),
        _ => None,
    })?;
    let id = Id::of(id?)?;
    let method = method?.strip_prefix('"')?.strip_suffix('"').filter(|method| !method.contains('\\'))?;
    let over = scan::space(text.as_bytes(), end) == text.len();
    let request = Request { id: Some(id), method: Cow::Borrowed(method), params: params.unwrap_or_default() };
    (over && jsonrpc? == "\"2.0\"").then_some(request)
}

fn read_params<'t>(text: &'t str, at: usize, stops: &mut Stops<'_>) -> Option<(Params<'t>, usize)> {
    let mut params = Params::default();
    let end = object(text, at, stops, |key, at, stops| match key {
        "name" => once(&mut params.name, cut(text, at, stops)?),
        "arguments" => once(&mut params.arguments, cut(text, at, stops)?),
        "cursor" => once(&mut params.cursor, cut(text, at, stops)?),
        "protocolVersion" => once(&mut params.protocol_version, cut(text, at, stops)?),
        "_meta" => once(&mut params.meta, read_meta(text, at, stops)?),
        _ => other(text, key, at, stops),
    })?;
    Some((params, end))
}

fn read_meta<'t>(text: &'t str, at: usize, stops: &mut Stops<'_>) -> Option<(Meta<'t>, usize)> {
    let mut meta = Meta::default();
    let end = object(text, at, stops, |key, at, stops| match key {
        "io.modelcontextprotocol/protocolVersion" => once(&mut meta.protocol_version, cut(text, at, stops)?),
        "io.modelcontextprotocol/clientCapabilities" => once(&mut meta.client_capabilities, cut(text, at, stops)?),
        "io.modelcontextprotocol/clientInfo" => once(&mut meta.client_info, read_client(text, at, stops)?),
        "traceparent" => once(&mut meta.traceparent, cut(text, at, stops)?),
        _ => other(text, key, at, stops),
    })?;
    Some((meta, end))
}

fn read_client<'t>(text: &'t str, at: usize, stops: &mut Stops<'_>) -> Option<(ClientInfo<'t>, usize)> {
    let mut info = ClientInfo::default();
    let end = object(text, at, stops, |key, at, stops| match key {
        "name" => once(&mut info.name, cut(text, at, stops)?),
        "version" => once(&mut info.version, cut(text, at, stops)?),
        _ => other(text, key, at, stops),
    })?;
    Some((info, end))
}

/// The members of the object that begins here: `member` gets a key and where its value begins, and says where that ends.
/// Comes back with where the object ends.
fn object<'t, 's>(
    text: &'t str,
    at: usize,
    stops: &mut Stops<'s>,
    mut member: impl FnMut(&'t str, usize, &mut Stops<'s>) -> Option<usize>,
) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = scan::space(bytes, scan::take(bytes, at, b'{')?);
    if bytes.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    loop {
        let begun = scan::take(bytes, at, b'"')?;
        let ended = scan::string(bytes, begun, stops)?;
        let key = text.get(begun..ended - 1)?;
        let value = scan::space(bytes, scan::take(bytes, scan::space(bytes, ended), b':')?);
        at = scan::space(bytes, member(key, value, stops)?);
        match bytes.get(at)? {
            b',' => at = scan::space(bytes, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The text of the value that begins here, and where it ends.
fn cut<'t>(text: &'t str, at: usize, stops: &mut Stops<'_>) -> Option<(&'t str, usize)> {
    let end = scan::value(text.as_bytes(), at, stops)?;
    Some((text.get(at..end)?, end))
}

/// Puts what was read at its place. `None` where that is taken.
fn once<T>(place: &mut Option<T>, (read, end): (T, usize)) -> Option<usize> {
    place.replace(read).is_none().then_some(end)
}

/// A member that nobody looks at, unless its key is another one in disguise.
fn other(text: &str, key: &str, at: usize, stops: &mut Stops<'_>) -> Option<usize> {
    if key.contains('\\') { None } else { scan::value(text.as_bytes(), at, stops) }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::super::{Envelope, Message, message};
    use super::*;

    const VALUES: &str =
        r#"1 -7 1.5 01 null true nul {} [] [1,{"a":[]}] {"a":1,"a":2} {"name":"n"} "2.0" "a\\" "\u0041" "é""#;

    const PARAMS: [&str; 7] = ["name", "arguments", "cursor", "protocolVersion", "_meta", "n\\u0061me", "else"];

    const META: [&str; 5] = [
        "io.modelcontextprotocol/protocolVersion",
        "io.modelcontextprotocol/clientInfo",
        "io.modelcontextprotocol/clientCapabilities",
        "traceparent",
        "else",
    ];

    const CLIENT: [&str; 4] = ["name", "version", "n\\u0061me", "else"];

    fn value() -> BoxedStrategy<String> {
        select(VALUES.split(' ').collect::<Vec<_>>()).prop_map(ToOwned::to_owned).boxed()
    }

    /// Up to four members, their keys taken at random.
    fn members_of(keys: &'static [&'static str], value: BoxedStrategy<String>) -> BoxedStrategy<String> {
        let member = (select(keys), value, select(vec!["", " ", "\n\t"]));
        let member = member.prop_map(|(key, value, space)| format!("{space}\"{key}\"{space}:{space}{value}{space}"));
        prop::collection::vec(member, 0..5).prop_map(|members| members.join(",")).boxed()
    }

    /// Messages, most of them nearly sound.
    fn messages() -> impl Strategy<Value = String> {
        let object = |members: BoxedStrategy<String>| members.prop_map(|members| format!("{{{members}}}")).boxed();
        let client = object(members_of(&CLIENT, value()));
        let meta = object(members_of(&META, prop_oneof![value(), client].boxed()));
        let params = object(members_of(&PARAMS, prop_oneof![value(), meta].boxed()));
        let more = prop_oneof![
            4 => Just(String::new()),
            1 => members_of(&["jsonrpc", "id", "method", "else"], value()).prop_map(|members| format!(",{members}")),
        ];
        let sound = |text: &str, value| prop_oneof![6 => Just(text.to_owned()), 1 => value];
        (sound("7", value()), sound("\"tools/call\"", value()), prop_oneof![6 => params, 1 => value()], more).prop_map(
            |(id, method, params, more)| {
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{params}{more}}}"#)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn what_is_read_here_serde_reads_alike(text in messages()) {
            if let Some(plain) = request(&text) {
                let envelope: Envelope<'_> = serde_json::from_str(&text).unwrap();
                let Ok(Message::Request(by_serde)) = message(&envelope) else { panic!("serde refuses {text}") };
                prop_assert_eq!(format!("{plain:?}"), format!("{by_serde:?}"));
            }
        }
    }

    #[test]
    fn what_clients_send_is_read_here() {
        let meta = r#""_meta":{"io.modelcontextprotocol/clientInfo":{"name":"a"},"progressToken":1}"#;
        for (method, params) in [
            ("ping", String::new()),
            ("tools/list", r#","params":{}"#.into()),
            ("tools/list", format!(r#", "params" : {{ {meta}, "cursor": null }}"#)),
            ("tools/call", format!(r#","params":{{"name":"n","arguments":{{"a":["\u00e9"]}},{meta}}}"#)),
        ] {
            let text = format!(r#" {{"jsonrpc":"2.0","id":"\u0041","method":"{method}"{params}}} "#);
            let request = request(&text).expect(&text);
            assert_eq!((request.id.unwrap().get(), &*request.method), (r#""\u0041""#, method));
            assert_eq!(request.params.meta.is_some(), params.contains("_meta"));
        }
    }

    #[test]
    fn what_stands_twice_or_does_not_belong_there_is_left_to_serde() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","else":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"m\u0065thod":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"p\u0069ng"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"name":"a","name":"b"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"traceparent":"a","traceparent":"b"}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","method":"ping"}"#,
        ] {
            assert!(request(text).is_none(), "{text}");
        }
    }
}
