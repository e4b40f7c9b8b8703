//! A compiled tool: everything a call needs, worked out once when the catalog is loaded.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::arguments::Checker;
use crate::outcome::Block;

/// One method of one resource, ready to be listed and called.
///
/// Of thousands of tools most are cold in the processor's caches when they are called. So what a call needs comes first
/// and lies together, in three lines of memory, and what tools have in common they share.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Tool {
    /// The name agents call (`list_all_affinity_persons`).
    pub name: Arc<str>,
    /// Checks and converts arguments.
    pub checker: Arc<Checker>,
    /// Does a call only read? From the annotations; decides what is said of a call that broke off.
    pub read_only: bool,
    /// What a call does.
    pub operation: Operation,
    /// The resource (`persons`).
    pub resource: String,
    /// The method's own name in the catalog (`list`, `get`, `create`, `update`, `delete`, `upload`, …).
    pub method: String,
    /// The tags, in the order of the catalog.
    pub tags: Vec<String>,
    /// The JSON text of the tool's entry in `tools/list`.
    pub listing: String,
}

/// What a call does.
#[derive(Debug)]
pub enum Operation {
    /// An HTTP request to the account's upstream.
    Rest(Rest),
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
    /// Where each argument goes. Arguments of paging are not among them.
    pub places: Arc<[Placed]>,
    /// How the body is written, if there is one.
    pub body: Body,
    /// How the list is paged.
    pub paging: Arc<Paging>,
    /// One request per value of an argument that the caller left out, merged into one list.
    pub fan_out: Option<Box<FanOut>>,
    /// What the answer is.
    pub result: Shape,
}

/// One argument and where it goes upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placed {
    /// The argument's name.
    pub argument: Arc<str>,
    /// Where it goes.
    pub place: Place,
}

/// Where an argument goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Into the path; the template names it.
    Path,
    /// Into the query under this name; a list becomes repeated keys.
    Query(Arc<str>),
    /// Into the JSON body (or as a text part of a multipart body) under this key.
    Body(Arc<str>),
    /// It is a piece of the file part.
    File,
}

/// A path with arguments in it, each in braces (`/persons/{id}`). A value can only ever fill one segment, never end it
/// or add one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate(Box<str>);

/// A piece of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'t> {
    /// Written as it is, slashes included (`/persons/`).
    Literal(&'t str),
    /// The value of this argument, percent-encoded as one whole segment.
    Argument(&'t str),
}

impl PathTemplate {
    /// The path that is written so; no braces but those around arguments.
    #[must_use]
    pub fn new(template: &str) -> Self {
        Self(template.into())
    }

    /// The path as the catalog has it: the span's `url.template`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Its pieces. They are found anew each time: that costs less than to fetch them from where they could be kept.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let (first, rest) = self.0.split_once('{').map_or((&*self.0, None), |(first, rest)| (first, Some(rest)));
        let pieces = rest.into_iter().flat_map(|rest| rest.split('{')).flat_map(|piece| {
            let (argument, literal) = piece.split_once('}').unwrap_or((piece, ""));
            [Segment::Argument(argument), Segment::Literal(literal)]
        });
        [Segment::Literal(first)].into_iter().chain(pieces).filter(|piece| *piece != Segment::Literal(""))
    }
}

/// How a request body is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// No body.
    None,
    /// A JSON object of the arguments placed in the body.
    Json,
    /// `multipart/form-data` (RFC 7578) with one file part.
    Multipart(Box<FilePart>),
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
    Key(Arc<str>),
    /// Under a key that depends on the value of an argument (as JSON text).
    KeyBy {
        /// The argument.
        argument: Arc<str>,
        /// JSON text of its value, and the key.
        keys: Arc<BTreeMap<String, String>>,
    },
}
