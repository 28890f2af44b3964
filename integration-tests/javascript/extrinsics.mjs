// Lives the whole life of directors and a validator through extrinsics: node extrinsics.mjs WS_URL
//
// Prints a line for each step; the last one says that all is well. Ends with status 1 and the reason
// otherwise.

import assert from 'node:assert/strict';
import { decodeAddress } from '@polkadot/util-crypto';
import { Refused, connect, fields, keyNamed } from './chain.mjs';

const UNIT = 1_000_000_000_000n;
const STAKE = 1_500n * UNIT;
const FUNDS = 3_000n * UNIT;

/** `KeyRole`: what a key is registered for. */
const ROLE = { directorPeer: 0, validatorPeer: 1, checkpoint: 2 };

/** Nonces that a director has for its votes in one block. */
const NONCES_PER_BLOCK = 1n << 16n;

/** Bounds the whole run, in milliseconds. */
const PATIENCE_MS = 120_000;

let steps = 0;

function done(step) {
  steps += 1;
  console.log(`${steps}. ${step}`);
}

/** Whether a call is refused with this name, and the metadata says why in words. */
async function isRefused(promise, name, words) {
  const error = await promise.then(() => null, (error) => error);
  if (!(error instanceof Refused)) {
    throw error ?? new Error(`${name} should have refused the call`);
  }
  assert.equal(error.name, name);
  assert.match(error.docs, words);
  done(`the refusal is readable: ${error.message}`);
}

function lookAround(chain) {
  const { api, keyring } = chain;
  for (const pallet of ['directorRegistry', 'validatorRegistry', 'slashingEvidence']) {
    const calls = Object.keys(api.tx[pallet]);
    const constants = Object.entries(api.consts[pallet]);
    assert.ok(calls.length > 0 && constants.length > 0, `${pallet} has calls and constants`);
    for (const undocumented of chain.undocumented(pallet)) {
      assert.fail(`the metadata does not name or explain ${undocumented}`);
    }
    const shown = constants.map(([name, value]) => `${name} ${value.toHuman()}`);
    done(`${pallet} has the calls ${calls.join(', ')} and the constants ${shown.join(', ')}`);
  }
  assert.equal(api.consts.validatorRegistry.minStake.toBigInt(), 1_000n * UNIT);
  const { address, publicKey } = keyring.addFromUri('//Alice');
  assert.equal(address, '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY');
  assert.deepEqual(decodeAddress(address, false, 42), publicKey);
  done(`the address ${address} has prefix 42`);
}

async function fund(chain, accounts) {
  const { api, council } = chain;
  for (const { address } of accounts) {
    const paid = await chain.send(api.tx.balances.transferKeepAlive(address, FUNDS), council[2]);
    const { to, amount } = fields(paid, 'balances.Transfer');
    assert.equal(to.toString(), address);
    assert.equal(amount.toBigInt(), FUNDS);
  }
  done(`${accounts.length} accounts have funds`);
}

async function becomeDirectors(chain, directors) {
  const { api } = chain;
  for (const { account } of directors) {
    const passed = await chain.pass(api.tx.directorRegistry.addDirector(account.address));
    assert.equal(fields(passed, 'directorRegistry.DirectorAdded').director.toString(), account.address);
  }
  done(`the council invites ${directors.length} directors`);
  for (const { account, key } of directors) {
    const possession = chain.possession(key, account, ROLE.directorPeer);
    const endpoints = [{ scope: 'Public', address: '/ip4/203.0.113.7/tcp/30400' }];
    const activate = api.tx.directorRegistry
      .activate(key.publicKey, possession, endpoints, 'eu-west', 100);
    const { director, peerKey } =
      fields(await chain.send(activate, account), 'directorRegistry.DirectorActivated');
    assert.equal(director.toString(), account.address);
    assert.deepEqual(peerKey.toU8a(true), key.publicKey);
  }
  done('they activate themselves, with proofs of possession');
}

async function register(chain, { account, peer, checkpoint }) {
  const register = () => chain.api.tx.validatorRegistry.register(
    STAKE,
    checkpoint.publicKey,
    chain.possession(checkpoint, account, ROLE.checkpoint),
    peer.publicKey,
    chain.possession(peer, account, ROLE.validatorPeer),
  );
  const registered = await chain.send(register(), account);
  const { stake, registrationId } = fields(registered, 'validatorRegistry.ValidatorRegistered');
  assert.equal(stake.toBigInt(), STAKE);
  done(`a validator with an ed25519 account registers, as registration ${registrationId}`);
  const again = chain.send(register(), account);
  await isRefused(again, 'validatorRegistry.AlreadyRegistered', /has a registration already/);
  return registrationId;
}

async function authorize(chain, directors, validator, registrationId) {
  const { api, council } = chain;
  const finalized = await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead());
  const block = finalized.number.toBigInt();
  const vote = chain.value('director_primitives::authorization::DirectorVote', {
    validator: validator.account.address,
    registrationId,
    decision: 'Approve',
    nonce: block * NONCES_PER_BLOCK,
    validUntil: block + 1_000n,
  });
  const signed = directors.slice(0, 2).map(({ account, key }) => ({
    director: account.address,
    vote,
    signature: chain.sign(key, 'authorization-vote', vote.toU8a()),
  }));
  const submitted = await chain.send(api.tx.validatorRegistry.submitVotes(signed), council[2]);
  const authorized = fields(submitted, 'validatorRegistry.ValidatorAuthorized');
  assert.equal(authorized.validator.toString(), validator.account.address);
  assert.equal(authorized.approvals.toNumber(), 2);
  assert.equal(authorized.directors.toNumber(), directors.length);
  assert.ok(submitted.info.paysFee.isNo, 'votes that decide something are free');
  done('the votes of two directors out of three authorize it');
}

async function changeStake(chain, { account }) {
  const { bondMore, unbond } = chain.api.tx.validatorRegistry;
  const bonded = await chain.send(bondMore(100n * UNIT), account);
  assert.equal(fields(bonded, 'validatorRegistry.StakeBonded').stake.toBigInt(), STAKE + 100n * UNIT);
  const unbonded = await chain.send(unbond(300n * UNIT), account);
  const { stake, withdrawableAt } = fields(unbonded, 'validatorRegistry.StakeUnbonded');
  assert.equal(stake.toBigInt(), STAKE - 200n * UNIT);
  done(`it bonds more, and unbonds a part that it can take out at block ${withdrawableAt}`);
  const tooMuch = chain.send(unbond(STAKE), account);
  await isRefused(tooMuch, 'validatorRegistry.StakeTooLow', /below `MinStake`/);
}

async function ask(chain, validator) {
  const { directorApi } = chain.api.call;
  const domain = await directorApi.domain();
  assert.equal(domain.genesisHash.toHex(), chain.api.genesisHash.toHex());
  assert.equal((await directorApi.directors()).active.length, 3);
  const [first] = await directorApi.validators(null, 10);
  assert.equal(first.account.toString(), validator.account.address);
  done(`DirectorApi answers: ${domain.maxDirectors} directors at most, validator ${first.account}`);

  const { address } = validator.account;
  const info = (await directorApi.validator(address)).unwrap();
  const seen = (await chain.view('ValidatorRegistry', 'validator', address)).unwrap();
  assert.equal(seen.toHex(), info.toHex());
  assert.ok(seen.status.isAuthorized);
  assert.equal(seen.unbonding.toBigInt(), 300n * UNIT);
  assert.equal((await chain.view('DirectorRegistry', 'stale_directors')).length, 0);
  const stored = (await chain.api.query.validatorRegistry.validators(address)).unwrap();
  assert.equal(stored.unbonding[0].amount.toBigInt(), 300n * UNIT);
  done(`view functions and storage say the same: ${seen.status.type}, stake ${seen.stake.toHuman()}`);
  return info.slashableFrom;
}

async function signTwice(chain, director, validator, checkpoint) {
  const { api } = chain;
  const { reportDoubleSign } = api.tx.slashingEvidence;
  const { checkpoint: key, account } = validator;
  const signed = (byte) => {
    const blockHash = `0x${byte.repeat(32)}`;
    const vote = chain.value('director_primitives::vote::CheckpointVote', { checkpoint, blockHash });
    const signature = chain.sign(key, 'checkpoint-vote', vote.toU8a());
    return { vote, key: key.publicKey, signature };
  };
  // The lower block hash first: one order is canonical.
  const [first, second] = ['aa', 'cc'].map(signed);
  const proof = { genesisHash: api.genesisHash, first, second };
  const forged = { ...proof, first: { ...first, signature: second.signature } };
  assert.ok((await api.call.directorApi.checkEvidence(forged)).asErr.isInvalidFirstSignature);
  const report = chain.send(reportDoubleSign(forged), director.account);
  const words = /signature of `first` does not verify/;
  await isRefused(report, 'slashingEvidence.InvalidFirstSignature', words);

  assert.ok((await api.call.directorApi.checkEvidence(proof)).isOk);
  const reported = await chain.send(reportDoubleSign(proof), director.account);
  const proven = fields(reported, 'slashingEvidence.DoubleSignProven');
  assert.equal(proven.validator.toString(), account.address);
  assert.equal(proven.firstHash.toHex(), first.vote.blockHash.toHex());
  assert.ok(fields(reported, 'validatorRegistry.ValidatorTombstoned').stake.eq(proven.stake));
  assert.ok(reported.info.paysFee.isNo, 'a valid report is free');
  const slash = await chain.view('SlashingEvidence', 'slash_of', account.address);
  assert.equal(slash.unwrap().applyAt.toString(), proven.applyAt.toString());
  done(`its double sign is proven, the slash waits until block ${proven.applyAt}`);
}

async function run(url) {
  const chain = await connect(url);
  lookAround(chain);
  const { keyring } = chain;
  const directors = [1, 2, 3].map((n) => ({
    account: keyring.addFromUri(`//JavaScript//director//${n}`),
    key: keyNamed(`director ${n}`),
  }));
  const validator = {
    account: keyring.addFromUri('//JavaScript//validator', {}, 'ed25519'),
    peer: keyNamed('validator peer'),
    checkpoint: keyNamed('validator checkpoint'),
  };
  await fund(chain, [...directors, validator].map(({ account }) => account));
  await becomeDirectors(chain, directors);
  const registrationId = await register(chain, validator);
  await authorize(chain, directors, validator, registrationId);
  await changeStake(chain, validator);
  const checkpoint = await ask(chain, validator);
  await signTwice(chain, directors[0], validator, checkpoint);
  await chain.disconnect();
}

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node extrinsics.mjs WS_URL');
  process.exit(2);
}
const timer = setTimeout(() => {
  console.error(`not done after ${PATIENCE_MS} ms`);
  process.exit(1);
}, PATIENCE_MS);
run(url).then(
  () => {
    clearTimeout(timer);
    console.log('all of it with nothing but the metadata');
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
