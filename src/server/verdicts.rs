//! What a policy says of every tool of its integration, worked out once for all servers whose policies say the same.
//!
//! Of ten thousand servers most have one of a few policies: what they share is in memory once, and at hand for one
//! because it was for the other.

use std::{collections::HashMap, sync::Arc};

use super::rules::Rules;
use crate::catalog::{integration::Integration, offer::Offer};

/// What a server decides of a tool name.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'s> {
    /// The tool may be called.
    Allowed {
        /// The tool.
        offer: &'s Offer,
        /// The rule that allows it, for the log.
        rule: &'s str,
    },
    /// The tool is there, but not for this server.
    Hidden {
        /// The rule that hides it, for the log.
        rule: &'s str,
    },
    /// The catalog has no such tool.
    Unknown,
}

/// The verdicts of one policy on all tools of one integration.
#[derive(Debug)]
pub struct Verdicts {
    /// The tools it shows, in the order of the catalog.
    pub tools: Arc<[Offer]>,
    /// By the place of the tool in the integration.
    each: Box<[Verdict]>,
    /// Every rule that decides of a tool, once.
    rules: Vec<String>,
}

/// A tool that is shown, if it is, and the place of the rule that decides. The offer stands here too, so that a call does
/// not look for it elsewhere: of thousands of tools most are cold.
#[derive(Debug)]
enum Verdict {
    Allowed { offer: Offer, rule: u32 },
    Hidden { rule: u32 },
}

/// The rules of a policy and what came of them.
#[derive(Clone, Debug)]
pub struct Known {
    /// The rules.
    pub rules: Arc<Rules>,
    /// What they say of every tool.
    pub verdicts: Arc<Verdicts>,
}

/// The policies that were met while a set of servers is made.
#[derive(Debug, Default)]
pub struct Policies(HashMap<Arc<Rules>, Vec<Known>>);

impl Policies {
    /// The verdicts of these rules on this integration, made where they are met for the first time.
    pub fn of(&mut self, rules: Rules, integration: &Arc<Integration>) -> Known {
        let rules = Arc::new(rules);
        let same_rules = self.0.entry(rules.clone()).or_default();
        if let Some(known) = same_rules.iter().find(|known| known.verdicts.are_on(integration)) {
            return known.clone();
        }
        let verdicts = Arc::new(Verdicts::new(&rules, integration));
        same_rules.push(Known { rules, verdicts });
        same_rules[same_rules.len() - 1].clone()
    }
}

impl Verdicts {
    fn new(rules: &Rules, integration: &Arc<Integration>) -> Self {
        let mut places: HashMap<String, u32> = HashMap::new();
        let mut texts = Vec::new();
        let mut tools = Vec::new();
        let mut place_of = |text: String| {
            *places.entry(text).or_insert_with_key(|text| {
                texts.push(text.clone());
                place(texts.len() - 1)
            })
        };
        let mut each = Vec::with_capacity(integration.tools.len());
        for (index, tool) in integration.tools.iter().enumerate() {
            each.push(match rules.judge(tool) {
                Ok(rule) => {
                    let offer = Offer { integration: integration.clone(), index };
                    tools.push(offer.clone());
                    Verdict::Allowed { offer, rule: place_of(rule) }
                }
                Err(rule) => Verdict::Hidden { rule: place_of(rule) },
            });
        }
        Self { tools: tools.into(), each: each.into(), rules: texts }
    }

    /// The verdict on the tool at this place of the integration.
    #[must_use]
    pub fn of(&self, place: usize) -> Decision<'_> {
        match self.each.get(place) {
            Some(Verdict::Allowed { offer, rule }) => Decision::Allowed { offer, rule: &self.rules[*rule as usize] },
            Some(Verdict::Hidden { rule }) => Decision::Hidden { rule: &self.rules[*rule as usize] },
            None => Decision::Unknown,
        }
    }

    /// Rules that leave no tool are refused, so that there is a first one.
    fn are_on(&self, integration: &Arc<Integration>) -> bool {
        self.tools.first().is_some_and(|offer| Arc::ptr_eq(&offer.integration, integration))
    }
}

fn place(place: usize) -> u32 {
    u32::try_from(place).expect("a policy has fewer rules")
}
