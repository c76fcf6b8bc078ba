/**
 * From an address as it stands in a message or a terminus to the key of the address table.
 *
 * The first character of a key is its class: `L` local, `T` all routers, `R` one router, `M` mobile, `H` edge
 * summary, `A` another area (skupper-router's `parse_address_view`, wire reference 4.1).
 */
import { plainAddress } from '../../lib/routing-address.ts';

export function hashKey(address: string, routerId: string): string {
  const text = plainAddress(address);
  if (text.charCodeAt(0) !== UNDERSCORE) return `M${text}`;
  if (text.startsWith('_local/')) return `L${text.slice('_local/'.length)}`;
  if (text.startsWith('_topo/')) return topologicalKey(text.slice('_topo/'.length), routerId);
  if (text.startsWith('_edge/')) return edgeKey(text.slice('_edge/'.length), routerId);
  return `M${text}`;
}

const UNDERSCORE = 0x5f;

function topologicalKey(rest: string, routerId: string): string {
  const [area, router, tail] = splitTwo(rest);
  if (area !== '0') return `A${area}`;
  if (router === 'all') return `T${tail}`;
  return router === routerId ? `L${tail}` : `R${router}`;
}

function edgeKey(rest: string, routerId: string): string {
  const slash = rest.indexOf('/');
  const edge = slash < 0 ? rest : rest.slice(0, slash);
  return edge === routerId ? `L${slash < 0 ? '' : rest.slice(slash + 1)}` : `H${edge}`;
}

/** `area/router/tail`; a missing part is empty. */
function splitTwo(text: string): [string, string, string] {
  const first = text.indexOf('/');
  if (first < 0) return [text, '', ''];
  const second = text.indexOf('/', first + 1);
  if (second < 0) return [text.slice(0, first), text.slice(first + 1), ''];
  return [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)];
}
