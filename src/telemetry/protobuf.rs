//! Protocol buffers, as far as OTLP takes them (<https://protobuf.dev/programming-guides/encoding/>): written straight into
//! bytes, without a tree of messages first.

/// Wire types.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const DELIMITED: u32 = 2;
const FIXED32: u32 = 5;

/// A message that is being written: fields are added at the end of the bytes.
#[derive(Debug)]
pub(super) struct Message<'b>(pub(super) &'b mut Vec<u8>);

impl Message<'_> {
    /// A field of `int32`, `int64`, `uint32`, `uint64`, `bool` or an enumeration.
    pub(super) fn number(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.varint(value);
    }

    /// A field of `fixed32`.
    pub(super) fn fixed32(&mut self, field: u32, value: u32) {
        self.tag(field, FIXED32);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A field of `fixed64`.
    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Fields that are written already.
    pub(super) fn fields(&mut self, written: &[u8]) {
        self.0.extend_from_slice(written);
    }

    /// A field of `bytes` or `string`.
    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.head(field, value.len());
        self.0.extend_from_slice(value);
    }

    /// A field of `string`, put together of parts.
    pub(super) fn joined(&mut self, field: u32, parts: &[&str]) {
        self.head(field, parts.iter().map(|part| part.len()).sum());
        for part in parts {
            self.0.extend_from_slice(part.as_bytes());
        }
    }

    /// The beginning of a field of `bytes`, `string` or a message: so many bytes come next.
    pub(super) fn head(&mut self, field: u32, length: usize) {
        self.tag(field, DELIMITED);
        self.varint(length as u64);
    }

    /// A field of a message. Its length stands before it and is known after it: one byte is kept free, which does for most;
    /// what is longer is moved.
    #[inline]
    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Message<'_>)) {
        self.tag(field, DELIMITED);
        self.0.push(0);
        let begin = self.0.len();
        write(&mut Message(self.0));
        let length = self.0.len() - begin;
        if length < 0x80 {
            self.0[begin - 1] = byte(length as u64);
        } else {
            self.widen(begin, length);
        }
    }

    /// A field of a message of a key (1) and a value (2), which is a message of a text (1): an attribute.
    pub(super) fn pair(&mut self, field: u32, key: &str, text: &str) {
        /// Each of the three lengths within, and the tag before it.
        const HEADS: usize = 6;
        if key.len() + text.len() + HEADS >= 0x80 {
            return self.message(field, |pair| {
                pair.bytes(1, key.as_bytes());
                pair.message(2, |value| value.bytes(1, text.as_bytes()));
            });
        }
        // As nearly all are: every length takes a byte, and is known beforehand.
        let (one, two) = (byte(u64::from(1 << 3 | DELIMITED)), byte(u64::from(2 << 3 | DELIMITED)));
        let [key_length, text_length] = [key.len(), text.len()].map(|length| byte(length as u64));
        self.0.reserve(key.len() + text.len() + HEADS + 2);
        self.tag(field, DELIMITED);
        self.0.extend_from_slice(&[key_length + text_length + byte(HEADS as u64), one, key_length]);
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(&[two, text_length + 2, one, text_length]);
        self.0.extend_from_slice(text.as_bytes());
    }

    #[cold]
    fn widen(&mut self, begin: usize, length: usize) {
        let end = self.0.len();
        self.varint(length as u64);
        let written = self.0.len() - end;
        let mut varint = [0; 10];
        varint[..written].copy_from_slice(&self.0[end..]);
        // The first byte has its place, the others push the message.
        self.0.copy_within(begin..end, begin - 1 + written);
        self.0[begin - 1..begin - 1 + written].copy_from_slice(&varint[..written]);
        self.0.truncate(end + written - 1);
    }

    #[inline]
    fn tag(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    #[inline]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(byte(value) | 0x80);
            value >>= 7;
        }
        self.0.push(byte(value));
    }
}

/// The lowest seven bits.
#[inline]
fn byte(value: u64) -> u8 {
    (value & 0x7f) as u8
}

/// The bytes a varint takes.
pub(super) fn varint_length(value: usize) -> usize {
    (usize::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// The value of a field that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'b> {
    /// Of wire type 0.
    Number(u64),
    /// Of wire type 2.
    Bytes(&'b [u8]),
    /// Of another wire type; nobody here asks for one.
    Other,
}

/// The fields of a message, in the order in which they come; ends where the bytes are no message.
#[derive(Debug)]
pub(super) struct Fields<'b>(pub(super) &'b [u8]);

impl<'b> Fields<'b> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = (u32, Value<'b>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = u32::try_from(self.varint()?).ok()?;
        let value = match tag & 7 {
            VARINT => Value::Number(self.varint()?),
            DELIMITED => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            FIXED64 => self.take(8).map(|_| Value::Other)?,
            FIXED32 => self.take(4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
    use opentelemetry_proto::tonic::trace::v1::{Span, Status};
    use proptest::{collection::vec, prelude::any, prop_assert_eq, proptest};
    use prost::Message as _;

    use super::*;

    fn write(span: &Span) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut message = Message(&mut bytes);
        message.bytes(1, &span.trace_id);
        message.joined(5, &[&span.name]);
        message.number(6, u64::from(span.kind.unsigned_abs()));
        message.fixed64(7, span.start_time_unix_nano);
        for KeyValue { key, value, .. } in &span.attributes {
            if let Some(any_value::Value::StringValue(text)) = value.clone().and_then(|any| any.value) {
                message.pair(9, key, &text);
                continue;
            }
            message.message(9, |pair| {
                pair.bytes(1, key.as_bytes());
                pair.message(2, |any| match value.clone().and_then(|any| any.value) {
                    Some(any_value::Value::IntValue(number)) => any.number(3, number.cast_unsigned()),
                    other => panic!("{other:?}"),
                });
            });
        }
        message.message(15, |status| status.bytes(2, span.status.clone().unwrap_or_default().message.as_bytes()));
        message.fixed32(16, span.flags);
        bytes
    }

    fn string(text: String) -> AnyValue {
        AnyValue { value: Some(any_value::Value::StringValue(text)) }
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_others_read(
            name in ".{0,300}",
            numbers in vec(any::<i64>(), 0..4),
            texts in vec(("[a-z.]{0,200}", ".{0,200}"), 0..6),
            repeated in 0_usize..20_000,
            start in any::<u64>(),
            flags in any::<u32>(),
        ) {
            let mut attributes: Vec<_> = texts
                .into_iter()
                .map(|(key, text)| KeyValue { key, value: Some(string(text)), ..KeyValue::default() })
                .collect();
            attributes.extend(numbers.into_iter().map(|number| {
                let value = Some(AnyValue { value: Some(any_value::Value::IntValue(number)) });
                KeyValue { key: "number".into(), value, ..KeyValue::default() }
            }));
            attributes.push(KeyValue { key: "x".into(), value: Some(string("x".repeat(repeated))), ..KeyValue::default() });
            let status = Some(Status { message: name.clone(), code: 0 });
            let trace_id = start.to_be_bytes().to_vec();
            let span = Span { trace_id, name, kind: 3, start_time_unix_nano: start, attributes, status, flags, ..Span::default() };
            let bytes = write(&span);
            prop_assert_eq!(Span::decode(&bytes[..]).unwrap(), span);
        }

        #[test]
        fn the_length_of_a_varint_is_known_before_it_is_written(value in any::<usize>(), bits in 0_u32..usize::BITS) {
            let mut bytes = Vec::new();
            Message(&mut bytes).varint((value >> bits) as u64);
            prop_assert_eq!(varint_length(value >> bits), bytes.len());
        }

        #[test]
        fn what_others_wrote_is_read_and_what_is_no_message_ends(message in ".{0,200}", code in 1_i32.., cut in 0_usize..220) {
            let bytes = Status { message: message.clone(), code }.encode_to_vec();
            let fields: Vec<_> = Fields(&bytes).collect();
            let text = (!message.is_empty()).then_some((2, Value::Bytes(message.as_bytes())));
            let expected: Vec<_> = text.into_iter().chain([(3, Value::Number(u64::from(code.unsigned_abs())))]).collect();
            prop_assert_eq!(fields, expected);
            let cut = Fields(&bytes[..cut.min(bytes.len())]).count();
            assert!(cut <= 2);
        }
    }
}
