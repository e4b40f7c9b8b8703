//! From the start of the process to the line that says it is ready, and the size of the binary.

use std::fs;

use crate::Error;
use crate::bench::Bench;
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::payload::Payload;
use crate::results::{FLOOR, Figure, TRACED};
use crate::setup::{SERVER, Setup};
use crate::stage::Stage;
use crate::stats::Spread;

/// Starts of each.
const STARTS: usize = 11;
const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;

pub(crate) const READY: &str = "start to ready";
pub(crate) const BINARY: &str = "binary";

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    let programs = &bench.programs;
    let stage = Stage::start(programs, &[Payload::People])?;
    let setup = Setup { collector: Some(stage.collector), ..Setup::new(stage.upstreams[0]) };
    let (mut floor, mut chaperone) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let started = Contender::floor(FLOOR, programs, stage.upstreams[0], Payload::People)?;
        floor.push(started.server.ready_after.as_secs_f64() * 1e3);
        let started = Contender::chaperone(TRACED, programs, &setup, Exchange::call(SERVER, Payload::People.tool()))?;
        chaperone.push(started.server.ready_after.as_secs_f64() * 1e3);
    }
    for (contender, starts) in [(FLOOR, floor), (TRACED, chaperone)] {
        let value = Spread::of(starts).map_or(f64::NAN, |spread| spread.median);
        bench.results.figures.push(Figure { name: READY, contender, value, unit: "ms" });
    }
    for (contender, program) in [(FLOOR, &programs.floor), (TRACED, &programs.chaperone)] {
        let bytes = f64::from(u32::try_from(fs::metadata(program)?.len())?);
        bench.results.figures.push(Figure { name: BINARY, contender, value: bytes / BYTES_PER_MIB, unit: "MiB" });
    }
    Ok(())
}
