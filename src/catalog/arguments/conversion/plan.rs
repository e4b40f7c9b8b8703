//! Which types a schema takes, at every place of a value: worked out once, when the catalog is loaded.

use std::collections::HashMap;

use serde_json::Value;

use super::types::Types;
use crate::catalog::schema::lookup;

/// How deep a schema may nest once its references are written out.
const MAX_DEPTH: usize = 64;

/// How many schemas may stand in one once its references are written out.
const MAX_SCHEMAS: usize = 10_000;

/// What a value may be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The types that the schema takes; all if it does not say.
    pub(super) types: Types,
    members: HashMap<String, Plan>,
    other_members: Option<Box<Plan>>,
    first_items: Vec<Plan>,
    other_items: Option<Box<Plan>>,
}

impl Plan {
    /// The plan of a schema without circles.
    ///
    /// # Errors
    /// The schema grows beyond all measure once its references are written out.
    pub(crate) fn new(schema: &Value) -> Result<Self, String> {
        Builder { root: schema, schemas: 0 }.plan(schema, 0)
    }

    /// The plan of a member of an object.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.members.get(name).or(self.other_members.as_deref())
    }

    /// The plan of an item of a list.
    pub(super) fn item(&self, n: usize) -> Option<&Self> {
        self.first_items.get(n).or(self.other_items.as_deref())
    }

    fn anything() -> Self {
        let (members, first_items) = (HashMap::new(), Vec::new());
        Self { types: Types::ALL, members, other_members: None, first_items, other_items: None }
    }

    /// A value that fits both plans.
    fn both(mut self, other: Self) -> Self {
        self.types = self.types.and(other.types);
        for (name, plan) in other.members {
            let plan = match self.members.remove(&name) {
                Some(own) => own.both(plan),
                None => plan,
            };
            self.members.insert(name, plan);
        }
        self.other_members = both(self.other_members, other.other_members);
        self.other_items = both(self.other_items, other.other_items);
        if self.first_items.is_empty() {
            self.first_items = other.first_items;
        }
        self
    }

    /// A value that fits one of two plans; where the two speak of different members, nothing is known of these.
    fn either(&self, other: &Self) -> Self {
        let types = self.types.or(other.types);
        let objects = pair(self, other, Types::OBJECT);
        let lists = pair(self, other, Types::ARRAY);
        let members = objects.0.members.iter().filter_map(|(name, plan)| {
            let other = objects.1.member(name)?;
            Some((name.clone(), plan.either(other)))
        });
        let items = lists.0.other_items.as_deref().zip(lists.1.other_items.as_deref());
        let other_items = items.map(|(one, other)| Box::new(one.either(other)));
        Self { types, members: members.collect(), other_members: None, first_items: Vec::new(), other_items }
    }
}

/// Both plans, or twice the one that takes values of this type.
fn pair<'p>(one: &'p Plan, other: &'p Plan, kind: Types) -> (&'p Plan, &'p Plan) {
    match (one.types.has(kind), other.types.has(kind)) {
        (true, false) => (one, one),
        (false, true) => (other, other),
        _ => (one, other),
    }
}

fn both(one: Option<Box<Plan>>, other: Option<Box<Plan>>) -> Option<Box<Plan>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Box::new(one.both(*other))),
        (one, other) => one.or(other),
    }
}

struct Builder<'s> {
    root: &'s Value,
    schemas: usize,
}

impl Builder<'_> {
    fn plan(&mut self, schema: &Value, depth: usize) -> Result<Plan, String> {
        self.schemas += 1;
        if depth > MAX_DEPTH || self.schemas > MAX_SCHEMAS {
            return Err(format!(
                "the schema, with its references written out, is deeper than {MAX_DEPTH} levels or larger than \
                 {MAX_SCHEMAS} schemas"
            ));
        }
        let mut plan = self.own(schema, depth + 1)?;
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|target| lookup(self.root, target)) {
            plan = plan.both(self.plan(target, depth + 1)?);
        }
        for branch in list(schema, "allOf") {
            plan = plan.both(self.plan(branch, depth + 1)?);
        }
        for keyword in ["anyOf", "oneOf"] {
            let mut union: Option<Plan> = None;
            for branch in list(schema, keyword) {
                let branch = self.plan(branch, depth + 1)?;
                union = Some(match union {
                    Some(union) => union.either(&branch),
                    None => branch,
                });
            }
            plan = if let Some(union) = union { plan.both(union) } else { plan };
        }
        Ok(plan)
    }

    fn own(&mut self, schema: &Value, depth: usize) -> Result<Plan, String> {
        let mut plan = Plan::anything();
        if let Some(types) = schema.get("type") {
            plan.types = Types::named(types);
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            plan.types = plan.types.and(values.iter().map(Types::of).fold(Types::EMPTY, Types::or));
        }
        if let Some(value) = schema.get("const") {
            plan.types = plan.types.and(Types::of(value));
        }
        for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            plan.members.insert(name.clone(), self.plan(member, depth)?);
        }
        for item in list(schema, "prefixItems") {
            let item = self.plan(item, depth)?;
            plan.first_items.push(item);
        }
        if let Some(members) = schema.get("additionalProperties") {
            plan.other_members = Some(Box::new(self.plan(members, depth)?));
        }
        if let Some(items) = schema.get("items") {
            plan.other_items = Some(Box::new(self.plan(items, depth)?));
        }
        Ok(plan)
    }
}

fn list<'s>(schema: &'s Value, keyword: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(keyword).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn references_that_multiply_are_refused_and_not_followed_for_ever() {
        let mut defs = Map::new();
        for n in 0..40 {
            let next = json!({"$ref": format!("#/$defs/{}", n + 1)});
            defs.insert(n.to_string(), json!({"items": next, "additionalProperties": next, "allOf": [next]}));
        }
        defs.insert("40".to_owned(), json!({}));
        let error = Plan::new(&json!({"$defs": defs, "$ref": "#/$defs/0"})).unwrap_err();
        assert!(error.contains("written out"), "{error}");
    }
}
