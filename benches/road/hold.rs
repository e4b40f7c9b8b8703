//! Connections that are used once and then kept: what a contender holds for callers that wait.

use std::convert::Infallible;
use std::future;
use std::net::SocketAddr;

use crate::Error;
use crate::connection::Connection;
use crate::exchange::{Exchange, FIRST_NUMBER};

/// Opens them, and keeps them until it is killed.
pub(crate) async fn run(target: SocketAddr, exchange: Exchange, connections: usize) -> Result<Infallible, Error> {
    let mut held = Vec::with_capacity(connections);
    for number in (FIRST_NUMBER..).take(connections) {
        let mut connection = Connection::open(target, &exchange).await?;
        connection.call(number).await?;
        held.push(connection);
    }
    // Nobody connects to it; what it says is that all of them are there.
    road::announce(target)?;
    future::pending().await
}
