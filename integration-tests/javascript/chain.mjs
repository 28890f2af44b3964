// Talks to a chain of which it knows nothing but what the metadata says.

import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { stringCamelCase, u8aConcat, u8aToHex } from '@polkadot/util';
import {
  blake2AsU8a, cryptoWaitReady, ed25519PairFromSeed, ed25519Sign,
} from '@polkadot/util-crypto';

/** How long an extrinsic may take until it is finalized, in milliseconds. */
const FINALITY_MS = 30_000;

/** What a council motion's call may weigh: more than any of the pallets' calls does. */
const WEIGHT_BOUND = { refTime: 50_000_000_000n, proofSize: 1_000_000n };

/** The chain refused a call: `name` is `pallet.Error`, `docs` is what the metadata says of it. */
export class Refused extends Error {
  constructor(name, docs) {
    super(`${name}: ${docs}`);
    this.name = name;
    this.docs = docs;
  }
}

/** Connects; no type is registered by hand. */
export async function connect(url) {
  await cryptoWaitReady();
  // One attempt: who starts this script has seen the node answer.
  const provider = new WsProvider(url, false, {}, FINALITY_MS);
  await provider.connect();
  const api = await ApiPromise.create({ provider, throwOnConnect: true, noInitWarn: true });
  return new Chain(api);
}

class Chain {
  constructor(api) {
    this.api = api;
    // The format of addresses is among the constants.
    const ss58Format = api.consts.system.ss58Prefix.toNumber();
    this.keyring = new Keyring({ type: 'sr25519', ss58Format });
    this.council = ['//Alice', '//Bob', '//Charlie'].map((uri) => this.keyring.addFromUri(uri));
  }

  /** Waits until a call is finalized; its events. Throws `Refused` if it failed there. */
  async send(call, signer) {
    const { registry } = this.api;
    return bounded(`${call.method.section}.${call.method.method}`, (resolve, reject) => {
      const onResult = ({ status, events, dispatchError, dispatchInfo }) => {
        if (status.isInvalid || status.isDropped || status.isUsurped) {
          reject(new Error(`the pool says ${status.type}`));
        } else if (status.isFinalized && dispatchError) {
          reject(refused(registry, dispatchError));
        } else if (status.isFinalized) {
          resolve({ events: events.map(({ event }) => event), info: dispatchInfo });
        }
      };
      call.signAndSend(signer, onResult).catch(reject);
    });
  }

  /** Has two thirds of the council pass a motion. */
  async pass(call) {
    const { api, council } = this;
    const length = call.method.encodedLength;
    const proposed = await this.send(api.tx.council.propose(2, call, length), council[0]);
    const { proposalIndex, proposalHash } = fields(proposed, 'council.Proposed');
    const vote = (member) => this.send(api.tx.council.vote(proposalHash, proposalIndex, true), member);
    await Promise.all(council.slice(0, 2).map(vote));
    const close = api.tx.council.close(proposalHash, proposalIndex, WEIGHT_BOUND, length);
    const closed = await this.send(close, council[0]);
    const { result } = fields(closed, 'council.Executed');
    if (result.isErr) {
      throw refused(api.registry, result.asErr);
    }
    return closed;
  }

  /** A value of the type with this path in the metadata. */
  value(path, value) {
    const { registry } = this.api;
    const found = registry.lookup.types.find(({ type }) => type.path.join('::') === path);
    if (!found) {
      throw new Error(`the metadata has no type ${path}`);
    }
    return registry.createType(registry.createLookupType(found.id), value);
  }

  /** An ed25519 key's signature of a statement: docs/protocol.md, section 2. */
  sign(key, kind, body) {
    const context = new TextEncoder().encode(`director/v1/${kind}\0`);
    return ed25519Sign(u8aConcat(context, this.api.genesisHash.toU8a(true), body), key);
  }

  /** A key's signature that it belongs to an account, in a role. The only body that is in no call. */
  possession(key, account, role) {
    return this.sign(key, 'possession', u8aConcat(account.publicKey, [role], key.publicKey));
  }

  /** What of a pallet the metadata leaves without a name or a word: calls, events, errors, and the rest. */
  undocumented(pallet) {
    const { registry, runtimeMetadata } = this.api;
    const of = runtimeMetadata.asLatest.pallets.find(({ name }) => stringCamelCase(name) === pallet);
    const variants = ['calls', 'events', 'errors'].flatMap((kind) =>
      registry.lookup.getSiType(of[kind].unwrap().type).def.asVariant.variants);
    const named = variants.flatMap((variant) =>
      variant.fields.map(({ name, docs }) =>
        ({ name: name.isSome && `${variant.name}.${name}`, docs, isField: true })));
    const items = of.storage.unwrap().items;
    return [...variants, ...named, ...items, ...of.constants, ...of.viewFunctions]
      .filter(({ name, docs, isField }) => !name || (!isField && docs.length === 0))
      .map(({ name }) => `${pallet}.${name}`);
  }

  /** What a pallet's view function answers, found and decoded by the metadata. */
  async view(pallet, name, ...inputs) {
    const { registry, call, runtimeMetadata } = this.api;
    const pallets = runtimeMetadata.asLatest.pallets;
    const ofPallet = pallets.find((of) => of.name.toString() === pallet);
    const of = ofPallet?.viewFunctions.find((of) => of.name.toString() === name);
    if (!of) {
      throw new Error(`the metadata has no view function ${pallet}.${name}`);
    }
    const encoded = of.inputs.map(({ type }, at) =>
      registry.createType(registry.createLookupType(type), inputs[at]).toU8a());
    const id = { prefix: of.id.slice(0, 16), suffix: of.id.slice(16) };
    // As hex: plain bytes would be taken for an encoding with its length in front.
    const input = u8aToHex(u8aConcat(...encoded));
    const answer = await call.runtimeViewFunction.executeViewFunction(id, input);
    if (answer.isErr) {
      throw new Error(`${pallet}.${name}: ${answer.asErr.type}`);
    }
    return registry.createType(registry.createLookupType(of.output), answer.asOk.toU8a(true));
  }

  disconnect() {
    return this.api.disconnect();
  }
}

/** The fields, by name, of the one event with this name. */
export function fields({ events }, name) {
  const found = events.filter((event) => `${event.section}.${event.method}` === name);
  if (found.length !== 1) {
    const names = events.map((event) => `${event.section}.${event.method}`);
    throw new Error(`there should be one event ${name} among ${names.join(', ')}`);
  }
  const { data } = found[0];
  return Object.fromEntries(data.names.map((field, at) => [field, data[at]]));
}

/** The ed25519 key pair with a name, the same each time. */
export function keyNamed(name) {
  return ed25519PairFromSeed(blake2AsU8a(name));
}

function refused(registry, error) {
  if (!error.isModule) {
    return new Refused(error.type, 'no error of a pallet');
  }
  const { section, name, docs } = registry.findMetaError(error.asModule);
  return new Refused(`${section}.${name}`, docs.join(' ').trim());
}

/** A promise that fails after `FINALITY_MS`. */
async function bounded(what, start) {
  let timer;
  const late = new Promise((_, reject) => {
    const error = new Error(`${what} is not finalized after ${FINALITY_MS} ms`);
    timer = setTimeout(() => reject(error), FINALITY_MS);
  });
  try {
    return await Promise.race([new Promise(start), late]);
  } finally {
    clearTimeout(timer);
  }
}
