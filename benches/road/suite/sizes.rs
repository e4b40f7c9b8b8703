//! Results from 200 bytes to 5 MB, against the floor that forwards the same list; and at 150 KB against one that writes as
//! many bytes as chaperone, which has the list to write twice.

use crate::Error;
use crate::bench::Bench;
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::payload::Payload;
use crate::results::{AS_MANY, Case, FLOOR, PLAIN, TRACED};
use crate::setup::{SERVER, Setup};
use crate::stage::Stage;

/// The group, the list, and the connections that get it: with large ones few are enough to keep a core at work.
const SIZES: [(&str, Payload, usize); 4] = [
    ("200 B", Payload::Bytes200, 64),
    ("5 KB", Payload::Kilobytes5, 64),
    ("150 KB", Payload::Kilobytes150, 16),
    ("5 MB", Payload::Megabytes5, 4),
];

pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<(), Error> {
    for (name, payload, connections) in SIZES {
        let programs = &bench.programs;
        let stage = Stage::start(programs, &[payload, Payload::Kilobytes340])?;
        let [upstream, larger] = stage.upstreams[..] else { return Err("expected two upstreams".into()) };
        let plain = Setup::new(upstream);
        let traced = Setup { collector: Some(stage.collector), ..plain.clone() };
        let call = || Exchange::call(SERVER, payload.tool());
        let mut contenders = vec![
            Contender::floor(FLOOR, programs, upstream, payload)?,
            Contender::chaperone(PLAIN, programs, &plain, call())?,
            Contender::chaperone(TRACED, programs, &traced, call())?,
        ];
        if matches!(payload, Payload::Kilobytes150) {
            contenders.push(Contender::floor(AS_MANY, programs, larger, Payload::Kilobytes340)?);
        }
        bench.rounds(name, &contenders, &stage, vec![Case::closed(connections)])?;
    }
    Ok(())
}
