//! Finding the MCP server of a request.

use chaperone::app::assemble;
use chaperone::server::api_tokens::ApiTokens;
use chaperone::server::registry::Registry;
use chaperone::server::token;

use crate::Error;
use crate::measure::Bench;
use crate::scene::Scene;

/// Measures the look-up by token and by name among few and among many servers.
pub(crate) fn bench(bench: &mut Bench, scene: &Scene) -> Result<(), Error> {
    for count in [1, 1000] {
        let registry = registry(scene, count)?;
        let token = format!("token-{}", count / 2);
        let name = format!("open-{}", count / 2);
        bench.measure(&format!("registry/by token, of {count}"), || (), async |()| registry.by_token(&token).is_some());
        bench.measure(&format!("registry/by name, of {count}"), || (), async |()| registry.open(&name).is_some());
        if registry.by_token(&token).is_none() || registry.open(&name).is_none() {
            return Err("expected the servers that were written".into());
        }
    }
    Ok(())
}

/// So many servers with a token, and as many without.
fn registry(scene: &Scene, count: usize) -> Result<Registry, Error> {
    let texts: Vec<String> = (0..count)
        .flat_map(|n| {
            let hash = token::to_hex(&token::hash(&format!("token-{n}")));
            [
                format!("name: closed-{n}\naccount: road\nconfig: {{}}\ntoken: {{sha256: \"{hash}\"}}\n"),
                format!("name: open-{n}\naccount: road\nconfig: {{}}\ntoken: none\n"),
            ]
        })
        .collect();
    let documents: Vec<(&str, &str)> = texts.iter().map(|text| ("servers.yaml", text.as_str())).collect();
    let accounts = vec![scene.server().account.clone()];
    let registry = assemble::from_documents(&documents, accounts, ApiTokens::new(), scene.config.serve.listen);
    registry.map_err(|faults| faults.to_string().into())
}
