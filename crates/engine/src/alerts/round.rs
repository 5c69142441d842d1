//! One round of judging: what has changed, and what time alone changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use outlay_domain::alerts::{AlertRule, Condition};
use outlay_domain::budgets::{Budget, Scope};

use super::{Alerts, AlertsError, KEPT_FOR, acts};
use crate::budgets::Judged;
use crate::journal::Watchlist;

/// How long it is until what looks at the last hours is judged although nothing came in.
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// What is watched, as it was when rules or budgets changed last.
pub(super) struct Watch {
    /// Those that are switched on.
    rules: Vec<AlertRule>,
    /// Budgets, where a rule watches them.
    budgets: Vec<Budget>,
    /// The scopes of both, each once.
    list: Arc<Watchlist>,
    places: BTreeMap<Names, usize>,
}

/// A scope by its names.
type Names = BTreeMap<String, Vec<String>>;

/// What one round looks at.
struct Round {
    now: DateTime<Utc>,
    /// Whether everything is judged: hours may have ended, or it was long ago.
    is_full: bool,
    watch: Arc<Watch>,
    /// Which of the scopes were touched since the round before.
    touched: Vec<bool>,
    /// Whether something was told of prices that events lack.
    is_lacking: bool,
}

impl Watch {
    fn new(rules: Vec<AlertRule>, mut budgets: Vec<Budget>) -> Self {
        let rules: Vec<_> = rules.into_iter().filter(|rule| rule.draft.enabled).collect();
        if !rules.iter().any(|rule| rule.draft.condition == Condition::Budget {}) {
            budgets.clear();
        }
        let of_rules = rules.iter().filter_map(|rule| scope_of(&rule.draft.condition));
        let of_budgets = budgets.iter().map(|budget| &budget.draft.scope);
        let mut places = BTreeMap::new();
        let mut scopes: Vec<Scope> = Vec::new();
        for scope in of_rules.chain(of_budgets) {
            places.entry(scope.names().clone()).or_insert_with(|| {
                scopes.push(scope.clone());
                scopes.len() - 1
            });
        }
        Self { rules, budgets, list: Arc::new(Watchlist::new(scopes)), places }
    }
}

impl Round {
    fn is_touched(&self, scope: &Scope) -> bool {
        let place = self.watch.places.get(scope.names());
        place.is_none_or(|place| self.touched[*place])
    }
}

impl Alerts {
    /// Judges what commits have touched since the round before, and what time alone may have changed.
    /// Says whether an alert opened or resolved.
    ///
    /// A rule that cannot be judged now, because a question was not answered, keeps its alerts.
    pub async fn judge_all(&self) -> Result<bool, AlertsError> {
        let judged = self.judge_round().await;
        if judged.is_err() {
            // What was taken for touched was not judged.
            self.memory.lock().watch = None;
        }
        judged
    }

    async fn judge_round(&self) -> Result<bool, AlertsError> {
        let now = self.clock.now();
        let is_full = self.is_slow_round(now) || self.memory.lock().watch.is_none();
        let (watch, mut has_changed) = match self.known_watch(is_full) {
            Some(watch) => (watch, false),
            None => self.watch_anew(now).await?,
        };
        let list = &watch.list;
        let touched = (0..watch.places.len()).map(|place| list.take(place)).collect();
        let is_lacking = list.take_lacking();
        let round = Round { now, is_full, watch: watch.clone(), touched, is_lacking };
        self.memory.lock().asked = 0;
        let standing = self.standing(&round).await;
        let have_budgets_moved = standing.as_ref().map_or(true, |(_, have_moved)| *have_moved);
        // One moment for all, so that what came in last is put in columns once.
        let questions = self.questions.of_one_moment();
        for rule in &watch.rules {
            if !self.is_due(rule, &round, have_budgets_moved) {
                continue;
            }
            self.memory.lock().asked += 1;
            let budgets = match (&rule.draft.condition, &standing) {
                (Condition::Budget {}, Err(error)) => {
                    self.could_not_judge(rule, error);
                    continue;
                }
                (_, standing) => standing.as_ref().map_or(&[][..], |(budgets, _)| budgets),
            };
            match self.read(rule, &questions, budgets, now).await {
                Ok(seen) => {
                    self.note_trouble(rule, seen.trouble);
                    has_changed |= self.turn(rule.clone(), seen.readings, now).await?;
                    self.memory.lock().judged_at.insert(rule.id.clone(), now);
                }
                Err(error) => self.could_not_judge(rule, &error),
            }
        }
        if is_full {
            let Some(outlay) = self.outlay.upgrade() else { return Ok(has_changed) };
            let before = outlay.known_time.now().safe - KEPT_FOR;
            drop(outlay);
            self.journal.act(acts::Forget { before }).await?;
        }
        Ok(has_changed)
    }

    /// Notes why, and has the rule judged in the next round.
    fn could_not_judge(&self, rule: &AlertRule, error: &AlertsError) {
        self.note_trouble(rule, Some(error.to_string()));
        self.memory.lock().judged_at.remove(&rule.id);
    }

    fn known_watch(&self, is_full: bool) -> Option<Arc<Watch>> {
        let memory = self.memory.lock();
        memory.watch.clone().filter(|_| !is_full)
    }

    /// Reads what is to be watched, and resolves alerts whose rule is not.
    async fn watch_anew(&self, now: DateTime<Utc>) -> Result<(Arc<Watch>, bool), AlertsError> {
        let rules = self.rules().await?;
        let has_changed = self.resolve_ruleless(&rules, now).await?;
        self.forget_troubles(&rules);
        let watch = Arc::new(Watch::new(rules, self.budgets.all().await?));
        self.journal.mark(&watch.list);
        let mut memory = self.memory.lock();
        memory.judged_at.clear();
        memory.standing.clear();
        memory.watch = Some(watch.clone());
        drop(memory);
        Ok((watch, has_changed))
    }

    /// Where all budgets stand, and whether that was asked of any of them anew.
    ///
    /// Of those that nothing has touched it is what was answered last: what time alone changes of them is
    /// told by the next full round.
    async fn standing(&self, round: &Round) -> Result<(Vec<Arc<Judged>>, bool), AlertsError> {
        let asked = self.budgets.of_one_moment();
        let mut standing = Vec::with_capacity(round.watch.budgets.len());
        let mut have_moved = round.is_full;
        for budget in &round.watch.budgets {
            let known = self.memory.lock().standing.get(&budget.id).cloned();
            let known = known.filter(|_| !round.is_full && !round.is_touched(&budget.draft.scope));
            let judged = match known {
                Some(known) => known,
                None => {
                    have_moved = true;
                    let judged = asked.judge(budget.clone()).await;
                    let mut memory = self.memory.lock();
                    memory.asked += 1;
                    let judged = match judged {
                        Ok(judged) => Arc::new(judged),
                        Err(error) => {
                            // Those that come after it were touched, too, and are asked again.
                            memory.standing.clear();
                            return Err(error.into());
                        }
                    };
                    memory.standing.insert(budget.id.clone(), judged.clone());
                    judged
                }
            };
            standing.push(judged);
        }
        Ok((standing, have_moved))
    }

    /// Whether what `rule` sees may have changed since it was judged last.
    fn is_due(&self, rule: &AlertRule, round: &Round, have_budgets_moved: bool) -> bool {
        let judged_at = self.memory.lock().judged_at.get(&rule.id).copied();
        let Some(judged_at) = judged_at.filter(|_| !round.is_full) else { return true };
        let is_minute_over = round.now - judged_at >= MINUTE || round.now < judged_at;
        match &rule.draft.condition {
            // What they look at is in the books, and soon read.
            Condition::Health {} | Condition::Owing {} | Condition::Limits {} => true,
            Condition::Budget {} => have_budgets_moved,
            Condition::Unpriced {} => round.is_lacking || is_minute_over,
            Condition::Above { scope, .. } | Condition::Silence { scope, .. } => {
                round.is_touched(scope) || is_minute_over
            }
            // They look at whole hours and days, which change when one is over.
            Condition::Anomaly { .. } | Condition::Change { .. } => false,
        }
    }
}

/// The scope of which every fact may change what a condition sees at once.
const fn scope_of(condition: &Condition) -> Option<&Scope> {
    match condition {
        Condition::Above { scope, .. } | Condition::Silence { scope, .. } => Some(scope),
        _ => None,
    }
}
