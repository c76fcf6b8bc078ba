/** Whom a transit has been offered to in vain: hardly ever anybody, so that memory is taken with the first. */
export class Tried {
  private candidates: Set<unknown> | undefined;

  has(candidate: unknown): boolean {
    return this.candidates?.has(candidate) ?? false;
  }

  add(candidate: unknown): void {
    this.candidates ??= new Set();
    this.candidates.add(candidate);
  }

  clear(): void {
    this.candidates = undefined;
  }
}
