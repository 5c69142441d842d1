//! Savings that do not overlap.

/// A part of the spend of one pair of provider and model, in nanos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Which pair.
    pub pair: usize,
    /// How much of its spend would not have been.
    pub nanos: i128,
}

/// What each of `claims` saves of what those before it leave, the largest first; `spend` is that
/// of each pair. The answer is in the order of `claims`.
///
/// A claim of `c` on a spend of `t`, of which `r` are left, saves `c · r / t`, rounded down.
pub fn without_overlap(spend: &[i128], claims: &[Vec<Claim>]) -> Vec<i128> {
    let mut order: Vec<usize> = (0..claims.len()).collect();
    let whole = |claims: &[Claim]| claims.iter().map(|claim| claim.nanos).sum::<i128>();
    order.sort_by_key(|at| (std::cmp::Reverse(whole(&claims[*at])), *at));
    let mut left = spend.to_vec();
    let mut saved = vec![0; claims.len()];
    for at in order {
        for claim in &claims[at] {
            let Some((total, left)) = spend.get(claim.pair).zip(left.get_mut(claim.pair)) else {
                continue;
            };
            let saves = share(*left, claim.nanos.clamp(0, (*total).max(0)), *total);
            *left -= saves;
            saved[at] += saves;
        }
    }
    saved
}

/// `nanos · part / whole`, rounded down; nothing of nothing.
pub fn share(nanos: i128, part: i128, whole: i128) -> i128 {
    if whole <= 0 { 0 } else { nanos.saturating_mul(part) / whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_saving_is_a_share_of_what_is_left_and_all_together_are_less_than_the_spend() {
        let spend = [1_000, 200];
        let claim = |pair, nanos| vec![Claim { pair, nanos }];
        let claims = [
            claim(0, 500),
            claim(0, 900),
            vec![Claim { pair: 0, nanos: 100 }, Claim { pair: 1, nanos: 200 }],
        ];

        let saved = without_overlap(&spend, &claims);

        // 900 of 1000; half of the 100 that are left; a tenth of the 50 left then, and all of 200.
        assert_eq!(saved, [50, 900, 205]);
        assert!(saved.iter().sum::<i128>() <= spend.iter().sum());
    }

    #[test]
    fn whatever_is_claimed_no_more_than_the_spend_is_saved() {
        let mut state = 7_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..500 {
            let spend: Vec<i128> = (0..4).map(|_| i128::from(draw(1_000_000))).collect();
            let claims: Vec<Vec<Claim>> = (0..draw(8))
                .map(|_| {
                    let claim = |pair| Claim { pair, nanos: i128::from(draw(2_000_000)) };
                    (0..4).map(claim).collect()
                })
                .collect();

            let saved = without_overlap(&spend, &claims);

            assert!(saved.iter().all(|nanos| *nanos >= 0));
            assert!(saved.iter().sum::<i128>() <= spend.iter().sum());
        }
    }
}
