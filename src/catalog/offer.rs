//! A tool to be listed or called, and the integration that keeps it alive.

use std::{fmt, sync::Arc};

use super::{integration::Integration, tool::Tool};

/// A tool and the integration it belongs to.
#[derive(Clone)]
pub struct Offer {
    /// The integration.
    pub integration: Arc<Integration>,
    /// The tool's place in the integration.
    pub index: usize,
}

impl Offer {
    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &Tool {
        &self.integration.tools[self.index]
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Offer").field(&self.tool().name).finish()
    }
}
