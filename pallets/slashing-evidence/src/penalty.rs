//! Says how much of a stake a double sign costs: the more validators do it together, the more.

use sp_runtime::Perbill;

/// `max(base, min(1, (3k/n)²))` for `k` offenders out of `n` validators, rounded up.
///
/// A lone mistake costs `base`; a third of the validators, which could break finality, loses all.
/// `n == 0` cannot be (the offender is one of them) and costs all.
///
/// ```
/// # use pallet_slashing_evidence::penalty::fraction;
/// # use sp_runtime::Perbill;
/// let base = Perbill::from_percent(5);
/// assert_eq!(fraction(base, 1, 21), base);
/// assert_eq!(fraction(base, 2, 12), Perbill::from_percent(25));
/// assert_eq!(fraction(base, 7, 21), Perbill::one());
/// ```
pub fn fraction(base: Perbill, offenders: u32, authorized: u32) -> Perbill {
    let (k, n) = (u128::from(offenders), u128::from(authorized));
    if 3 * k >= n {
        return Perbill::one();
    }
    // 9k² < n² < 2^64 and a billion is below 2^30: far from overflow.
    let billionths = (9 * k * k * 1_000_000_000).div_ceil(n * n);
    base.max(Perbill::from_parts(billionths as u32))
}
