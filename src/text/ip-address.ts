import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';

/** Longer than any address with its zone and port. */
const MAX_LENGTH = 100;
const WITH_PORT = /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/;
const MAPPED = /^::ffff:(?=\d+\.)/;

/**
 * An IP address in canonical form: IPv4 in four decimal numbers, also where it is mapped into IPv6; IPv6 as in RFC
 * 5952. A port, brackets and a zone are left out. Null for all else.
 */
export function canonicalAddress(text: string): string | null {
  if (text.length > MAX_LENGTH) return null;
  const [, inBrackets, beforePort] = WITH_PORT.exec(text.trim()) ?? [];
  const address = (inBrackets ?? beforePort ?? text.trim()).replace(/%.*$/, '');
  if (isIPv4(address)) return inBrackets === undefined ? address : null;
  if (!isIPv6(address)) return null;
  return new SocketAddress({ address, family: 'ipv6' }).address.replace(MAPPED, '');
}

export interface Network {
  address: string;
  bits: number;
  family: 'ipv4' | 'ipv6';
}

/** An address, or a network such as 10.0.0.0/8, in canonical form; null for all else. */
export function parseNetwork(text: string): Network | null {
  const [given = '', bits, ...rest] = text.split('/');
  const address = isIPv4(given) || isIPv6(given) ? canonicalAddress(given) : null;
  if (address === null || rest.length > 0 || !(bits === undefined || /^\d{1,3}$/.test(bits))) return null;
  const [most, ofAddress] = [isIPv4(given) ? 32 : 128, isIPv4(address) ? 32 : 128];
  // Of an IPv4 address in IPv6 the last 32 bits are its own.
  const own = (bits === undefined ? most : Number(bits)) - (most - ofAddress);
  return own < 0 || own > ofAddress ? null : { address, bits: own, family: ofAddress === 32 ? 'ipv4' : 'ipv6' };
}

/** Whether an address in canonical form is in one of the networks. @throws {TypeError} for what is no network. */
export function isWithin(networks: readonly string[]): (address: string | null) => boolean {
  const list = new BlockList();
  for (const text of networks) {
    const network = parseNetwork(text);
    if (!network) throw new TypeError('a network that is none');
    list.addSubnet(network.address, network.bits, network.family);
  }
  return (address) => address !== null && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/**
 * The address of the client: of the connection's peer and of `X-Forwarded-For`, read from its end, the first that is
 * not a trusted proxy; where all are, the one that it begins with. Null where a trusted proxy names no address, such as
 * `unknown`: what stands before that could be written by anybody.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string,
  isTrusted: (address: string | null) => boolean,
): string | null {
  let client = canonicalAddress(peer ?? '');
  // An empty element of a list counts for nothing (RFC 9110, 5.6.1.2).
  const named = forwardedFor.split(',').filter((element) => element.trim() !== '');
  for (let element = named.pop(); element !== undefined && isTrusted(client); element = named.pop())
    client = canonicalAddress(element);
  return client;
}

/**
 * The network that one client may be in: an IPv4 address, or an IPv6 /64, which is what one customer has at least (RFC
 * 6177). All clients without an address are one network.
 */
export function networkOf(address: string | null): string {
  if (address === null) return 'unknown';
  if (isIPv4(address)) return address;
  const [left = '', right = ''] = address.split('::');
  const before = left.split(':').filter(Boolean);
  const after = right.split(':').filter(Boolean);
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}
