//! The records, as Affinity's answers show them. What is skipped is shown elsewhere or not at all.

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{id::Id, table::Record, time::Time};

/// What a list holds, a field belongs to, or a note hangs on. The numbers are Affinity's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Person = 0,
    Organization = 1,
    Opportunity = 8,
}

impl Kind {
    pub(super) const CODES: &'static [i64] = &[0, 1, 8];

    pub(super) fn from_code(code: i64) -> Option<Self> {
        [Self::Person, Self::Organization, Self::Opportunity].into_iter().find(|kind| *kind as i64 == code)
    }

    pub(super) fn model(self) -> &'static str {
        match self {
            Self::Person => Person::MODEL,
            Self::Organization => Organization::MODEL,
            Self::Opportunity => Opportunity::MODEL,
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

/// One person, organization or opportunity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entity {
    pub(super) kind: Kind,
    pub(super) id: Id,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Person {
    pub(super) id: Id,
    /// 0 external, 1 internal.
    #[serde(rename = "type", serialize_with = "as_number")]
    pub(super) internal: bool,
    pub(super) first_name: String,
    pub(super) last_name: Option<String>,
    pub(super) primary_email: Option<String>,
    pub(super) emails: Vec<String>,
    #[serde(skip)]
    pub(super) organization_ids: Vec<Id>,
    /// Those of `organization_ids` that the person has left.
    #[serde(skip)]
    pub(super) past_organization_ids: Vec<Id>,
}

impl Person {
    /// Where the person is today; only there do their interactions count.
    pub(super) fn current_organization_ids(&self) -> impl Iterator<Item = Id> {
        self.organization_ids.iter().copied().filter(|id| !self.past_organization_ids.contains(id))
    }
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Organization {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) domain: Option<String>,
    pub(super) domains: Vec<String>,
    pub(super) crunchbase_uuid: Option<String>,
    /// Kept by Affinity for everybody: not to be renamed or deleted.
    pub(super) global: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Opportunity {
    pub(super) id: Id,
    pub(super) name: String,
    #[serde(skip)]
    pub(super) person_ids: Vec<Id>,
    #[serde(skip)]
    pub(super) organization_ids: Vec<Id>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct List {
    pub(super) id: Id,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) public: bool,
    pub(super) owner_id: Id,
    pub(super) creator_id: Id,
    pub(super) additional_permissions: Vec<Permission>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Permission {
    pub(super) internal_person_id: Id,
    /// 0 admin, 1 basic, 2 standard.
    pub(super) role_id: i64,
}

#[derive(Clone, Debug)]
pub(super) struct ListEntry {
    pub(super) id: Id,
    pub(super) list_id: Id,
    pub(super) creator_id: Id,
    pub(super) entity: Entity,
    pub(super) created_at: Time,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) id: Id,
    pub(super) name: String,
    /// `None` for a global field.
    pub(super) list_id: Option<Id>,
    pub(super) entity_type: Kind,
    pub(super) value_type: i64,
    pub(super) allows_multiple: bool,
    pub(super) track_changes: bool,
    pub(super) options: Vec<DropdownOption>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct DropdownOption {
    pub(super) id: Id,
    pub(super) text: String,
    pub(super) rank: usize,
    pub(super) color: u8,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct FieldValue {
    pub(super) id: Id,
    pub(super) field_id: Id,
    pub(super) list_entry_id: Option<Id>,
    pub(super) entity_type: Kind,
    pub(super) value_type: i64,
    pub(super) entity_id: Id,
    pub(super) created_at: Time,
    pub(super) updated_at: Option<Time>,
    pub(super) value: Value,
}

impl FieldValue {
    pub(super) fn entity(&self) -> Entity {
        Entity { kind: self.entity_type, id: self.entity_id }
    }
}

#[derive(Clone, Debug)]
pub(super) struct FieldChange {
    pub(super) id: Id,
    pub(super) field_id: Id,
    pub(super) entity: Entity,
    pub(super) list_entry_id: Option<Id>,
    /// 0 create, 1 delete, 2 update.
    pub(super) action_type: i64,
    pub(super) changer: Id,
    pub(super) changed_at: Time,
    /// The old value of a delete, else the new one.
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) struct Interaction {
    pub(super) id: Id,
    pub(super) date: Time,
    pub(super) end_time: Option<Time>,
    pub(super) updated_at: Option<Time>,
    /// A meeting's or call's title, an email's subject.
    pub(super) title: String,
    /// 0 sent by an internal person, 1 received; emails and chat messages only.
    pub(super) direction: Option<i64>,
    /// Who logged it by hand; `None` for what was synchronised.
    pub(super) manual_creator_id: Option<Id>,
    pub(super) notes: Vec<Id>,
    /// Everybody on it; an email's sender comes first.
    pub(super) person_ids: Vec<Id>,
}

#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) id: Id,
    pub(super) creator_id: Id,
    pub(super) person_ids: Vec<Id>,
    pub(super) organization_ids: Vec<Id>,
    pub(super) opportunity_ids: Vec<Id>,
    /// Type and id of the interaction that the note is on.
    pub(super) interaction: Option<(usize, Id)>,
    pub(super) parent_id: Option<Id>,
    pub(super) content: String,
    /// 0 plain text, 1 from an email, 2 HTML, 3 written by the notetaker.
    pub(super) kind: i64,
    pub(super) created_at: Time,
    pub(super) updated_at: Option<Time>,
}

#[derive(Clone, Debug)]
pub(super) struct Reminder {
    pub(super) id: Id,
    pub(super) recurring: bool,
    pub(super) created_at: Time,
    pub(super) completed_at: Option<Time>,
    pub(super) content: Option<String>,
    pub(super) due_date: Time,
    pub(super) reset_type: Option<i64>,
    pub(super) every_days: Option<i64>,
    pub(super) creator: Id,
    pub(super) owner: Id,
    pub(super) completer: Option<Id>,
    pub(super) target: Option<Entity>,
}

#[derive(Clone, Debug)]
pub(super) struct EntityFile {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) content: Bytes,
    pub(super) target: Entity,
    pub(super) uploader_id: Id,
    pub(super) created_at: Time,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Webhook {
    pub(super) id: Id,
    #[serde(rename = "webhook_url")]
    pub(super) url: String,
    /// Empty for every event.
    pub(super) subscriptions: Vec<String>,
    pub(super) disabled: bool,
    pub(super) created_by: Id,
}

macro_rules! models {
    ($($record:ident => $name:literal),* $(,)?) => {
        $(impl Record for $record { const MODEL: &'static str = $name; })*
    };
}

models! {
    Person => "Person",
    Organization => "Organization",
    Opportunity => "Opportunity",
    List => "List",
    ListEntry => "ListEntry",
    Field => "EntityAttribute",
    FieldValue => "EntityAttributeValue",
    FieldChange => "EntityAttributeValueChange",
    Interaction => "Interaction",
    Note => "Note",
    Reminder => "Reminder",
    EntityFile => "EntityFile",
    Webhook => "WebhookSubscription",
}

/// What every answer about a record has; the handlers add to it.
pub(super) fn members(record: &impl Serialize) -> Map<String, Value> {
    match json!(record) {
        Value::Object(members) => members,
        other => unreachable!("a record is an object, not {other}"),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `serialize_with` gives a reference")]
fn as_number<S: Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}
