//! Which HTTP a connection speaks that hyper gets, told by its first bytes.

/// What an HTTP/2 client says first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// As much of it as is no method of HTTP/1.1.
const ENOUGH: usize = "PRI".len();

/// The versions that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// HTTP/1.1 and 1.0.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

impl Version {
    /// The version that a connection speaks which begins so, as far as it has come.
    pub(super) fn told_by(first: &[u8]) -> Self {
        let is_preface = first.len() >= ENOUGH && first.iter().zip(PREFACE).all(|(is, expected)| is == expected);
        if is_preface { Self::Http2 } else { Self::Http1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_preface_is_http_2_and_the_beginning_of_one_is_enough() {
        let more = [PREFACE, b"\0\0\0\x04\0\0\0\0\0"].concat();
        let cases: [(&[u8], Version); 9] = [
            (b"", Version::Http1),
            (b"P", Version::Http1),
            (b"PRI", Version::Http2),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", Version::Http2),
            (PREFACE, Version::Http2),
            (&more, Version::Http2),
            (b"POST /mcp/some-server HT", Version::Http1),
            (b"PRI * HTTP/1.1\r\n", Version::Http1),
            (b"\x16\x03\x01", Version::Http1),
        ];
        for (first, expected) in cases {
            assert_eq!(Version::told_by(first), expected, "{}", first.escape_ascii());
        }
    }
}
