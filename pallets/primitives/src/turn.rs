//! Says whose turn it is, so that directors do not all submit the same thing at once.

use codec::Encode;

/// The place of `me` among `directors` for `subject`: 0 acts at once, the others wait longer the
/// higher their place, and act only if the chain still does not know. `None` if `me` is not among
/// them.
///
/// The order is that of BLAKE2b-256 of `subject ++ SCALE(account)`: the same for everybody who knows
/// the set, another for each subject.
///
/// ```
/// use director_primitives::turn::rank;
///
/// let directors = [1u64, 2, 3];
/// let mut ranks: Vec<_> = directors.iter().map(|me| rank(b"proof", me, &directors)).collect();
/// ranks.sort();
/// assert_eq!(ranks, [Some(0), Some(1), Some(2)]);
/// assert_eq!(rank(b"proof", &4, &directors), None);
/// ```
pub fn rank<'a, AccountId: Encode + Ord + 'a>(
    subject: &[u8],
    me: &AccountId,
    directors: impl IntoIterator<Item = &'a AccountId>,
) -> Option<u32> {
    let place = |account: &AccountId| {
        let mut bytes = subject.to_vec();
        account.encode_to(&mut bytes);
        sp_io::hashing::blake2_256(&bytes)
    };
    let mine = (place(me), me);
    let (mut before, mut found) = (0, false);
    for director in directors {
        if director == me {
            found = true;
        } else if (place(director), director) < mine {
            before += 1;
        }
    }
    found.then_some(before)
}
