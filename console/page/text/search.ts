/** What a typed text finds: everything that has each of its words in one of its fields. Pure. */

/** The words of a query, in lower case. */
export function words(query: string): string[] {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

export function matches(query: readonly string[], fields: readonly (string | undefined)[]): boolean {
  if (query.length === 0) return true;
  const text = fields.filter(Boolean).join('\n').toLowerCase();
  return query.every((word) => text.includes(word));
}
