//! The catalog that is compiled into the program.

/// Every file of `catalog/`, with its path in the project.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("catalog/affinity/field_values.yaml", include_str!("../../catalog/affinity/field_values.yaml")),
    ("catalog/affinity/field_values_changes.yaml", include_str!("../../catalog/affinity/field_values_changes.yaml")),
    ("catalog/affinity/fields.yaml", include_str!("../../catalog/affinity/fields.yaml")),
    ("catalog/affinity/files.yaml", include_str!("../../catalog/affinity/files.yaml")),
    ("catalog/affinity/integration.yaml", include_str!("../../catalog/affinity/integration.yaml")),
    ("catalog/affinity/interactions.yaml", include_str!("../../catalog/affinity/interactions.yaml")),
    ("catalog/affinity/list_entries.yaml", include_str!("../../catalog/affinity/list_entries.yaml")),
    ("catalog/affinity/lists.yaml", include_str!("../../catalog/affinity/lists.yaml")),
    ("catalog/affinity/notes.yaml", include_str!("../../catalog/affinity/notes.yaml")),
    ("catalog/affinity/opportunities.yaml", include_str!("../../catalog/affinity/opportunities.yaml")),
    ("catalog/affinity/organization_fields.yaml", include_str!("../../catalog/affinity/organization_fields.yaml")),
    ("catalog/affinity/organizations.yaml", include_str!("../../catalog/affinity/organizations.yaml")),
    ("catalog/affinity/person_fields.yaml", include_str!("../../catalog/affinity/person_fields.yaml")),
    ("catalog/affinity/persons.yaml", include_str!("../../catalog/affinity/persons.yaml")),
    ("catalog/affinity/relationship_strength.yaml", include_str!("../../catalog/affinity/relationship_strength.yaml")),
    ("catalog/affinity/reminders.yaml", include_str!("../../catalog/affinity/reminders.yaml")),
    ("catalog/affinity/whoami.yaml", include_str!("../../catalog/affinity/whoami.yaml")),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::catalog::{Catalog, folder};

    #[test]
    fn the_table_lists_every_file_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalog");
        let root = format!("{}/", env!("CARGO_MANIFEST_DIR"));
        let on_disk: Vec<(String, String)> = folder::read(&folder)
            .texts
            .into_iter()
            .map(|(path, text)| (path.strip_prefix(&root).unwrap().to_owned(), text))
            .collect();
        let built_in: Vec<(String, String)> =
            FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        assert!(!on_disk.is_empty());
        assert_eq!(built_in, on_disk);
    }

    #[test]
    fn the_built_in_catalog_stands_every_check_and_is_the_same_without_them() {
        let checked = Catalog::from_texts(FILES).unwrap_or_else(|faults| panic!("{faults}"));
        let proven = Catalog::builtin().unwrap_or_else(|faults| panic!("{faults}"));
        for catalog in [&checked, &proven] {
            assert_eq!(catalog.names().collect::<Vec<_>>(), ["affinity"]);
        }
        let listings = |catalog: &Catalog| {
            catalog.integration("affinity").unwrap().tools.iter().map(|tool| tool.listing.clone()).collect::<Vec<_>>()
        };
        assert_eq!(listings(&checked), listings(&proven));
        for tool in &proven.integration("affinity").unwrap().tools {
            tool.checker.schema.validator();
        }
    }
}
