//! The texts of a catalog into integrations: every fault of every file at once, and nothing if there is one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    integration::{Integration, document::Declared},
    resource,
    tool::Tool,
};
use crate::document::{At, Fault, Faults, Node, Sink, parse};

/// The file that says what holds for a whole integration.
pub(crate) const INTEGRATION: &str = "integration.yaml";

/// Most resources of an integration.
pub(crate) const MAX_RESOURCES: usize = 512;

/// All integrations of these files, by name; `sink` makes what takes the faults of a file.
pub(crate) fn read(
    texts: &[(&str, &str)],
    sink: fn(&str) -> Sink,
) -> Result<BTreeMap<String, Arc<Integration>>, Faults> {
    let mut folders: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (path, text) in texts {
        folders.entry(split(path).0).or_default().push((path, text));
    }
    let mut faults = Vec::new();
    let mut integrations = BTreeMap::new();
    for (folder, files) in folders {
        match integration(folder, &files, sink) {
            Ok(read) if integrations.contains_key(&read.name) => {
                let message = format!("the integration `{}` is in another folder too", read.name);
                faults.extend(Faults::whole_file(folder, message).0);
            }
            Ok(read) => {
                integrations.insert(read.name.clone(), Arc::new(read));
            }
            Err(more) => faults.extend(more.0),
        }
    }
    Faults(faults).into_result(integrations)
}

/// Folder and file name of a path.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once(['/', '\\']).unwrap_or((".", path))
}

/// A parsed file.
struct File {
    sink: Sink,
    node: Node,
}

fn integration(folder: &str, files: &[(&str, &str)], sink: fn(&str) -> Sink) -> Result<Integration, Faults> {
    if files.len() > MAX_RESOURCES + 1 {
        let message = format!("expected at most {MAX_RESOURCES} resources, found {}", files.len() - 1);
        return Err(Faults::whole_file(folder, message));
    }
    let mut faults = Vec::new();
    let mut whole = None;
    let mut resources = Vec::new();
    for (path, text) in files {
        match parse(path, text) {
            Ok(node) if split(path).1 == INTEGRATION => whole = Some(File { sink: sink(path), node }),
            Ok(node) => resources.push(File { sink: sink(path), node }),
            Err(fault) => faults.push(fault),
        }
    }
    let Some(whole) = whole else {
        if !files.iter().any(|(path, _)| split(path).1 == INTEGRATION) {
            faults.extend(Faults::whole_file(folder, format!("{INTEGRATION} is missing")).0);
        }
        return Err(Faults(faults));
    };
    let read = compile(&whole, &resources);
    for file in std::iter::once(whole).chain(resources) {
        faults.extend(file.sink.into_faults().0);
    }
    Faults(sorted(faults, files)).into_result(()).and_then(|()| {
        read.ok_or_else(|| Faults::whole_file(folder, "the integration was not understood, and nothing said why"))
    })
}

/// Faults in the order of the files.
fn sorted(mut faults: Vec<Fault>, files: &[(&str, &str)]) -> Vec<Fault> {
    faults.sort_by_key(|fault| files.iter().position(|(path, _)| *path == &*fault.file));
    // A faulty argument set is found at every use of it.
    faults.dedup();
    faults
}

fn compile(whole: &File, resources: &[File]) -> Option<Integration> {
    let declared = Declared::read(&At::root(&whole.sink, &whole.node))?;
    let mut tools = Vec::new();
    let mut names = HashMap::new();
    let mut seen = HashMap::new();
    for file in resources {
        let root = At::root(&file.sink, &file.node);
        let Some(read) = resource::read(&root, &declared) else { continue };
        if let Some(first) = seen.insert(read.name, file.sink.file().clone()) {
            root.fault(format!("the resource `{}` is in {first} too", read.name));
        }
        for (at, tool) in read.tools {
            unique(&mut names, &at, &file.sink, &tool);
            tools.push(tool);
        }
    }
    declared.integration(tools)
}

/// No two tools of an integration have one name.
fn unique(names: &mut HashMap<Arc<str>, String>, at: &At<'_>, sink: &Sink, tool: &Tool) {
    let place = format!("{}:{}", sink.file(), at.place().line);
    if let Some(first) = names.get(&tool.name) {
        at.fault(format!("the tool name `{}` is taken by the method at {first}", tool.name));
    } else {
        names.insert(tool.name.clone(), place);
    }
}
