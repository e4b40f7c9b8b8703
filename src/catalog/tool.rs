//! A compiled tool: everything a call needs, worked out once when the catalog is loaded.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::arguments::Checker;
use crate::outcome::Block;

/// One method of one resource, ready to be listed and called.
#[derive(Debug)]
pub struct Tool {
    /// The name agents call (`list_all_affinity_persons`).
    pub name: String,
    /// The resource (`persons`).
    pub resource: String,
    /// The method's own name in the catalog (`list`, `get`, `create`, `update`, `delete`, `upload`, …).
    pub method: String,
    /// The tags, in the order of the catalog.
    pub tags: Vec<String>,
    /// Does a call only read? From the annotations; decides what is said of a call that broke off.
    pub read_only: bool,
    /// The JSON text of the tool's entry in `tools/list`.
    pub listing: String,
    /// Checks and converts arguments.
    pub checker: Checker,
    /// What a call does.
    pub operation: Operation,
}

/// What a call does.
#[derive(Debug)]
pub enum Operation {
    /// An HTTP request to the account's upstream.
    Rest(Box<Rest>),
    /// A fixed answer, given by the catalog.
    Static {
        /// The content blocks, verbatim.
        blocks: Vec<Block>,
        /// `structuredContent`, the text of a JSON object.
        structured: Option<Bytes>,
        /// `isError`.
        is_error: bool,
    },
}

/// How arguments become an HTTP request and the answer becomes a result.
#[derive(Debug)]
pub struct Rest {
    /// HTTP method.
    pub method: http::Method,
    /// Path below the account's base URL.
    pub path: PathTemplate,
    /// The path as the catalog has it (`/persons/{id}`): the span's `url.template`.
    pub template: String,
    /// Where each argument goes. Arguments of paging are not among them.
    pub places: Vec<Placed>,
    /// How the body is written, if there is one.
    pub body: Body,
    /// How the list is paged.
    pub paging: Paging,
    /// One request per value of an argument that the caller left out, merged into one list.
    pub fan_out: Option<FanOut>,
    /// What the answer is.
    pub result: Shape,
}

/// One argument and where it goes upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The argument's name.
    pub argument: String,
    /// Where it goes.
    pub place: Place,
}

/// Where an argument goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into the path; the template names it.
    Path,
    /// Into the query under this name; a list becomes repeated keys.
    Query(String),
    /// Into the JSON body (or as a text part of a multipart body) under this key.
    Body(String),
    /// It is a piece of the file part.
    File,
}

/// A path with arguments in it. A value can only ever fill one segment, never end it or add one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate(pub Vec<Segment>);

/// A piece of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Written as it is, slashes included (`/persons/`).
    Literal(String),
    /// The value of this argument, percent-encoded as one whole segment.
    Argument(String),
}

/// How a request body is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// No body.
    None,
    /// A JSON object of the arguments placed in the body.
    Json,
    /// `multipart/form-data` (RFC 7578) with one file part.
    Multipart(FilePart),
}

/// The file part of a multipart body: which arguments make it, and what it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// Name of the form field.
    pub part: String,
    /// Argument that holds the file name.
    pub name: String,
    /// Argument that holds the content in base64.
    pub content: String,
    /// Argument that holds the media type.
    pub media_type: String,
}

/// How a list is paged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Not at all.
    None,
    /// An opaque token in the answer is sent back in the query.
    Token {
        /// Query parameter for the page size; always sent.
        size: String,
        /// Query parameter for the token.
        token: String,
        /// Key of the next token in the answer's envelope.
        next: String,
        /// Page size when the caller names no `limit`.
        default: u64,
    },
    /// The next page begins after the last item of this one.
    Keyset {
        /// Query parameter for the page size; sent only if the caller names a `limit`.
        size: String,
        /// Paging works only when these arguments have these values, in the query under the same names.
        when: BTreeMap<String, serde_json::Value>,
        /// Query parameter and the key of the last item whose value it takes.
        after: BTreeMap<String, String>,
    },
}

/// One request per value, merged.
#[derive(Clone, Debug, PartialEq)]
pub struct FanOut {
    /// The argument that the caller may leave out.
    pub argument: String,
    /// Its values; one stream of items each.
    pub values: Vec<serde_json::Value>,
    /// Key of the items by which the merged list is ordered, newest (largest) first; an RFC 3339 time.
    pub newest_first: String,
}

/// What the upstream's answer is, and so what the agent gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// An object, passed on as it is.
    Object,
    /// A list: becomes `{"result": […], "next_cursor": …}`.
    List {
        /// Where the items are.
        items: Items,
    },
    /// An acknowledgement of a delete: becomes `{"id": …, "deleted": true}`.
    Deleted,
    /// A file, perhaps behind a redirect that is followed without the credential.
    Binary {
        /// Content larger than this is given as a link, in bytes.
        inline_limit: usize,
    },
}

/// Where the items of a list are in the answer. A bare array is always accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Items {
    /// The answer is the array.
    Whole,
    /// Under this key.
    Key(String),
    /// Under a key that depends on the value of an argument (as JSON text).
    KeyBy {
        /// The argument.
        argument: String,
        /// JSON text of its value, and the key.
        keys: BTreeMap<String, String>,
    },
}
