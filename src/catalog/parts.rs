//! What tools have in common is in memory once: at hand for one because it was for the other.
//!
//! The tools of a large catalog are alike in their parts. Most take arguments that others take too, put them in the same
//! places, and page in the one style of their API.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    hash::Hash,
    rc::Rc,
    sync::Arc,
};

use super::{
    arguments::{Checker, Rules},
    tool::{Items, Paging, Place, Placed, Shape},
};

/// The parts of an integration's tools, while they are made.
#[derive(Debug)]
pub(crate) struct Parts {
    texts: RefCell<HashSet<Arc<str>>>,
    places: RefCell<HashSet<Arc<[Placed]>>>,
    /// By the texts of their schemas.
    checkers: RefCell<HashMap<Rc<str>, Vec<Arc<Checker>>>>,
    unpaged: Arc<Paging>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            texts: RefCell::default(),
            places: RefCell::default(),
            checkers: RefCell::default(),
            unpaged: Arc::new(Paging::None),
        }
    }
}

impl Parts {
    /// How a list is paged that is not.
    pub(crate) fn unpaged(&self) -> Arc<Paging> {
        self.unpaged.clone()
    }

    /// These places.
    pub(crate) fn places(&self, places: Vec<Placed>) -> Arc<[Placed]> {
        let shared = places.into_iter().map(|Placed { argument, place }| {
            let place = match place {
                Place::Query(name) => Place::Query(self.text(name)),
                Place::Body(name) => Place::Body(self.text(name)),
                own @ (Place::Path | Place::File) => own,
            };
            Placed { argument: self.text(argument), place }
        });
        once(&self.places, shared.collect())
    }

    /// This shape.
    pub(crate) fn shape(&self, shape: Shape) -> Shape {
        match shape {
            Shape::List { items: Items::Key(key) } => Shape::List { items: Items::Key(self.text(key)) },
            own => own,
        }
    }

    /// The checker of this schema and these rules; made where there is none yet.
    pub(crate) fn checker(
        &self,
        schema: &str,
        rules: Rules,
        make: impl FnOnce(Rules) -> Option<Checker>,
    ) -> Option<Arc<Checker>> {
        let mut checkers = self.checkers.borrow_mut();
        let same = checkers.get(schema).into_iter().flatten().find(|checker| checker.rules == rules);
        if let Some(checker) = same {
            return Some(checker.clone());
        }
        let checker = Arc::new(make(rules)?);
        checkers.entry(schema.into()).or_default().push(checker.clone());
        Some(checker)
    }

    fn text(&self, text: Arc<str>) -> Arc<str> {
        once(&self.texts, text)
    }
}

/// What is equal and was there first, or this.
fn once<T: ?Sized + Hash + Eq>(known: &RefCell<HashSet<Arc<T>>>, new: Arc<T>) -> Arc<T> {
    let mut known = known.borrow_mut();
    if let Some(known) = known.get(&new) {
        return known.clone();
    }
    known.insert(new.clone());
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_is_there_once() {
        let parts = Parts::default();
        let placed = |name: &str| Placed { argument: name.into(), place: Place::Query("term".into()) };
        let (one, same) = (parts.places(vec![placed("a")]), parts.places(vec![placed("a")]));
        assert!(Arc::ptr_eq(&one, &same));
        let other = parts.places(vec![placed("a"), placed("b")]);
        let (Place::Query(name), Place::Query(other)) = (&one[0].place, &other[1].place) else { unreachable!() };
        assert!(Arc::ptr_eq(name, other));
    }
}
