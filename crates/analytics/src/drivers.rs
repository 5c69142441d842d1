//! What moved a total between two periods, split into volume, price and mix.
//!
//! Amounts are integers at any scale (billionths of a currency's unit, say), volumes are integers of
//! one unit for all categories (requests, tokens). Everything that comes out is an integer, too, and
//! sums exactly: the three effects to a category's change, and the changes of categories to their
//! parent's.
//!
//! For a category with amount *a* and volume *v*, so of price *p = a / v*, before (0) and after (1):
//!
//! - volume: *(v₁ − v₀) · p₀*, what the change of its volume would have meant at its own old price;
//! - price: *v₁ · (p₁ − p₀)*, what its new price meant at its new volume; of one that is made of
//!   others, the sum of theirs;
//! - mix: what is left, *V₁ · Σ (s₁ − s₀) · p₀* with *s* the shares of the volume of those it is made
//!   of: their volume moved to the more expensive or to the cheaper of them. Nothing, where it is made of
//!   none.
//!
//! This is the price–volume–mix analysis of management accounting, with the old price as base, as a
//! Laspeyres index has it, on each level for itself: a cheap category that doubled is told what that
//! cost, and not what as much of the average would have.
//!
//! A new category has no old price; it is taken to be the first one it came at, so that its price
//! effect is nothing. A category without volume, such as a fixed fee, changes by price alone.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use thiserror::Error;

/// What a category was in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// What was spent, in the smallest unit.
    pub amount: i128,
    /// How much was used, in a unit that all categories share.
    pub volume: i128,
}

/// A category in both periods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name, from the widest level to the narrowest: provider, model, service.
    pub path: Vec<String>,
    /// The period before.
    pub before: Cell,
    /// The period after.
    pub after: Cell,
}

/// A change in three parts, in the unit of amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effects {
    /// More or less was used.
    pub volume: i128,
    /// It became more expensive or cheaper.
    pub price: i128,
    /// What it is made of moved to what is more expensive or cheaper.
    pub mix: i128,
}

impl Effects {
    /// The change itself.
    pub fn change(self) -> i128 {
        // Each part is bounded when it is made, so that the three cannot overflow.
        self.volume + self.price + self.mix
    }
}

/// Whether a category was there all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// In both periods.
    Both,
    /// Only in the period after.
    New,
    /// Only in the period before.
    Gone,
}

/// A category's part in the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// Its name on this level; `None` for the smaller ones folded together.
    pub name: Option<String>,
    /// How many categories of this level it stands for; 1 unless it is folded.
    pub categories: usize,
    /// The period before.
    pub before: Cell,
    /// The period after.
    pub after: Cell,
    /// Its change, in parts.
    pub effects: Effects,
    /// Whether it was there all the time.
    pub presence: Presence,
    /// What it is made of, one level down.
    pub children: Vec<Driver>,
}

/// Why a change was not taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DriversError {
    /// Amounts or volumes are near the end of what 128 bits hold.
    #[error("the amounts are too large to be compared")]
    Overflow,
}

/// Beyond a quarter of the range, three parts of one sum might overflow it.
const PART_MAX: i128 = i128::MAX / 4;

/// Takes the change of a total apart.
///
/// Items of one path are one category. On each level the `top` drivers with the largest change
/// either way come first, the largest before the others, equal ones by name; what is left stands
/// last, folded into one without a name. The answer is the total; its children are the drivers, as
/// deep as `levels`: what paths have below tells price from mix, and is not told itself.
///
/// An item whose path is the beginning of another's stands below it under an empty name.
///
/// ```
/// use outlay_analytics::drivers::{Cell, Effects, Item, drivers};
///
/// let item = |name: &str, before, after| Item { path: vec![name.to_owned()], before, after };
/// let cell = |amount, volume| Cell { amount, volume };
/// let items = [
///     item("small", cell(100, 100), cell(100, 100)),
///     item("large", cell(300, 100), cell(600, 200)),
/// ];
///
/// let total = drivers(&items, 5, 1).unwrap();
///
/// // A hundred more at the mean price of 2, and 1 more for each, because `large` costs 3.
/// assert_eq!(total.effects, Effects { volume: 200, price: 0, mix: 100 });
/// assert_eq!(total.children[0].name.as_deref(), Some("large"));
/// assert_eq!(total.children[0].effects, Effects { volume: 300, price: 0, mix: 0 });
/// assert_eq!(total.children[1].effects, Effects::default());
/// ```
pub fn drivers(items: &[Item], top: usize, levels: usize) -> Result<Driver, DriversError> {
    let mut root = Node::default();
    for item in items {
        root.add(&item.path, item)?;
    }
    root.into_driver(None, top, levels)
}

#[derive(Debug, Default)]
struct Node<'a> {
    /// What stands here itself, not below.
    own: Option<(Cell, Cell)>,
    children: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    fn add(&mut self, path: &'a [String], item: &Item) -> Result<(), DriversError> {
        let mut node = self;
        for name in path {
            node = node.children.entry(name).or_default();
        }
        let (before, after) = node.own.unwrap_or_default();
        node.own = Some((plus(before, item.before)?, plus(after, item.after)?));
        Ok(())
    }

    fn into_driver(
        mut self,
        name: Option<&str>,
        top: usize,
        levels: usize,
    ) -> Result<Driver, DriversError> {
        if self.children.is_empty() {
            let (before, after) = self.own.unwrap_or_default();
            return Ok(Driver {
                name: name.map(str::to_owned),
                categories: 1,
                before,
                after,
                effects: effects(before, after, None)?,
                presence: presence(before, after),
                children: Vec::new(),
            });
        }
        if let Some(own) = self.own.take() {
            let below = self.children.entry("").or_default();
            let (before, after) = below.own.unwrap_or_default();
            below.own = Some((plus(before, own.0)?, plus(after, own.1)?));
        }
        let mut children = Vec::with_capacity(self.children.len());
        for (name, child) in self.children {
            children.push(child.into_driver(Some(name), top, levels.saturating_sub(1))?);
        }
        // The map gave them by name, and the sort is stable.
        children.sort_by_key(|child| Reverse(child.effects.change().unsigned_abs()));
        let mut all = folded(&children)?;
        if levels == 0 {
            children.clear();
        }
        if children.len() > top.saturating_add(1) {
            let rest = children.split_off(top);
            children.push(folded(&rest)?);
        }
        all.name = name.map(str::to_owned);
        all.categories = 1;
        all.children = children;
        Ok(all)
    }
}

/// The sum of drivers, without a name.
fn folded(drivers: &[Driver]) -> Result<Driver, DriversError> {
    let mut all = Driver {
        name: None,
        categories: 0,
        before: Cell::default(),
        after: Cell::default(),
        effects: Effects::default(),
        presence: Presence::Both,
        children: Vec::new(),
    };
    let mut price = 0;
    for driver in drivers {
        all.categories += driver.categories;
        all.before = plus(all.before, driver.before)?;
        all.after = plus(all.after, driver.after)?;
        price = sum(price, driver.effects.price)?;
    }
    all.effects = effects(all.before, all.after, Some(price))?;
    all.presence = match drivers.iter().map(|driver| driver.presence).reduce(both) {
        Some(presence) => presence,
        None => Presence::Both,
    };
    Ok(all)
}

fn both(one: Presence, other: Presence) -> Presence {
    if one == other { one } else { Presence::Both }
}

fn presence(before: Cell, after: Cell) -> Presence {
    match (before == Cell::default(), after == Cell::default()) {
        (true, false) => Presence::New,
        (false, true) => Presence::Gone,
        _ => Presence::Both,
    }
}

/// A category's effects, where `price` is that of what it is made of, if it is.
fn effects(before: Cell, after: Cell, price: Option<i128>) -> Result<Effects, DriversError> {
    let more = after.volume - before.volume;
    let volume = if before.volume != 0 {
        times_over(more, before.amount, before.volume)
    } else if after.volume != 0 {
        // The first price is the only one there is; what there was without volume is not of it.
        after.amount.checked_sub(price.unwrap_or(before.amount))
    } else {
        Some(0)
    };
    let volume = bounded(volume)?;
    // The remainder, so that rounding is in one place and the sum is the change.
    let rest = bounded(Some(after.amount - before.amount - volume))?;
    Ok(match price {
        None => Effects { volume, price: rest, mix: 0 },
        Some(price) => Effects { volume, price, mix: bounded(Some(rest - price))? },
    })
}

fn plus(one: Cell, other: Cell) -> Result<Cell, DriversError> {
    Ok(Cell { amount: sum(one.amount, other.amount)?, volume: sum(one.volume, other.volume)? })
}

fn sum(one: i128, other: i128) -> Result<i128, DriversError> {
    bounded(one.checked_add(other))
}

fn bounded(number: Option<i128>) -> Result<i128, DriversError> {
    number.filter(|number| number.unsigned_abs() <= PART_MAX as u128).ok_or(DriversError::Overflow)
}

/// `one · other / divisor`, rounded to the nearest, halves away from zero; `None` where 128 bits do
/// not hold it.
fn times_over(one: i128, other: i128, divisor: i128) -> Option<i128> {
    let negative = (one < 0) ^ (other < 0) ^ (divisor < 0);
    let product = product(one.unsigned_abs(), other.unsigned_abs());
    let divisor = divisor.unsigned_abs();
    let (quotient, rest) = quotient(product, divisor)?;
    let up = rest >= divisor - rest;
    let size = i128::try_from(quotient.checked_add(u128::from(up))?).ok()?;
    Some(if negative { -size } else { size })
}

/// The high and the low half of a product, by schoolbook multiplication of 64-bit digits.
fn product(one: u128, other: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (one_high, one_low) = (one >> 64, one & LOW);
    let (other_high, other_low) = (other >> 64, other & LOW);
    let low = one_low * other_low;
    let middle = one_high * other_low + (low >> 64);
    let carried = one_low * other_high + (middle & LOW);
    (one_high * other_high + (middle >> 64) + (carried >> 64), (carried << 64) | (low & LOW))
}

/// Quotient and rest of a division, bit by bit where the dividend has more than 128 of them; `None`
/// where the quotient has more.
fn quotient((high, low): (u128, u128), divisor: u128) -> Option<(u128, u128)> {
    if divisor == 0 || high >= divisor {
        return None;
    }
    if high == 0 {
        return Some((low / divisor, low % divisor));
    }
    let (mut rest, mut quotient) = (high, 0_u128);
    for bit in (0..128).rev() {
        let overflows = rest >> 127 == 1;
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if overflows || rest >= divisor {
            rest = rest.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    Some((quotient, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell(amount: i128, volume: i128) -> Cell {
        Cell { amount, volume }
    }

    fn item(path: &str, before: Cell, after: Cell) -> Item {
        Item { path: path.split('/').map(str::to_owned).collect(), before, after }
    }

    fn child<'a>(driver: &'a Driver, name: &str) -> &'a Driver {
        driver.children.iter().find(|child| child.name.as_deref() == Some(name)).unwrap()
    }

    #[test]
    fn more_of_the_same_is_volume() {
        let items =
            [item("a", cell(100, 10), cell(150, 15)), item("b", cell(200, 20), cell(300, 30))];

        let total = drivers(&items, 9, 9).unwrap();

        assert_eq!(total.effects, Effects { volume: 150, price: 0, mix: 0 });
        assert_eq!(child(&total, "b").effects, Effects { volume: 100, price: 0, mix: 0 });
    }

    #[test]
    fn a_new_price_is_price() {
        let items = [item("a", cell(100, 10), cell(80, 10)), item("b", cell(9, 3), cell(9, 3))];

        let total = drivers(&items, 9, 9).unwrap();

        assert_eq!(total.effects, Effects { volume: 0, price: -20, mix: 0 });
        assert_eq!(child(&total, "b").effects, Effects::default());
    }

    #[test]
    fn a_move_from_dear_to_cheap_is_mix() {
        let items = [
            item("dear", cell(1_000, 100), cell(500, 50)),
            item("cheap", cell(100, 100), cell(150, 150)),
        ];

        let total = drivers(&items, 9, 9).unwrap();

        assert_eq!(total.effects, Effects { volume: 0, price: 0, mix: -450 });
        assert_eq!(child(&total, "cheap").effects, Effects { volume: 50, price: 0, mix: 0 });
    }

    #[test]
    fn what_is_not_told_still_tells_price_from_mix() {
        let items = [
            item("team/dear", cell(1_000, 100), cell(500, 50)),
            item("team/cheap", cell(100, 100), cell(300, 150)),
        ];

        let total = drivers(&items, 9, 1).unwrap();

        let team = child(&total, "team");
        assert_eq!(team.effects, Effects { volume: 0, price: 150, mix: -450 });
        assert!(team.children.is_empty());
    }

    #[test]
    fn new_and_gone_categories_have_no_price_effect() {
        let items = [
            item("stays", cell(100, 100), cell(100, 100)),
            item("new", cell(0, 0), cell(300, 100)),
            item("gone", cell(50, 100), cell(0, 0)),
        ];

        let total = drivers(&items, 9, 9).unwrap();

        let new = child(&total, "new");
        assert_eq!(new.presence, Presence::New);
        assert_eq!(new.effects, Effects { volume: 300, price: 0, mix: 0 });
        let gone = child(&total, "gone");
        assert_eq!(gone.presence, Presence::Gone);
        assert_eq!(gone.effects, Effects { volume: -50, price: 0, mix: 0 });
        // As many as before, at more expensive places.
        assert_eq!(total.effects, Effects { volume: 0, price: 0, mix: 250 });
        assert_eq!(total.presence, Presence::Both);
    }

    #[test]
    fn a_fee_without_volume_changes_by_price() {
        let items =
            [item("calls", cell(10, 10), cell(20, 20)), item("fee", cell(5, 0), cell(9, 0))];

        let total = drivers(&items, 9, 9).unwrap();

        assert_eq!(child(&total, "fee").effects, Effects { volume: 0, price: 4, mix: 0 });
        assert_eq!(total.effects.change(), 14);
    }

    #[test]
    fn from_nothing_everything_is_volume() {
        let items = [item("a", cell(0, 0), cell(40, 20)), item("b", cell(0, 0), cell(20, 10))];

        let total = drivers(&items, 9, 9).unwrap();

        assert_eq!(total.effects, Effects { volume: 60, price: 0, mix: 0 });
        assert_eq!(total.presence, Presence::New);
    }

    #[test]
    fn the_largest_come_first_and_the_rest_is_folded() {
        let change = |by: i128| (cell(100, 100), cell(100 + by, 100));
        let items: Vec<Item> = [("a", 1), ("b", -30), ("c", 20), ("d", 1), ("e", -2)]
            .into_iter()
            .map(|(name, by)| item(name, change(by).0, change(by).1))
            .collect();

        let total = drivers(&items, 2, 9).unwrap();

        let names: Vec<Option<&str>> =
            total.children.iter().map(|child| child.name.as_deref()).collect();
        assert_eq!(names, [Some("b"), Some("c"), None]);
        assert_eq!(total.children[2].categories, 3);
        assert_eq!(total.children[2].effects.change(), 0);
        assert_eq!(total.children[2].before, cell(300, 300));
        // Folding one alone would hide its name for nothing.
        assert_eq!(drivers(&items, 4, 9).unwrap().children.len(), 5);
    }

    #[test]
    fn nested_categories_sum_on_every_level() {
        let items = [
            item("openai/large", cell(1_000, 10), cell(700, 7)),
            item("openai/small", cell(100, 10), cell(130, 13)),
            item("openai", cell(5, 0), cell(6, 0)),
            item("other/x", cell(0, 0), cell(12, 3)),
            item("other/x", cell(0, 0), cell(12, 3)),
        ];

        let total = drivers(&items, 9, 9).unwrap();

        let openai = child(&total, "openai");
        assert_eq!(openai.before, cell(1_105, 20));
        assert_eq!(openai.effects.change(), -269);
        assert_eq!(child(openai, "").effects.price, 1);
        assert_eq!(child(child(&total, "other"), "x").after, cell(24, 6));
        assert_eq!(child(&total, "other").presence, Presence::New);
    }

    #[test]
    fn nothing_has_no_drivers() {
        let total = drivers(&[], 3, 9).unwrap();

        assert_eq!(total.effects, Effects::default());
        assert!(total.children.is_empty());
    }

    #[test]
    fn numbers_at_the_end_of_the_range_are_refused() {
        let items = [item("a", cell(i128::MAX, 1), cell(i128::MIN, i128::MAX))];

        assert_eq!(drivers(&items, 3, 9), Err(DriversError::Overflow));
    }

    #[test]
    fn products_beyond_128_bits_are_divided_exactly() {
        let large = i128::from(i64::MAX) * 1_000_000;

        assert_eq!(times_over(large, large, large), Some(large));
        assert_eq!(times_over(large, -3 * large, large), Some(-3 * large));
        assert_eq!(times_over(i128::MAX, 1_000, 2_000), Some(i128::MAX / 2 + 1));
        assert_eq!(times_over(7, 1, 2), Some(4));
        assert_eq!(times_over(-7, 1, 2), Some(-4));
        assert_eq!(times_over(i128::MAX, 2, 1), None);
        assert_eq!(times_over(1, 1, 0), None);
    }

    fn sums_hold(driver: &Driver) {
        assert_eq!(driver.effects.change(), driver.after.amount - driver.before.amount);
        if driver.children.is_empty() {
            return;
        }
        let sum = |part: fn(&Driver) -> i128| driver.children.iter().map(part).sum::<i128>();
        assert_eq!(sum(|child| child.effects.change()), driver.effects.change());
        assert_eq!(sum(|child| child.effects.price), driver.effects.price);
        assert_eq!(sum(|child| child.before.amount), driver.before.amount);
        assert_eq!(sum(|child| child.after.volume), driver.after.volume);
        driver.children.iter().for_each(sums_hold);
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_change_to_the_last_unit(
            rows in prop::collection::vec(
                ("[ab]/[a-d]", any::<i64>(), any::<i64>(), any::<i64>(), any::<i64>(), 0..64_u32),
                0..20,
            ),
            top in 0..4_usize,
        ) {
            let items: Vec<Item> = rows
                .iter()
                .map(|(path, a, b, c, d, shift)| {
                    let small = |number: &i64| i128::from(number >> shift);
                    item(path, cell(small(a), small(b)), cell(small(c), small(d)))
                })
                .collect();

            // Volumes that cancel out can make a price that is out of all range.
            if let Ok(total) = drivers(&items, top, 9) {
                sums_hold(&total);
            }
        }

        #[test]
        fn volumes_and_mix_come_to_the_textbook_s_totals(
            rows in prop::collection::vec((1..1_000_000_i64, 1..1_000_i64, 0..1_000_000_i64, 0..1_000_i64), 1..9),
        ) {
            let items: Vec<Item> = rows
                .iter()
                .enumerate()
                .map(|(at, &(a, v, b, w))| {
                    item(&at.to_string(), cell(a.into(), v.into()), cell(b.into(), w.into()))
                })
                .collect();

            let total = drivers(&items, 99, 9).unwrap();

            let sum = |part: fn(&(i64, i64, i64, i64)) -> f64| rows.iter().map(part).sum::<f64>();
            let (before, after) = (sum(|row| row.1 as f64), sum(|row| row.3 as f64));
            let mean_price = sum(|row| row.0 as f64) / before;
            let mix: f64 = rows
                .iter()
                .map(|row| {
                    let shares = row.3 as f64 / after.max(1.0) - row.1 as f64 / before;
                    after * shares * row.0 as f64 / row.1 as f64
                })
                .sum();
            let slack = rows.len() as f64;
            prop_assert!((total.effects.volume as f64 - (after - before) * mean_price).abs() <= slack);
            if after > 0.0 {
                prop_assert!((total.effects.mix as f64 - mix).abs() <= 2.0 * slack);
            }
        }

        #[test]
        fn wide_division_agrees_with_the_narrow_one(
            one in any::<i64>(), other in any::<i64>(), divisor in any::<i64>(),
        ) {
            prop_assume!(divisor != 0);
            let (one, other, divisor) = (i128::from(one), i128::from(other), i128::from(divisor));

            let scaled = times_over(one << 60, other, divisor << 60);

            prop_assert_eq!(times_over(one, other, divisor), scaled);
        }
    }
}
