//! multipart/form-data (RFC 7578) of a body that is whole in memory.

use bytes::Bytes;
use http::HeaderValue;

use super::{
    answer::{Fault, Result},
    params::Params,
};

/// A part that carries a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilePart {
    /// The part's name: `file` or `files[]`.
    pub(super) field: String,
    pub(super) name: String,
    pub(super) media_type: Option<String>,
    pub(super) content: Bytes,
}

/// Read `body`: text parts go into `params`, files are given back.
pub(super) fn read(body: &Bytes, content_type: &HeaderValue, params: &mut Params) -> Result<Vec<FilePart>> {
    let boundary = content_type.to_str().ok().and_then(|text| attribute(text, "boundary"));
    let boundary = boundary.ok_or_else(|| malformed("no boundary"))?;
    let delimiter = format!("\r\n--{boundary}");
    let mut at = if body.starts_with(&delimiter.as_bytes()[2..]) {
        delimiter.len() - 2
    } else {
        find(body, delimiter.as_bytes(), 0).ok_or_else(|| malformed("no first boundary"))? + delimiter.len()
    };
    let mut files = Vec::new();
    while !body[at..].starts_with(b"--") {
        let head = find(body, b"\r\n", at).ok_or_else(|| malformed("no line end after a boundary"))? + 2;
        let end =
            find(body, delimiter.as_bytes(), head.saturating_sub(2)).ok_or_else(|| malformed("no last boundary"))?;
        let split = find(&body[..end], b"\r\n\r\n", head).ok_or_else(|| malformed("a part without a header"))?;
        part(&body[head..split], body.slice(split + 4..end), params, &mut files)?;
        at = end + delimiter.len();
    }
    Ok(files)
}

fn part(head: &[u8], content: Bytes, params: &mut Params, files: &mut Vec<FilePart>) -> Result<()> {
    let head = std::str::from_utf8(head).map_err(|_| malformed("a header that is not UTF-8"))?;
    let header = |wanted: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let disposition = header("content-disposition").ok_or_else(|| malformed("a part without a disposition"))?;
    let field = attribute(disposition, "name").ok_or_else(|| malformed("a part without a name"))?;
    if let Some(name) = attribute(disposition, "filename") {
        let media_type = header("content-type").map(str::to_owned);
        files.push(FilePart { field, name, media_type, content });
    } else {
        let text = String::from_utf8(content.to_vec()).map_err(|_| malformed("a text part that is not UTF-8"))?;
        params.add(&field, text);
    }
    Ok(())
}

/// `name="value"` or `name=value` among the attributes of a header.
fn attribute(header: &str, name: &str) -> Option<String> {
    let mut attributes = header.split(';').skip(1).filter_map(|pair| pair.split_once('='));
    let (_, value) = attributes.find(|(found, _)| found.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"').replace("%22", "\""))
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let haystack = haystack.get(from..)?;
    let first = *needle.first()?;
    let mut at = 0;
    while let Some(skip) = haystack[at..].iter().position(|byte| *byte == first) {
        at += skip;
        if haystack[at..].starts_with(needle) {
            return Some(from + at);
        }
        at += 1;
    }
    None
}

fn malformed(what: &str) -> Fault {
    Fault::unprocessable(format!("The multipart body is malformed: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(body: &str) -> Result<(Params, Vec<FilePart>)> {
        let mut params = Params::default();
        let kind = HeaderValue::from_static("multipart/form-data; boundary=\"xx\"");
        let files = read(&Bytes::copy_from_slice(body.as_bytes()), &kind, &mut params)?;
        Ok((params, files))
    }

    #[test]
    fn text_parts_become_parameters_and_files_keep_their_bytes() {
        let body = "--xx\r\nContent-Disposition: form-data; name=\"person_id\"\r\n\r\n7\r\n--xx\r\n\
                    Content-Disposition: form-data; name=\"files[]\"; filename=\"a b.txt\"\r\ncontent-type: text/plain\r\n\
                    \r\none\r\n--x\r\n\r\n--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"e\"\r\n\r\n\r\n--xx--\r\n";
        let (params, files) = read_all(body).unwrap();
        assert_eq!(params.id("person_id").unwrap(), Some(7));
        assert_eq!(files[0].field, "files[]");
        assert_eq!(files[0].name, "a b.txt");
        assert_eq!(files[0].media_type.as_deref(), Some("text/plain"));
        assert_eq!(files[0].content, "one\r\n--x\r\n");
        assert_eq!((files[1].name.as_str(), files[1].content.len()), ("e", 0));
    }

    #[test]
    fn a_body_that_ends_early_is_refused() {
        for body in
            ["", "--xx", "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n7", "--xx\r\n\r\n7\r\n--xx--"]
        {
            assert!(read_all(body).is_err(), "{body}");
        }
    }
}
