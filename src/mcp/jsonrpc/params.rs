//! The parameters of a request, read with serde.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

/// The parameters that some method of MCP looks at, each as it stands in the message; serde refuses one that stands twice.
#[derive(Debug, Default, Deserialize)]
pub struct Params<'b> {
    /// `tools/call`: the tool.
    #[serde(borrow, default, deserialize_with = "present")]
    pub name: Option<&'b str>,
    /// `tools/call`: its arguments.
    #[serde(borrow, default, deserialize_with = "present")]
    pub arguments: Option<&'b str>,
    /// `tools/list`: where to go on.
    #[serde(borrow, default, deserialize_with = "present")]
    pub cursor: Option<&'b str>,
    /// `initialize`: the revision the client would like.
    #[serde(borrow, default, rename = "protocolVersion", deserialize_with = "present")]
    pub protocol_version: Option<&'b str>,
    /// Metadata of the request.
    #[serde(borrow, default, rename = "_meta", deserialize_with = "meta")]
    pub meta: Option<Meta<'b>>,
}

/// `_meta` of a request (MCP 2026-07-28 `basic/index`, "_meta"), each as it stands in the message.
#[derive(Debug, Default, Deserialize)]
pub struct Meta<'b> {
    /// The revision this request is of.
    #[serde(borrow, default, rename = "io.modelcontextprotocol/protocolVersion", deserialize_with = "present")]
    pub protocol_version: Option<&'b str>,
    /// What the client can do.
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientCapabilities", deserialize_with = "present")]
    pub client_capabilities: Option<&'b str>,
    /// Who the client says it is, where that is an object.
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientInfo", deserialize_with = "client_info")]
    pub client_info: Option<ClientInfo<'b>>,
    /// W3C trace context.
    #[serde(borrow, default, deserialize_with = "present")]
    pub traceparent: Option<&'b str>,
}

/// `clientInfo`, as far as anybody is told of it; each as it stands in the message.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct ClientInfo<'b> {
    /// The name.
    #[serde(borrow, default, deserialize_with = "present")]
    pub name: Option<&'b str>,
    /// The version.
    #[serde(borrow, default, deserialize_with = "present")]
    pub version: Option<&'b str>,
}

/// serde would also take the members in order from an array, and `null` for a missing one.
fn object<'de: 'b, 'b, D: Deserializer<'de>, T: Deserialize<'de> + 'b>(deserializer: D) -> Result<T, D::Error> {
    struct Members<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }
    deserializer.deserialize_map(Members(PhantomData))
}

/// The text of a value. A key that is there is `Some`, even if it holds `null`.
pub(super) fn present<'de: 'b, 'b, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'b str>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(|raw| Some(raw.get()))
}

/// Whatever else it may be than an object that names each once says nothing, and is no reason to refuse a request.
fn client_info<'de: 'b, 'b, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ClientInfo<'b>>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    Ok(raw.starts_with('{').then(|| serde_json::from_str(raw).ok()).flatten())
}

/// `_meta` may be `null`, and must be an object else.
fn meta<'de: 'b, 'b, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Meta<'b>>, D::Error> {
    #[derive(Deserialize)]
    struct Members<'b>(#[serde(borrow, deserialize_with = "object")] Meta<'b>);
    Ok(Option::<Members<'b>>::deserialize(deserializer)?.map(|Members(meta)| meta))
}
