//! Counts: how many directors decide, how many validators make a certificate.

/// How many of `n` directors it takes to authorize or revoke: `ceil(2n/3)`.
///
/// With 3 directors 2 suffice: a strict majority above two thirds would need all three, and one dead
/// director would stop everything. No directors decide nothing: for `n == 0` it is 1, out of reach.
///
/// | n | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
/// |---|---|---|---|---|---|---|---|
/// | needed | 1 | 2 | 2 | 3 | 4 | 4 | 5 |
pub const fn approvals_needed(n: u32) -> u32 {
    if n == 0 {
        return 1;
    }
    // In 64 bits, so that it cannot overflow.
    (n as u64 * 2).div_ceil(3) as u32
}

/// How many of `n` directors may lie, and what the others decide still stands: `n - ceil(2n/3)`.
///
/// What one more than these say of themselves is true of at least one of them. It is 0 for one and two directors:
/// there, each is trusted.
pub const fn tolerated_liars(n: u32) -> u32 {
    n.saturating_sub(approvals_needed(n))
}

/// How many of `n` validators make a certificate: more than two thirds, `floor(2n/3) + 1`.
///
/// Two certificates for different blocks then share more than a third of the validators, all of whom
/// have signed both: that is what slashing makes expensive.
pub const fn quorum(n: u32) -> u32 {
    (n as u64 * 2 / 3) as u32 + 1
}
