/**
 * The network as ConfigMaps: what the adaptor that speaks for a site heard, for the controller, the command line and Skupper's
 * tools. Pure.
 *
 * A small network is one ConfigMap with Skupper's key `NetworkStatus`. A larger one is compressed and spread over as many as it
 * takes. Each part names the digest of the whole, so that parts of different writes are never put together; equal views give
 * equal texts.
 */
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { KubeObject } from '../../lib/kube/object.ts';
import { checkOf, type Static, Type } from '../../lib/shape.ts';
import type { NetworkView } from '../reconcile/observed.ts';
import { networkStatusOf, sitesOf } from './network-status.ts';
import type { SiteContent } from './record.ts';

export const NETWORK_STATUS_NAME = 'skupper-network-status';
/** A ConfigMap holds 1 MiB; Skupper's tools read only the plain form, so that is kept as long as it is harmless. */
const PLAIN_LENGTH_MAX = 400_000;
const PART_LENGTH_MAX = 900_000;
/** A third of the time for a tenth more of the size. */
const PACKING_LEVEL = 3;
/** Of what is unpacked: far above any network, far below what harms the reader. */
const TEXT_LENGTH_MAX = 256 * 1024 * 1024;

const KEY = {
  plain: 'NetworkStatus',
  part: 'NetworkStatus.gz',
  index: 'part',
  count: 'parts',
  digest: 'digest',
} as const;

const View = Type.Object({
  own: Type.Boolean(),
  settled: Type.Boolean(),
  gone: Type.Array(Type.String()),
});
const DOCUMENT = checkOf(Type.Object({ view: View }));

/** Name of the ConfigMap to its data, the one that readers look at first last: so parts are there before it names them. */
export function encodeNetwork(view: NetworkView, own: SiteContent | undefined): Map<string, Record<string, string>> {
  const head: Static<typeof View> = { own: own !== undefined, settled: view.settled, gone: [...view.gone].sort() };
  const sites = own === undefined ? view.sites : [own, ...view.sites];
  const { addresses, siteStatus } = networkStatusOf(sites);
  const text = JSON.stringify({ siteStatus, view: head });
  if (text.length <= PLAIN_LENGTH_MAX) {
    return new Map([[NETWORK_STATUS_NAME, { [KEY.plain]: JSON.stringify({ addresses, siteStatus, view: head }) }]]);
  }
  const packed = gzipSync(text, { level: PACKING_LEVEL }).toString('base64');
  const digest = digestOf(packed);
  const count = Math.ceil(packed.length / PART_LENGTH_MAX);
  const parts = Array.from({ length: count }, (_, index): [string, Record<string, string>] => [
    nameOf(index),
    {
      [KEY.part]: packed.slice(index * PART_LENGTH_MAX, (index + 1) * PART_LENGTH_MAX),
      [KEY.index]: String(index + 1),
      [KEY.count]: String(count),
      [KEY.digest]: digest,
    },
  ]);
  return new Map(parts.reverse());
}

/** Undefined when there is none, or when it is not whole: a reader then keeps what it had. */
export function decodeNetwork(maps: readonly KubeObject[]): NetworkView | undefined {
  const document = documentOf(maps);
  const sites = sitesOf(document);
  if (sites === undefined || !DOCUMENT.Check(document)) return undefined;
  const { own, settled, gone } = document.view;
  return { sites: own ? sites.slice(1) : sites, settled, gone: new Set(gone) };
}

/** Every site of the document, the one that wrote it included; undefined as above. */
export function decodeSites(maps: readonly KubeObject[]): SiteContent[] | undefined {
  return sitesOf(documentOf(maps));
}

function documentOf(maps: readonly KubeObject[]): unknown {
  return parse(
    textOf(new Map(maps.map(({ metadata, data }) => [metadata.name, (data ?? {}) as Record<string, string>]))),
  );
}

function textOf(parts: ReadonlyMap<string, Record<string, string>>): string | undefined {
  const first = parts.get(NETWORK_STATUS_NAME);
  if (first === undefined || first[KEY.plain] !== undefined) return first?.[KEY.plain];
  const count = Number(first[KEY.count]);
  if (!Number.isInteger(count) || count > parts.size) return undefined;
  const packed = Array.from({ length: count }, (_, index) => parts.get(nameOf(index))?.[KEY.part] ?? '').join('');
  if (digestOf(packed) !== first[KEY.digest]) return undefined;
  try {
    return gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: TEXT_LENGTH_MAX }).toString('utf8');
  } catch {
    return undefined;
  }
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function nameOf(index: number): string {
  return index === 0 ? NETWORK_STATUS_NAME : `${NETWORK_STATUS_NAME}-${index + 1}`;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
