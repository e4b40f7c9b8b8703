//! The small call with many MCP servers and with many tools, all called in turn, against one server and 53 tools.

use crate::Error;
use crate::bench::Bench;
use crate::contender::Contender;
use crate::exchange::{Exchange, SERVER_HOLE, TOOL_HOLE};
use crate::payload::Payload;
use crate::results::Case;
use crate::setup::{SERVER, Setup, server, tool};
use crate::stage::Stage;

/// MCP servers.
const SERVERS: [(&str, usize); 3] = [("1 server", 1), ("100 servers", 100), ("10,000 servers", 10_000)];
/// Tools.
const TOOLS: [(&str, usize); 3] = [("53 tools", 53), ("500 tools", 500), ("5,000 tools", 5_000)];

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    let stage = Stage::start(&bench.programs, &[Payload::People])?;
    let traced = Setup { collector: Some(stage.collector), ..Setup::new(stage.upstreams[0]) };

    let named = server(0).replace(&server(0)[server(0).len() - SERVER_HOLE.len()..], SERVER_HOLE);
    let mut contenders = Vec::new();
    for (name, servers) in SERVERS {
        let call = Exchange { servers: servers as u64, ..Exchange::call(&named, Payload::People.tool()) };
        let setup = Setup { servers: Some(servers), ..traced.clone() };
        contenders.push(Contender::chaperone(name, &bench.programs, &setup, call)?);
    }
    bench.rounds("servers", &contenders, &stage, vec![Case::closed(64)])?;

    let named = tool(0).replace(&tool(0)[tool(0).len() - TOOL_HOLE.len()..], TOOL_HOLE);
    let mut contenders = Vec::new();
    for (name, tools) in TOOLS {
        let call = Exchange { tools: tools as u64, ..Exchange::call(SERVER, &named) };
        let setup = Setup { tools: Some(tools), ..traced.clone() };
        contenders.push(Contender::chaperone(name, &bench.programs, &setup, call)?);
    }
    bench.rounds("tools", &contenders, &stage, vec![Case::closed(64)])
}
