/** Labels as one text, `key=value,key=value`: how attributes of routers, tables of workloads and flags hold them. Pure. */

export type Labels = Readonly<Record<string, string>>;

/** Sorted by key, and as many as there is room for. */
export function labelsText(labels: Labels, lengthMax = Number.POSITIVE_INFINITY): string {
  const texts: string[] = [];
  let length = 0;
  for (const key of Object.keys(labels).sort()) {
    const text = `${key}=${labels[key]}`;
    length += text.length + 1;
    if (length > lengthMax) break;
    texts.push(text);
  }
  return texts.join(',');
}

/** Nothing is refused: a key without `=` has an empty value, and what is empty is left out. */
export function labelsIn(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair.trim(), ''] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}
