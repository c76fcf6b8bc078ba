/** What is looked at, as the part of the address behind `#`: `#/services/backend?sort=name`. Pure. */
export const VIEWS = ['network', 'services', 'links', 'sites', 'flows', 'events', 'tokens', 'policies'] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  readonly view: View;
  /** Of the one thing that is looked at, if any. */
  readonly id: string | undefined;
  readonly params: Readonly<Record<string, string>>;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [first = '', ...rest] = path.split('/');
  const view = VIEWS.find((name) => name === first) ?? 'network';
  const id = rest.length === 0 || rest[0] === '' ? undefined : decode(rest.join('/'));
  return { view, id, params: Object.fromEntries(new URLSearchParams(query)) };
}

export function href(view: View, id?: string, params: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => !!entry[1]);
  const query = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  return `#/${view}${id === undefined ? '' : `/${encodeURIComponent(id)}`}${query}`;
}

/** The picture with something of it chosen, or nothing; grouped as it is now. */
export function inPicture(
  { params: { by, group } }: Route,
  chosen: Readonly<Record<string, string | undefined>> = {},
): string {
  return href('network', undefined, { by, group, ...chosen });
}

/** One step back in the picture: from what is chosen, then from the group that is open. */
export function outOf(route: Route): string {
  const { by, group, ...chosen } = route.params;
  return inPicture(route, Object.keys(chosen).length > 0 ? {} : { group: undefined });
}

/** An address that somebody has cut off in the middle is no reason to show nothing. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
