//! The file name of an answer: `Content-Disposition` (RFC 6266) with `filename*` (RFC 8187).

use percent_encoding::percent_decode_str;

/// The file name that a `Content-Disposition` names, without any path; `filename*` goes before `filename`.
pub(super) fn file_name(header: &[u8]) -> Option<String> {
    let header = String::from_utf8_lossy(header);
    let (mut plain, mut extended) = (None, None);
    for (name, value) in Parameters(header.split_once(';')?.1) {
        if name.eq_ignore_ascii_case("filename*") {
            extended = extended.or_else(|| decoded(&value));
        } else if name.eq_ignore_ascii_case("filename") {
            plain = plain.or(Some(value));
        }
    }
    extended.as_deref().and_then(safe).or_else(|| plain.as_deref().and_then(safe))
}

/// `UTF-8'language'percent-encoded` (RFC 8187 section 3.2); also ISO-8859-1, which older servers send.
fn decoded(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decode_str(text);
    if charset.eq_ignore_ascii_case("utf-8") {
        return bytes.decode_utf8().ok().map(std::borrow::Cow::into_owned);
    }
    charset.eq_ignore_ascii_case("iso-8859-1").then(|| bytes.map(char::from).collect())
}

/// Only the name: a path before it and control characters are left out (RFC 6266 section 4.3).
fn safe(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    let name = name.trim();
    (!matches!(name, "" | "." | "..")).then(|| name.to_owned())
}

/// The parameters of a header value: `name=token` or `name="quoted"`.
struct Parameters<'h>(&'h str);

impl<'h> Iterator for Parameters<'h> {
    type Item = (&'h str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_once('=')?;
        let rest = rest.trim_start();
        let value = if let Some(quoted) = rest.strip_prefix('"') {
            self.quoted(quoted)
        } else {
            let (value, rest) = rest.split_once(';').unwrap_or((rest, ""));
            self.0 = rest;
            value.trim().to_owned()
        };
        Some((name.trim_matches([';', ' ', '\t']), value))
    }
}

impl<'h> Parameters<'h> {
    fn quoted(&mut self, text: &'h str) -> String {
        let mut value = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => value.extend(characters.next()),
                plain => value.push(plain),
            }
        }
        self.0 = characters.as_str();
        value
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn the_name_is_found_in_every_form_and_never_a_path() {
        for (header, expected) in [
            ("attachment; filename=\"report.pdf\"", Some("report.pdf")),
            ("attachment; filename=report.pdf; size=3", Some("report.pdf")),
            ("attachment; FileName = \"a; b=\\\"c\\\".pdf\"; x=y", Some("a; b=\"c\".pdf")),
            ("attachment; filename=\"e.pdf\"; filename*=UTF-8''%C3%A9%20b.pdf", Some("é b.pdf")),
            ("attachment; filename*=iso-8859-1'en'%E9.pdf", Some("é.pdf")),
            ("attachment; filename=\"a.pdf\"; filename*=KOI8-R''x", Some("a.pdf")),
            ("attachment; filename=\"../../etc/passwd\"", Some("passwd")),
            ("attachment; filename=\"C:\\\\x\\\\a.txt\"", Some("a.txt")),
            ("attachment; filename=\"..\"", None),
            ("attachment; filename=\"unclosed", Some("unclosed")),
            ("attachment; filename=", None),
            ("attachment", None),
            ("", None),
        ] {
            assert_eq!(file_name(header.as_bytes()).as_deref(), expected, "{header}");
        }
    }
}
