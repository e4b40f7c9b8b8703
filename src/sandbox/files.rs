//! `/entity-files`: no update, no delete.

use http::{HeaderValue, header, uri::Authority};
use serde_json::{Value, json};

use super::{
    answer::{Answer, Fault, Result},
    call::{Call, Path},
    id::Id,
    multipart::FilePart,
    page::{MAX_SIZE, Page},
    record::{Entity, EntityFile, Kind},
    state::State,
};

/// Newest first.
pub(super) fn list(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let params = &call.request.params;
    let target = state.target(params)?;
    let page = Page::<Id>::read(params, MAX_SIZE)?;
    let found = state.files.before(page.after.unwrap_or(Id::MAX));
    let found = found.filter(|(_, file)| target.is_none_or(|target| file.target == target));
    Ok(page.answer("entity_files", found.map(|(id, file)| (id, view(file)))))
}

pub(super) fn get(state: &mut State, _call: &Call<'_>, path: Path) -> Result {
    Ok(Answer::json(&view(state.files.find("entity_file_id", path.first)?)))
}

/// One part `file` or several parts `files[]`, for exactly one entity.
pub(super) fn upload(state: &mut State, call: &Call<'_>, _path: Path) -> Result {
    let target = state.target(&call.request.params)?.ok_or_else(|| {
        Fault::unprocessable("Exactly one of person_id, organization_id or opportunity_id must be specified")
    })?;
    let parts = call.request.files.iter();
    let parts: Vec<&FilePart> =
        parts.filter(|part| ["file", "files", "files[]"].contains(&part.field.as_str())).collect();
    if parts.is_empty() {
        return Err(Fault::unprocessable("At least one file must be uploaded using the file or files parameters"));
    }
    let uploader_id = state.me;
    let files: Vec<Value> = parts
        .into_iter()
        .map(|part| {
            view(state.files.add(|id| EntityFile {
                id,
                name: part.name.clone(),
                media_type: part.media_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned()),
                content: part.content.clone(),
                target,
                uploader_id,
                created_at: call.now,
            }))
        })
        .collect();
    Ok(Answer::json(&json!({ "success": true, "entity_files": files })))
}

/// A redirect to the storage.
pub(super) fn download(state: &mut State, call: &Call<'_>, path: Path) -> Result {
    let file = state.files.find("entity_file_id", path.first)?;
    let host = call.request.headers.get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let host = host.ok_or_else(|| Fault::unprocessable("The request has no valid Host header"))?;
    let location = HeaderValue::from_str(&call.signer.url(host.host(), file.id, call.now));
    Ok(Answer::redirect(location.expect("a host name and a path are printable ASCII")))
}

fn view(file: &EntityFile) -> Value {
    let Entity { kind, id } = file.target;
    let of = |wanted: Kind| (kind == wanted).then_some(id);
    json!({
        "id": file.id, "name": file.name, "size": file.content.len(), "person_id": of(Kind::Person),
        "organization_id": of(Kind::Organization), "opportunity_id": of(Kind::Opportunity),
        "created_at": file.created_at, "uploader_id": file.uploader_id,
    })
}
