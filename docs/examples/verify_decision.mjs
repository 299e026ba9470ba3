// Verifies a decision in Node, 18 or later, with nothing but its own library:
//
//     node verify_decision.mjs KEYS.jwk [MESSAGE.json]
//
// KEYS.jwk: enrolled public keys, a JWK or a JWK Set. MESSAGE.json: a payload of the topic `decision`, else standard
// input. Prints the signed decision. Exit code: 0 verified, 1 refused, 2 wrong usage.
//
// What is printed was signed by that terminal, at some time. Whether a door may open on it is asked afterwards: your
// own nonce, in time by your clock, capture live, enough assurance (docs/verification.md).

import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';

const TYPE = 'livegate-decision+json';
const ALGORITHMS = ['EdDSA', 'Ed25519'];
const LARGEST = 128 * 1024;

class Refused extends Error {}

function refuse(why) {
  throw new Refused(why);
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function json(text, name) {
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    refuse(`${name} is not JSON`);
  }
  return isObject(document) ? document : refuse(`${name} is not a JSON object`);
}

// Node takes base64url with anything between; only what encodes back to the same text counts.
function base64url(text) {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : refuse('a part of the JWS is not base64url');
}

function utf8(bytes, name) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse(`${name} is not UTF-8`);
  }
}

// RFC 7638: SHA-256 over the required members, by name.
function thumbprint(jwk) {
  const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x });
  return createHash('sha256').update(members).digest('base64url');
}

function enrolled(file) {
  const document = json(readFileSync(file, 'utf8'), file);
  const keys = new Map();
  for (const jwk of document.keys ?? [document]) {
    if (!isObject(jwk) || jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || typeof jwk.x !== 'string' || 'd' in jwk) {
      refuse(`${file} holds something else than Ed25519 public keys`);
    }
    const kid = thumbprint(jwk);
    if (jwk.kid !== undefined && jwk.kid !== kid) {
      refuse(`${file}: kid ${jwk.kid} is not the thumbprint of its key, ${kid}`);
    }
    keys.set(kid, { key: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: jwk.x }, format: 'jwk' }), device: jwk.device });
  }
  return keys;
}

function signedDecision(payload, keys) {
  if (payload.length > LARGEST) refuse(`the message has ${payload.length} bytes`);
  const message = json(utf8(payload, 'the message'), 'the message');
  if (typeof message.jws !== 'string' || !isObject(message.decision)) refuse('the message is no signed decision');

  const parts = message.jws.split('.');
  if (parts.length !== 3) refuse('the JWS has not three parts');
  const [head, content, signature] = parts.map(base64url);

  // Exactly these three: any other could change what the signature means.
  const header = json(utf8(head, 'the header'), 'the header');
  if (!isDeepStrictEqual(Object.keys(header).sort(), ['alg', 'kid', 'typ'])) refuse('the header has other fields');
  if (header.typ !== TYPE) refuse(`typ is ${JSON.stringify(header.typ)}`);
  if (!ALGORITHMS.includes(header.alg)) refuse(`alg is ${JSON.stringify(header.alg)}`);
  const signer = keys.get(header.kid);
  if (signer === undefined) refuse(`key ${JSON.stringify(header.kid)} is not enrolled`);

  const signed = Buffer.from(`${parts[0]}.${parts[1]}`, 'ascii');
  // null: Ed25519 takes the message itself, no digest of it.
  if (!verify(null, signed, signer.key, signature)) refuse('the signature does not fit');

  const text = utf8(content, 'the signed decision');
  const decision = json(text, 'the signed decision');
  if (!isDeepStrictEqual(decision, message.decision)) refuse('the readable copy differs from what was signed');
  if (signer.device !== undefined && signer.device !== decision.device) {
    refuse(`the key is enrolled for ${signer.device} and signed for ${decision.device}`);
  }
  return text;
}

// A pipe may be empty for a moment: reading it synchronously would fail then.
async function piped() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const [keyFile, messageFile, ...more] = process.argv.slice(2);
if (keyFile === undefined || more.length > 0) {
  console.error('usage: node verify_decision.mjs KEYS.jwk [MESSAGE.json]');
  process.exit(2);
}
try {
  const payload = messageFile === undefined ? await piped() : readFileSync(messageFile);
  console.log(signedDecision(payload, enrolled(keyFile)));
} catch (error) {
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
