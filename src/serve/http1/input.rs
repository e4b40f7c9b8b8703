//! What was read of a connection and not yet taken. An idle connection holds no room for it.

use std::{
    future::Future as _,
    io, mem,
    pin::pin,
    task::{Context, Poll, ready},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::room;

/// Read what there is behind `data`, up to `wanted` bytes if something is there already: how many bytes came.
pub(super) fn poll_more<I: AsyncRead + Unpin>(
    data: &mut Bytes,
    io: &mut I,
    wanted: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if data.is_empty() {
        *data = ready!(room::poll_read(io, cx))?.freeze();
        return Poll::Ready(Ok(data.len()));
    }
    // The rest of what was only begun: it has a place of its own, and leaves the room to others.
    let mut more = BytesMut::from(mem::take(data));
    more.reserve(wanted);
    let read = pin!(io.read_buf(&mut (&mut more).limit(wanted))).poll(cx);
    *data = more.freeze();
    read
}
