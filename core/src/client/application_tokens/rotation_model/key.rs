//! By what two states of a rotation are told apart.

use super::*;

impl Model {
    /// What the next run depends on.
    pub(super) fn key(&self, world: &World) -> String {
        let clock = self.clock(world);
        let now = clock.steady() + Duration::from_secs(100 * 366 * 86_400);
        let store = store(&Arc::new(Mutex::new(world.entries.clone())), &Arc::default(), None);
        let role = |value: &str| world.rows.iter().position(|row| row.value == value);
        let over = |since: Option<&Timestamp>, seconds: u64| {
            since
                .and_then(|since| since.elapsed(now, &clock))
                .map(|elapsed| elapsed >= Duration::from_secs(seconds))
        };
        let marked = |marker: &str| {
            let has = |row: &TokenRow| {
                row.description.as_deref().is_some_and(|text| text.ends_with(marker))
            };
            world.rows.iter().position(has)
        };
        let orphan = |orphan: &Orphan| {
            (orphan.marker.as_deref().map(marked), orphan.id, over(orphan.since.as_ref(), 600))
        };
        let plan = |plan: &Plan| {
            let orphans: Vec<_> = plan.orphans.iter().map(orphan).collect();
            (plan.old_id, marked(&plan.marker), over(plan.refused_since.as_ref(), 60), orphans)
        };
        let mut key =
            format!("{:?} {} {:?}", world.left, world.is_done, world.kept.as_deref().map(role));
        for row in &world.rows {
            let entry_key = self.key_of(&row.value);
            let entry = match rotation_journal::read(&store, &entry_key, false).unwrap() {
                None => String::new(),
                Some(Entry::Successor(value)) => format!("to {:?}", role(&value)),
                Some(Entry::Preparing(entry)) => {
                    let step = match entry.step {
                        PreparingStep::Idle => (0, None, 0),
                        PreparingStep::Intent => (1, None, 0),
                        PreparingStep::Created { value } => (2, role(&value), 0),
                        PreparingStep::Identified { value, id } => (3, role(&value), id),
                    };
                    format!("{step:?} {:?}", plan(&entry.plan))
                }
                Some(Entry::Switching(entry)) => format!(
                    "{} {:?} {} {:?} {:?}",
                    entry.state,
                    entry.old_value.as_deref().map(|old| role(old)),
                    entry.new_id,
                    over(entry.grace_since.as_ref(), self.grace.as_secs()),
                    plan(&entry.plan)
                ),
            };
            let session = snapshot::load(&store, &entry_key, now, &clock).unwrap().map(|state| {
                let backing_off = state.backoff.backing_off(now, || false).is_some();
                (state.cached.is_some(), backing_off, state.backoff.verdict.refusals)
            });
            key += &format!("|{} {entry} {session:?}", row.revoked);
        }
        key
    }
}
