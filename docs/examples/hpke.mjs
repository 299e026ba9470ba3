// HPKE (RFC 9180), base mode, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305, in Node 18 or later
// with nothing but its own library. What is sealed: 32 bytes of encapsulated key, the ciphertext, 16 bytes of tag.

import { createCipheriv, createDecipheriv, createHmac, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';

const KEM = Buffer.from('KEM\x00\x20', 'latin1');
const SUITE = Buffer.from('HPKE\x00\x20\x00\x01\x00\x03', 'latin1');
const CIPHER = 'chacha20-poly1305';
const EMPTY = Buffer.alloc(0);

function hmac(key, ...parts) {
  return createHmac('sha256', key).update(Buffer.concat(parts)).digest();
}

// Sections 4 and 7.2: HKDF (RFC 5869) whose inputs name version, suite and purpose. No length here is above 32: one block.
function labeledExtract(suite, salt, label, ikm) {
  return hmac(salt, Buffer.from('HPKE-v1'), suite, Buffer.from(label), ikm);
}

function labeledExpand(suite, secret, label, info, length) {
  const size = Buffer.from([length >> 8, length & 255]);
  return hmac(secret, size, Buffer.from('HPKE-v1'), suite, Buffer.from(label), info, Buffer.from([1])).subarray(0, length);
}

// Section 4.1. shared: what both sides get by X25519; Node refuses a point of small order.
function kemSecret(shared, enc, recipient) {
  const secret = labeledExtract(KEM, EMPTY, 'eae_prk', shared);
  return labeledExpand(KEM, secret, 'shared_secret', Buffer.concat([enc, recipient]), 32);
}

// Section 5.1 in base mode: no key shared before.
function keySchedule(shared, info) {
  const context = Buffer.concat([
    Buffer.from([0]),
    labeledExtract(SUITE, EMPTY, 'psk_id_hash', EMPTY),
    labeledExtract(SUITE, EMPTY, 'info_hash', info),
  ]);
  const secret = labeledExtract(SUITE, shared, 'secret', EMPTY);
  return [labeledExpand(SUITE, secret, 'key', context, 32), labeledExpand(SUITE, secret, 'base_nonce', context, 12)];
}

export function publicKey(x) {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
}

function raw(key) {
  return Buffer.from(key.export({ format: 'jwk' }).x, 'base64url');
}

// recipient: a public key. sender: the pair of this one message; another one only to check a published example.
export function seal(recipient, info, content, aad = EMPTY, sender = generateKeyPairSync('x25519')) {
  const shared = diffieHellman({ privateKey: sender.privateKey, publicKey: recipient });
  const enc = raw(sender.publicKey);
  const [key, nonce] = keySchedule(kemSecret(shared, enc, raw(recipient)), info);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad, { plaintextLength: content.length });
  return Buffer.concat([enc, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

// key: the recipient's private one. Throws where it does not open.
export function open(key, info, sealed, aad = EMPTY) {
  const enc = sealed.subarray(0, 32);
  const end = sealed.length - 16;
  if (end < 32) throw new Error('too short to be sealed');
  const shared = diffieHellman({ privateKey: key, publicKey: publicKey(enc.toString('base64url')) });
  const [secret, nonce] = keySchedule(kemSecret(shared, enc, raw(createPublicKey(key))), info);
  const decipher = createDecipheriv(CIPHER, secret, nonce, { authTagLength: 16 });
  decipher.setAAD(aad, { plaintextLength: end - 32 });
  decipher.setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(32, end)), decipher.final()]);
}
