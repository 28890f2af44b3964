//! Makes random steps that mean something in whatever state the model is.
//!
//! An [`Operation`] is a kind and six small numbers. [`Operation::resolve`] turns it into concrete
//! steps by looking at the model: numbers are places among what is there now. So a sequence stays
//! meaningful when proptest takes operations out of it.

use super::reference::{Account, Key, Model, SMALL_ORDER, Status};
use crate::mock::{CORRELATION, DIRECTORS, UNBONDING};
use proptest::prelude::*;

/// Everybody who acts: validators, directors and two strangers; each may try to be anything.
pub(super) const ACTORS: [Account; 11] = [1, 2, 3, 4, 5, 6, 90, 91, 92, 93, 50];
/// Numbers of the keys that there are, beside those of the first directors.
const FRESH_KEYS: std::ops::RangeInclusive<Key> = 1..=40;
/// From this value on, an argument asks for something odd.
const ODD: u8 = 224;

/// All keys that anybody can have.
pub(super) fn keys() -> impl Iterator<Item = Key> {
    FRESH_KEYS.chain(DIRECTORS.map(|director| 1_000_000 + director))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Root,
    Signed(Account),
    Nobody,
}

/// A key that somebody claims, with a good proof of possession or a bad one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) key: Key,
    pub(super) is_good: bool,
}

/// What a director says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Details {
    Good,
    NoEndpoints,
    NoCapacity,
    NoText,
}

/// A director's vote and the key that signs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vote {
    pub(super) director: Account,
    pub(super) signer: Key,
    pub(super) validator: Account,
    pub(super) id: u64,
    pub(super) approves: bool,
    pub(super) nonce: u64,
    pub(super) until: u64,
}

/// One of the two votes of a double sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Half {
    pub(super) key: Key,
    pub(super) checkpoint: u64,
    pub(super) hash: u8,
    pub(super) is_forged: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    pub(super) is_here: bool,
    pub(super) first: Half,
    pub(super) second: Half,
}

/// Every call of the three pallets.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Add(Account),
    Remove(Account),
    Swap(Account, Account),
    Activate(Claim, Details),
    Update(Details),
    RotateDirectorKey(Claim),
    Refresh,
    Register { stake: u64, checkpoint: Claim, peer: Claim },
    SubmitVotes(Vec<Vote>),
    RequestExit,
    Withdraw,
    CleanUp(Account),
    RotateCheckpointKey(Claim),
    RotatePeerKey(Claim),
    RevokeLowStake(Account),
    BondMore(u64),
    Unbond(u64),
    WithdrawUnbonded,
    Report(Proof),
    Cancel(Account),
    Apply(Account),
}

/// What happens to the chain and to the model alike.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Begins a later block.
    GoTo(u64),
    /// Leaves weight for so many slashes at the end of the block.
    Idle {
        slashes: u64,
    },
    /// Plans a session.
    Plan,
    /// A runtime upgrade.
    SetMinStake(u64),
    Call(Origin, Call),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    NextBlock,
    Deadline,
    Idle,
    Plan,
    MinStake,
    AddDirector,
    RemoveDirector,
    SwapDirector,
    Activate,
    AnotherTerm,
    UpdateRecord,
    RotateDirectorKey,
    Refresh,
    Register,
    AllVote,
    OneVotes,
    VoteAgain,
    RequestExit,
    Withdraw,
    CleanUp,
    RotateCheckpointKey,
    RotatePeerKey,
    RevokeLowStake,
    BondMore,
    Unbond,
    WithdrawUnbonded,
    Report,
    BadReport,
    Cancel,
    Apply,
}

/// How often each kind comes, in a run about everything.
const WEIGHTS: [(Kind, usize); 30] = [
    (Kind::NextBlock, 8),
    (Kind::Deadline, 14),
    (Kind::Idle, 3),
    (Kind::Plan, 3),
    (Kind::MinStake, 3),
    (Kind::AddDirector, 3),
    (Kind::RemoveDirector, 2),
    (Kind::SwapDirector, 2),
    (Kind::Activate, 4),
    (Kind::AnotherTerm, 1),
    (Kind::UpdateRecord, 1),
    (Kind::RotateDirectorKey, 1),
    (Kind::Refresh, 1),
    (Kind::Register, 9),
    (Kind::AllVote, 12),
    (Kind::OneVotes, 5),
    (Kind::VoteAgain, 4),
    (Kind::RequestExit, 2),
    (Kind::Withdraw, 2),
    (Kind::CleanUp, 2),
    (Kind::RotateCheckpointKey, 4),
    (Kind::RotatePeerKey, 4),
    (Kind::RevokeLowStake, 1),
    (Kind::BondMore, 4),
    (Kind::Unbond, 6),
    (Kind::WithdrawUnbonded, 3),
    (Kind::Report, 7),
    (Kind::BadReport, 3),
    (Kind::Cancel, 3),
    (Kind::Apply, 3),
];

/// Something random to do.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    kind: Kind,
    args: [u8; 6],
}

/// Any operation; those about the subject come `emphasis` times as often as in the table.
pub(super) fn operation(
    is_subject: fn(Kind) -> bool,
    emphasis: usize,
) -> impl Strategy<Value = Operation> {
    let times = |kind, usual| if is_subject(kind) { usual * emphasis } else { usual };
    let repeated = |(kind, usual)| std::iter::repeat_n(kind, times(kind, usual));
    // A union of strategies would take longer to make the sequences than it takes to run them.
    let kinds = prop::sample::select(WEIGHTS.into_iter().flat_map(repeated).collect::<Vec<_>>());
    (kinds, any::<[u8; 6]>()).prop_map(|(kind, args)| Operation { kind, args })
}

impl Operation {
    /// The steps that this is in the present state.
    pub(super) fn resolve(&self, model: &Model) -> Vec<Step> {
        let [a, b, c, d, ..] = self.args;
        let signed = |who, call| vec![Step::Call(self.origin(Origin::Signed(who)), call)];
        let governed = |call| vec![Step::Call(self.origin(Origin::Root), call)];
        let validator = || pick_or_actor(model.validators.keys().copied(), a);
        let director = || pick_or_actor(model.directors.keys().copied(), a);
        let claim = |n| Claim { key: free_key(model, n), is_good: d < ODD };
        match self.kind {
            Kind::NextBlock => vec![Step::GoTo(model.now + 1 + u64::from(a) % 3)],
            Kind::Deadline => self.deadline(model),
            Kind::Idle => vec![Step::Idle { slashes: u64::from(a) % 4 }],
            Kind::Plan => vec![Step::Plan],
            Kind::MinStake => self.upgrade(model),
            Kind::AddDirector => governed(Call::Add(pick(ACTORS, a))),
            Kind::RemoveDirector if b < 128 => governed(Call::Remove(director())),
            Kind::RemoveDirector => {
                governed(Call::Remove(pick_or_actor(model.invited.keys().copied(), a)))
            }
            Kind::SwapDirector => {
                let either = model.directors.keys().chain(model.invited.keys());
                governed(Call::Swap(pick_or_actor(either.copied(), a), pick(ACTORS, b)))
            }
            Kind::Activate => {
                let who = pick_or_actor(model.invited.keys().copied(), a);
                signed(who, Call::Activate(claim(b), details(c)))
            }
            Kind::AnotherTerm => self.another_term(model),
            Kind::UpdateRecord => signed(director(), Call::Update(details(c))),
            Kind::RotateDirectorKey => signed(director(), Call::RotateDirectorKey(claim(b))),
            Kind::Refresh => signed(director(), Call::Refresh),
            Kind::Register => self.register(model),
            Kind::AllVote => self.all_vote(model),
            Kind::OneVotes => self.one_votes(model),
            Kind::VoteAgain => self.vote_again(model),
            Kind::RequestExit => signed(validator(), Call::RequestExit),
            Kind::Withdraw => signed(leaving(model, a), Call::Withdraw),
            Kind::CleanUp => signed(pick(ACTORS, b), Call::CleanUp(leaving(model, a))),
            Kind::RotateCheckpointKey => signed(validator(), Call::RotateCheckpointKey(claim(b))),
            Kind::RotatePeerKey => signed(validator(), Call::RotatePeerKey(claim(b))),
            Kind::RevokeLowStake => signed(pick(ACTORS, b), Call::RevokeLowStake(validator())),
            Kind::BondMore => signed(validator(), Call::BondMore(amount(model, validator(), b))),
            Kind::Unbond => signed(validator(), Call::Unbond(amount(model, validator(), b) / 4)),
            Kind::WithdrawUnbonded => {
                let has_some = |who: &Account| !model.validators[who].unbonding.is_empty();
                let some = model.validators.keys().copied().filter(has_some);
                signed(pick_or_actor(some, a), Call::WithdrawUnbonded)
            }
            Kind::Report => {
                let proof = self.proof(model, validator());
                proof.map_or_else(Vec::new, |proof| {
                    signed(self.reporter(model), Call::Report(proof))
                })
            }
            Kind::BadReport => {
                let proof = self.proof(model, validator()).map(|proof| self.spoil(model, proof));
                proof.map_or_else(Vec::new, |proof| {
                    signed(self.reporter(model), Call::Report(proof))
                })
            }
            Kind::Cancel => governed(Call::Cancel(slashed(model, a))),
            Kind::Apply => signed(pick(ACTORS, b), Call::Apply(slashed(model, a))),
        }
    }

    /// The right origin, or now and then a wrong one.
    fn origin(&self, right: Origin) -> Origin {
        match (self.args[5], right) {
            (0xf0..=0xf7, _) => Origin::Nobody,
            (0xf8.., Origin::Root) => Origin::Signed(pick(ACTORS, self.args[0])),
            (0xf8.., _) => Origin::Root,
            _ => right,
        }
    }

    /// Goes to just before, at or just after a deadline, and does what was waiting for it.
    fn deadline(&self, model: &Model) -> Vec<Step> {
        let [a, b, c, ..] = self.args;
        let mut deadlines = self.deadlines(model);
        deadlines.retain(|(block, _)| *block > model.now);
        deadlines.sort_by_key(|(block, _)| *block);
        // Near ones more often, else everything has expired all the time.
        let near = if c < 192 { deadlines.len().min(4) } else { deadlines.len() };
        if near == 0 {
            return vec![Step::GoTo(model.now + 1)];
        }
        let (block, then) = deadlines.swap_remove(usize::from(a) % near);
        let to = (block + u64::from(b % 3)).saturating_sub(1);
        let mut steps = Vec::new();
        if to > model.now {
            steps.push(Step::GoTo(to));
        }
        steps.push(then);
        steps
    }

    /// Last blocks (first ones of slashes), with what to try around them.
    fn deadlines(&self, model: &Model) -> Vec<(u64, Step)> {
        let [.., d, e, _] = self.args;
        let by = |who, call| Step::Call(Origin::Signed(who), call);
        let stranger = pick(ACTORS, d);
        let mut all = Vec::new();
        for (who, validator) in &model.validators {
            if let Some(until) = validator.bonded_until {
                let call = if d < 128 { Call::Withdraw } else { Call::CleanUp(*who) };
                all.push((until, by(*who, call)));
            }
            for (_, until) in &validator.unbonding {
                all.push((*until, by(*who, Call::WithdrawUnbonded)));
            }
            for (key, until) in &validator.old_checkpoint_keys {
                let claim = Claim { key: *key, is_good: true };
                let half = |hash| Half {
                    key: *key,
                    checkpoint: validator.slashable_from,
                    hash,
                    is_forged: false,
                };
                let proof = Proof { is_here: true, first: half(1), second: half(2) };
                all.push((
                    *until,
                    match e % 3 {
                        0 => by(stranger, Call::RotateCheckpointKey(claim)),
                        _ => by(stranger, Call::Report(proof)),
                    },
                ));
            }
            for (key, until) in &validator.old_peer_keys {
                let claim = Claim { key: *key, is_good: true };
                all.push((
                    *until,
                    match e % 2 {
                        0 => by(stranger, Call::RotateDirectorKey(claim)),
                        _ => by(stranger, Call::RotatePeerKey(claim)),
                    },
                ));
            }
            for vote in validator.votes.values() {
                all.push((vote.until, by(stranger, Call::SubmitVotes(vec![*vote]))));
            }
        }
        for slash in &model.pending {
            all.push((slash.apply_at, by(stranger, Call::Apply(slash.validator))));
        }
        for block in &model.proven {
            let another = pick_or_actor(model.validators.keys().copied(), d);
            let step = self.proof(model, another).map(|proof| by(stranger, Call::Report(proof)));
            all.extend(step.map(|step| (block + CORRELATION, step)));
        }
        all
    }

    /// Changes the least stake; then those who have too little are revoked, by a session or one by one.
    fn upgrade(&self, model: &Model) -> Vec<Step> {
        let [a, b, ..] = self.args;
        let min_stake = [1_000, 2_000, 4_000][usize::from(a) % 3];
        let mut steps = vec![Step::SetMinStake(min_stake)];
        if b % 4 == 0 {
            steps.push(Step::Plan);
        } else {
            let revoke =
                |who: &Account| Step::Call(Origin::Signed(*who), Call::RevokeLowStake(*who));
            steps.extend(model.validators.keys().map(revoke));
        }
        steps
    }

    /// Ends a director's term and begins another one, perhaps in one block.
    fn another_term(&self, model: &Model) -> Vec<Step> {
        let [a, b, c, ..] = self.args;
        let director = pick_or_actor(model.directors.keys().copied(), a);
        let claim = Claim { key: free_key(model, b), is_good: true };
        let mut steps = vec![
            Step::Call(Origin::Root, Call::Remove(director)),
            Step::Call(Origin::Root, Call::Add(director)),
            Step::Call(Origin::Signed(director), Call::Activate(claim, Details::Good)),
        ];
        if c % 2 == 0 {
            steps.insert(2, Step::GoTo(model.now + 1));
        }
        steps
    }

    fn register(&self, model: &Model) -> Vec<Step> {
        let [a, b, c, d, e, _] = self.args;
        let new = ACTORS.into_iter().filter(|who| !model.validators.contains_key(who));
        let who = pick_or_actor(new, a);
        let min_stake = model.min_stake;
        let stake = match b {
            240.. => amount(model, who, b),
            _ => {
                [10_000, 5_000, 20_000, min_stake, min_stake + 1, min_stake - 1][usize::from(b) % 6]
            }
        };
        let checkpoint = Claim { key: free_key(model, c), is_good: e < 240 };
        let peer_key = match d {
            ODD.. => free_key(model, c),
            _ => free_key(model, c.wrapping_add(1 + d % 16)),
        };
        let peer = Claim { key: peer_key, is_good: e % 16 != 15 };
        let call = Call::Register { stake, checkpoint, peer };
        vec![Step::Call(self.origin(Origin::Signed(who)), call)]
    }

    /// A vote of a director as it would make it now.
    fn vote(&self, model: &Model, director: Account, validator: Account) -> Vote {
        let [_, b, c, d, ..] = self.args;
        let (id, known) = model
            .validators
            .get(&validator)
            .map_or((0, None), |v| (v.id, v.votes.get(&director).map(|vote| vote.nonce)));
        let (signer, since) = model.directors.get(&director).map_or((1, 1), |d| (d.key, d.since));
        // Signed at the block before, which is finalized, or some blocks earlier.
        let signed_at = model.now.saturating_sub(1 + u64::from(d % 4)).max(since);
        let nonce = known.map_or(0, |nonce| nonce + 1).max(signed_at << 16);
        let lasts = [1_000, 50, UNBONDING, 3, 0, 10][usize::from(c) % 6];
        let until = model.now + lasts;
        Vote { director, signer, validator, id, approves: b % 4 != 3, nonce, until }
    }

    /// All directors say the same, each in its turn or all at once.
    fn all_vote(&self, model: &Model) -> Vec<Step> {
        let [a, .., e, _] = self.args;
        let stays = |who: &Account| model.validators[who].stays();
        let is_outside = |who: &Account| model.validators[who].status != Status::Authorized;
        let staying = model.validators.keys().copied().filter(stays);
        let validator = match e {
            0..192 => pick_or_actor(staying.filter(is_outside), a),
            _ => pick_or_actor(staying, a),
        };
        let votes = model.directors.keys().map(|director| self.vote(model, *director, validator));
        let mut votes: Vec<_> = votes.collect();
        if e % 8 == 7 {
            votes[0] = self.odd(model, votes[0]);
        }
        let by = |votes| {
            let who = pick(ACTORS, e);
            Step::Call(self.origin(Origin::Signed(who)), Call::SubmitVotes(votes))
        };
        if e % 4 == 3 {
            votes.into_iter().map(|vote| by(vec![vote])).collect()
        } else {
            vec![by(votes)]
        }
    }

    fn one_votes(&self, model: &Model) -> Vec<Step> {
        let [a, _, c, .., e, _] = self.args;
        let validator = pick_or_actor(model.validators.keys().copied(), a);
        let director = pick_or_actor(model.directors.keys().copied(), e);
        let vote = self.odd(model, self.vote(model, director, validator));
        let votes = if c == 0xff { Vec::new() } else { vec![vote] };
        vec![Step::Call(self.origin(Origin::Signed(pick(ACTORS, e))), Call::SubmitVotes(votes))]
    }

    /// Makes a vote bad in one way or another.
    fn odd(&self, model: &Model, mut vote: Vote) -> Vote {
        let since = model.directors.get(&vote.director).map_or(1, |director| director.since);
        match self.args[3] / 4 % 8 {
            0 => vote.nonce = vote.nonce.saturating_sub(1),
            1 => vote.until = model.now - 1,
            2 => vote.id = vote.id.saturating_sub(1),
            3 => vote.signer += 1,
            4 => vote.nonce = model.now << 16,
            5 => vote.nonce = (since << 16).saturating_sub(1),
            6 => vote.nonce = (model.now << 16) - 1,
            _ => {
                let former = |who: &Account| !model.directors.contains_key(who);
                vote.director = pick(ACTORS.into_iter().filter(former), self.args[4]);
            }
        }
        vote
    }

    /// Brings votes that were brought before.
    fn vote_again(&self, model: &Model) -> Vec<Step> {
        let [a, b, c, ..] = self.args;
        if model.seen.is_empty() {
            return Vec::new();
        }
        // The latest, or any one.
        let back = if c < 192 { usize::from(a) % 8 } else { usize::from(a) * 256 + usize::from(b) };
        let last = model.seen.len() - 1 - back % model.seen.len();
        let first = last.saturating_sub(usize::from(b) % 3);
        let votes = model.seen[first..=last].to_vec();
        vec![Step::Call(Origin::Signed(pick(ACTORS, a)), Call::SubmitVotes(votes))]
    }

    /// Mostly directors, who are paid for it; sometimes the offender itself.
    fn reporter(&self, model: &Model) -> Account {
        match self.args[4] % 4 {
            0 => pick(ACTORS, self.args[0]),
            1 => pick_or_actor(model.validators.keys().copied(), self.args[0]),
            _ => pick_or_actor(model.directors.keys().copied(), self.args[4] / 4),
        }
    }

    /// Two votes by keys that the validator has or had, around the first that is not excused.
    fn proof(&self, model: &Model, validator: Account) -> Option<Proof> {
        let [_, b, c, d, ..] = self.args;
        let validator = model.validators.get(&validator)?;
        let old = validator.old_checkpoint_keys.iter().map(|(key, _)| *key);
        let keys: Vec<_> = [validator.checkpoint_key].into_iter().chain(old).collect();
        let from = validator.slashable_from;
        let checkpoint = match d % 8 {
            0 => from.saturating_sub(1),
            1 => from + 1,
            2 | 3 => model.now / 10,
            _ => from,
        };
        let half =
            |n, hash| Half { key: pick(keys.clone(), n), checkpoint, hash, is_forged: false };
        Some(Proof { is_here: true, first: half(b, 1), second: half(c, 2) })
    }

    /// Makes a proof bad in one way or another.
    fn spoil(&self, model: &Model, mut proof: Proof) -> Proof {
        let [.., d, e, _] = self.args;
        match d % 9 {
            0 => proof.is_here = false,
            1 => proof.second.hash = proof.first.hash,
            2 => std::mem::swap(&mut proof.first, &mut proof.second),
            3 => proof.second.checkpoint += 1,
            4 => proof.first.key = SMALL_ORDER,
            5 => proof.second.key = free_key(model, e),
            6 => {
                let keys = model.validators.values().map(|other| other.checkpoint_key);
                proof.second.key = pick(keys, e);
            }
            7 => proof.first.is_forged = true,
            _ => proof.second.is_forged = true,
        }
        proof
    }
}

/// The `n`th of what is there.
fn pick<T>(from: impl IntoIterator<Item = T>, n: u8) -> T {
    let mut from: Vec<_> = from.into_iter().collect();
    from.swap_remove(usize::from(n) % from.len())
}

/// The `n`th of those accounts, or now and then anybody.
fn pick_or_actor(from: impl IntoIterator<Item = Account>, n: u8) -> Account {
    let from: Vec<_> = from.into_iter().collect();
    if n >= ODD || from.is_empty() { pick(ACTORS, n) } else { pick(from, n) }
}

/// Who leaves, mostly.
fn leaving(model: &Model, n: u8) -> Account {
    let leaves = |who: &Account| model.validators[who].bonded_until.is_some();
    pick_or_actor(model.validators.keys().copied().filter(leaves), n)
}

/// Who is to be slashed, mostly.
fn slashed(model: &Model, n: u8) -> Account {
    pick_or_actor(model.pending.iter().map(|slash| slash.validator), n)
}

/// A key that nobody has, or now and then any.
fn free_key(model: &Model, n: u8) -> Key {
    let mut free = keys().filter(|key| !model.is_taken(*key)).peekable();
    match n {
        0..ODD if free.peek().is_some() => pick(free, n),
        0xff => SMALL_ORDER,
        _ => pick(keys(), n),
    }
}

fn details(n: u8) -> Details {
    match n {
        0..240 => Details::Good,
        240..245 => Details::NoEndpoints,
        245..250 => Details::NoCapacity,
        _ => Details::NoText,
    }
}

/// A usual amount, or one at the edge of what the account has.
fn amount(model: &Model, who: Account, n: u8) -> u64 {
    let free = model.free.get(&who).copied().unwrap_or_default();
    let spare = free.saturating_sub(crate::mock::ED);
    match n {
        0..200 => [4_000, 1_000, 10_000, 3_999][usize::from(n) % 4],
        200..220 => 1 + u64::from(n),
        220..240 => 0,
        240..248 => spare,
        _ => spare + 1,
    }
}
